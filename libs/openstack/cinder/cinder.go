// Package cinder has the port to Cinder. It is free of the SDK; libs/openstack/client implements it.
//
// Every method is at most one writing call, made once. Errors are errs.Error with a CLOUD_ reason. Lists may be a little
// older than the last write. Deleting what is gone is no error.
package cinder

import "context"

// TypeVolume is the type of volumes in the ledger. It never changes.
const TypeVolume = "cinder.volume"

// Status of a volume.
type Status string

// The statuses that count here; Cinder has more.
const (
	Creating  Status = "creating"
	Available Status = "available"
	Attaching Status = "attaching"
	InUse     Status = "in-use"
	Detaching Status = "detaching"
	Deleting  Status = "deleting"
	Error     Status = "error"
)

// Volume is a disk that outlives the server it is attached to.
type Volume struct {
	ID, Name, ProjectID string
	SizeGiB             int
	Status              Status
	// Servers are the servers it is attached to.
	Servers []string
}

// Filter narrows a list; what is empty does not narrow.
type Filter struct{ Name, ProjectID string }

// Cloud are volumes.
type Cloud interface {
	// Volume returns one volume as it is now, not as a list has it.
	Volume(ctx context.Context, id string) (Volume, error)
	Volumes(ctx context.Context, f Filter) ([]Volume, error)
	CreateVolume(ctx context.Context, v Volume) (Volume, error)
	RenameVolume(ctx context.Context, v Volume) (Volume, error)
	DeleteVolume(ctx context.Context, id string) error
}

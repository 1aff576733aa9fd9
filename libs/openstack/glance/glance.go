// Package glance has the port to Glance. It is free of the SDK; libs/openstack/client implements it.
package glance

import "context"

// Active is the status of an image that servers boot from.
const Active = "active"

// Image is a disk that servers boot from.
type Image struct {
	ID, Name, Status string
	MinRAMMiB        int
	MinDiskGiB       int
}

// Cloud are images.
type Cloud interface {
	// Images returns the images of a name, the youngest first.
	Images(ctx context.Context, name string) ([]Image, error)
}

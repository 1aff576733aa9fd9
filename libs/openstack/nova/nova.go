// Package nova has the ports to Nova: its objects, and one small interface for each type of object. It is free of the
// SDK; libs/openstack/client implements it.
//
// Every method is at most one writing call, made once. Errors are errs.Error with a CLOUD_ reason. Lists may be a little
// older than the last write. Deleting, detaching or stopping what is gone is no error.
package nova

import (
	"context"
	"time"
)

// MaxUserData is how many bytes of user data Nova takes for a server: as base64 they have 65,535 characters at most.
const MaxUserData = 65535 / 4 * 3

// Types of objects in the ledger. They never change.
const (
	TypeServer     = "nova.server"
	TypeGroup      = "nova.server_group"
	TypeAttachment = "nova.volume_attachment"
)

// Status of a server.
type Status string

// The statuses that count here; Nova has more.
const (
	Build   Status = "BUILD"
	Active  Status = "ACTIVE"
	Shutoff Status = "SHUTOFF"
	Error   Status = "ERROR"
	Deleted Status = "DELETED"
)

// Server is a virtual machine.
type Server struct {
	ID, Name, ProjectID string
	Status              Status
	// Flavor and Image are ids where a server is made. A server that is read has the flavor's name.
	Flavor, Image string
	Group         string // of servers that stay apart; empty for none
	Ports         []string
	UserData      []byte
	Metadata      map[string]string
	Fault         Fault
	Created       time.Time
}

// Fault is Nova's own reason for a server in ERROR.
type Fault struct {
	Code    int
	Message string
}

// Group is a server group.
type Group struct{ ID, Name, ProjectID, Policy string }

// AntiAffinity is the policy of a group whose servers never share a hypervisor.
const AntiAffinity = "anti-affinity"

// Flavor is a size of servers.
type Flavor struct {
	ID, Name     string
	VCPUs        int
	RAMMiB, Disk int
	Specs        map[string]string
}

// Filter narrows a list; what is empty does not narrow.
type Filter struct{ Name, ProjectID string }

// Servers are servers.
type Servers interface {
	// Server returns one server as it is now, not as a list has it.
	Server(ctx context.Context, id string) (Server, error)
	Servers(ctx context.Context, f Filter) ([]Server, error)
	CreateServer(ctx context.Context, s Server) (Server, error)
	StartServer(ctx context.Context, id string) error
	StopServer(ctx context.Context, id string) error
	DeleteServer(ctx context.Context, id string) error
}

// Groups are server groups.
type Groups interface {
	Group(ctx context.Context, id string) (Group, error)
	Groups(ctx context.Context, f Filter) ([]Group, error)
	CreateGroup(ctx context.Context, g Group) (Group, error)
	DeleteGroup(ctx context.Context, id string) error
}

// Attachments are the volumes that servers have.
type Attachments interface {
	// Attached returns the ids of a server's volumes.
	Attached(ctx context.Context, serverID string) ([]string, error)
	Attach(ctx context.Context, projectID, serverID, volumeID string) error
	Detach(ctx context.Context, serverID, volumeID string) error
}

// Flavors are the sizes of servers that the operator offers.
type Flavors interface {
	// Flavors returns all flavors with their extra specs.
	Flavors(ctx context.Context) ([]Flavor, error)
}

// Cloud is all of it.
type Cloud interface {
	Servers
	Groups
	Attachments
	Flavors
}

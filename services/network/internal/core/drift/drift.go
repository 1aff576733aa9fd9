// Package drift compares what the cloud holds with what was asked for. It is pure: it gets what the cloud listed, what we
// own and what is wanted of it, and returns findings. It promises never to take an object for ours that is not in the
// ledger, and never to judge a resource it was told to leave alone.
package drift

import (
	"time"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// FindingKind is how the cloud differs.
type FindingKind string

// The kinds.
const (
	// Missing is an object of ours that is gone.
	Missing FindingKind = "MISSING"
	// Changed is an object of ours that somebody changed.
	Changed FindingKind = "CHANGED"
	// Foreign is an object of others in a project of ours, in a network of ours or on a router of ours. It is reported, never
	// touched.
	Foreign FindingKind = "FOREIGN"
)

// Finding is one difference.
type Finding struct {
	UID, Tenant string
	// Resource is the name of what it concerns, ResourceUID its unique id.
	Resource, ResourceUID string
	Kind                  FindingKind
	ObjectType, ObjectID  string
	Detail                string
	// Steps put it right; none for Foreign.
	Steps []string
	// Operation is the name of the one that puts it right; empty for Foreign.
	Operation                     string
	FirstSeen, LastSeen, Resolved time.Time
}

// Key is equal for one finding that is seen twice.
type Key struct {
	ResourceUID          string
	Kind                 FindingKind
	ObjectType, ObjectID string
}

// Key of the finding.
func (f Finding) Key() Key { return Key{f.ResourceUID, f.Kind, f.ObjectType, f.ObjectID} }

// Snapshot is what the cloud lists.
type Snapshot struct {
	Scopes   []neutron.Scope
	Pools    []neutron.Pool
	Networks []neutron.Network
	Subnets  []neutron.Subnet
	Routers  []neutron.Router
	Ports    []neutron.Port
	Groups   []neutron.Group
}

// Owned is one line of the ledger.
type Owned struct {
	ResourceUID, Resource, Tenant string
	Step, Type, ID, Name          string
	Attributes                    map[string]string
}

// Wanted is what was asked for.
type Wanted struct {
	Boundaries []boundary.Boundary
	Hubs       []hub.Hub
	Vpcs       []vpc.Vpc
	Peerings   []peering.Peering
	// Skip are the uids of resources that are worked on, or were a moment ago: lists may be older than that.
	Skip map[string]bool
}

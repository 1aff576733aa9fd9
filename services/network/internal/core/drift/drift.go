// Package drift finds the objects of others among ours: in our projects, in our networks and on our routers. It is pure. It never
// takes an object for a stranger that the ledger has, or that a resource may be making or removing at the moment.
package drift

import (
	"fmt"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// Owned is one line of the ledger.
type Owned struct {
	Kind, ResourceUID, Resource, Tenant string
	Step, Type, ID, Name                string
}

// Stranger is an object of others, with the object of ours that it is reported with.
type Stranger struct {
	With                         Owned
	ObjectType, ObjectID, Detail string
}

// judge holds what a comparison needs, indexed.
type judge struct {
	busy     map[string]bool
	networks map[string]neutron.Network
	// owned are our objects by type and id, hubs an object of the hub of each project.
	owned map[string]map[string]Owned
	hubs  map[string]Owned
	found []Stranger
}

// Strangers returns the objects of others. Busy has the uid of every resource there is, and whether it is being worked on.
func Strangers(cloud *neutron.Snapshot, owned []Owned, busy map[string]bool) []Stranger {
	j := &judge{busy: busy, networks: map[string]neutron.Network{}, owned: map[string]map[string]Owned{}, hubs: map[string]Owned{}}
	for _, n := range cloud.Networks {
		j.networks[n.ID] = n
	}
	for _, o := range owned {
		if j.owned[o.Type] == nil {
			j.owned[o.Type] = map[string]Owned{}
		}
		j.owned[o.Type][o.ID] = o
	}
	for _, n := range cloud.Networks {
		j.hub(topology.TypeNetwork, n.ID, n.ProjectID)
	}
	for _, r := range cloud.Routers {
		j.hub(topology.TypeRouter, r.ID, r.ProjectID)
	}
	j.projects(cloud)
	for _, s := range cloud.Subnets {
		if n, ok := j.owned[topology.TypeNetwork][s.NetworkID]; ok && !j.owns(topology.TypeSubnet, s.ID) {
			j.add(n, topology.TypeSubnet, s.ID, fmt.Sprintf("subnet %s (%s) in network %s is not ours", s.ID, s.CIDR, title(n)))
		}
	}
	for _, p := range cloud.Ports {
		j.port(p)
	}
	return j.found
}

// hub notes the project of an object of a hub.
func (j *judge) hub(objectType, id, project string) {
	if o, ok := j.owned[objectType][id]; ok && o.Kind == hub.Kind {
		j.hubs[project] = o
	}
}

func (j *judge) owns(objectType, id string) bool {
	_, ok := j.owned[objectType][id]
	return ok
}

// add reports a stranger, unless the resource of our object is being worked on or no longer there.
func (j *judge) add(with Owned, objectType, id, detail string) {
	if busy, known := j.busy[with.ResourceUID]; known && !busy {
		j.found = append(j.found, Stranger{with, objectType, id, detail})
	}
}

package drift

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// defaultGroup is the name of the security group Neutron makes in every project.
const defaultGroup = "default"

// stranger is an object in a project of ours, as far as it matters whether it is ours.
type stranger struct {
	objectType, id, name, project string
	tags                          []string
}

// projects finds the objects of others in our projects, outside of our networks. The finding of a network covers its parts.
func (j *judge) projects(cloud *neutron.Snapshot) {
	for _, x := range cloud.Scopes {
		j.stranger(stranger{topology.TypeScope, x.ID, x.Name, x.ProjectID, nil})
	}
	for _, x := range cloud.Pools {
		j.stranger(stranger{topology.TypePool, x.ID, x.Name, x.ProjectID, nil})
	}
	for _, x := range cloud.Networks {
		j.stranger(stranger{topology.TypeNetwork, x.ID, x.Name, x.ProjectID, x.Tags})
	}
	for _, x := range cloud.Routers {
		j.stranger(stranger{topology.TypeRouter, x.ID, x.Name, x.ProjectID, x.Tags})
	}
	for _, x := range cloud.Groups {
		if x.Name != defaultGroup {
			j.stranger(stranger{topology.TypeGroup, x.ID, x.Name, x.ProjectID, x.Tags})
		}
	}
	for _, x := range cloud.Subnets {
		if !j.inOurs(x.NetworkID) {
			j.stranger(stranger{topology.TypeSubnet, x.ID, x.Name, x.ProjectID, nil})
		}
	}
	for _, x := range cloud.Ports {
		if !j.inOurs(x.NetworkID) && !x.NeutronOwn() && !j.owns(topology.TypeRouter, x.DeviceID) {
			j.stranger(stranger{topology.TypePort, x.ID, x.Name, x.ProjectID, nil})
		}
	}
}

// inOurs reports the networks that are judged themselves: our own, and those of others in our projects.
func (j *judge) inOurs(network string) bool {
	_, ours := j.hubs[j.networks[network].ProjectID]
	return j.owns(topology.TypeNetwork, network) || ours
}

// stranger reports an object with the hub of its project, unless it is ours: in the ledger, or so named that it may be what a
// resource makes or removes at this moment.
func (j *judge) stranger(s stranger) {
	h, ok := j.hubs[s.project]
	if !ok || s.project == "" || j.owns(s.objectType, s.id) || j.busy[naming.UID(s.name, s.tags)] {
		return
	}
	text := s.id
	if s.name != "" {
		text += " (" + s.name + ")"
	}
	j.add(h, s.objectType, s.id, fmt.Sprintf("%s %s in project %s is not ours", noun(s.objectType), text, s.project))
}

func (j *judge) port(p neutron.Port) {
	if j.owns(topology.TypePort, p.ID) || j.owns(topology.TypeInterface, p.ID) || p.NeutronOwn() {
		return
	}
	if n, ok := j.owned[topology.TypeNetwork][p.NetworkID]; ok {
		if !j.workload(n, p) {
			j.add(n, topology.TypePort, p.ID, fmt.Sprintf("%s in network %s is not ours", p.Describe(), title(n)))
		}
		return
	}
	if r, ok := j.owned[topology.TypeRouter][p.DeviceID]; ok {
		j.add(r, topology.TypePort, p.ID, fmt.Sprintf("router %s was joined to network %s of others", title(r), p.NetworkID))
	}
}

// workload reports the servers a network is for: those of its own project, on a network that is not a link.
func (j *judge) workload(n Owned, p neutron.Port) bool {
	link := n.Step == topology.StepTransitNetwork || n.Kind == peering.Kind
	return p.Workload() && !link && p.ProjectID == j.networks[n.ID].ProjectID
}

func noun(objectType string) string {
	return strings.ReplaceAll(strings.TrimPrefix(objectType, "neutron."), "_", " ")
}

func title(o Owned) string { return cmp.Or(o.Name, o.ID) }

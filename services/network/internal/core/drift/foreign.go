package drift

import (
	"fmt"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// foreign finds what others put into our networks, onto our routers and into our projects.
func (j *judge) foreign(cloud Snapshot) {
	j.strangers(cloud)
	for _, s := range cloud.Subnets {
		if n, ok := j.owned[topology.TypeNetwork][s.NetworkID]; ok && j.judged(n.ResourceUID) {
			if _, ours := j.owned[topology.TypeSubnet][s.ID]; !ours {
				j.add(n, Foreign, topology.TypeSubnet, s.ID, fmt.Sprintf("subnet %s (%s) in network %s is not ours", s.ID, s.CIDR, title(n)))
			}
		}
	}
	for _, p := range cloud.Ports {
		j.foreignPort(p)
	}
}

// defaultGroup is the name of the security group Neutron makes in every project.
const defaultGroup = "default"

// stranger is an object in a project of ours, as far as it matters whether it is ours.
type stranger struct {
	objectType, id, name, project string
	tags                          []string
}

// strangers finds the objects of others in our projects, outside of our networks. The finding of a network covers its parts.
func (j *judge) strangers(cloud Snapshot) {
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
		if !j.inOurs(x.NetworkID) && !x.NeutronOwn() && j.owned[topology.TypeRouter][x.DeviceID].ID == "" {
			j.stranger(stranger{topology.TypePort, x.ID, x.Name, x.ProjectID, nil})
		}
	}
}

// inOurs reports the networks that are judged themselves: our own, and those of others in our projects.
func (j *judge) inOurs(network string) bool {
	_, owned := j.owned[topology.TypeNetwork][network]
	_, ours := j.wants.hubs[j.networks[network].ProjectID]
	return owned || ours
}

// stranger reports an object with the hub of its project, unless it is ours: in the ledger, or so named that it may be what a
// resource makes or removes at this moment.
func (j *judge) stranger(s stranger) {
	h, ok := j.wants.hubs[s.project]
	if _, owned := j.owned[s.objectType][s.id]; !ok || s.project == "" || owned || !j.judged(h.ResourceUID) || j.skip[naming.UID(s.name, s.tags)] {
		return
	}
	text := s.id
	if s.name != "" {
		text += " (" + s.name + ")"
	}
	j.add(h, Foreign, s.objectType, s.id, fmt.Sprintf("%s %s in project %s is not ours", noun(s.objectType), text, s.project))
}

func (j *judge) foreignPort(p neutron.Port) {
	_, port := j.owned[topology.TypePort][p.ID]
	_, iface := j.owned[topology.TypeInterface][p.ID]
	if port || iface || p.NeutronOwn() {
		return
	}
	if n, ok := j.owned[topology.TypeNetwork][p.NetworkID]; ok {
		if j.judged(n.ResourceUID) && !j.workload(n, p) {
			j.add(n, Foreign, topology.TypePort, p.ID, fmt.Sprintf("%s in network %s is not ours", p.Describe(), title(n)))
		}
		return
	}
	if r, ok := j.owned[topology.TypeRouter][p.DeviceID]; ok && j.judged(r.ResourceUID) {
		j.add(r, Foreign, topology.TypePort, p.ID, fmt.Sprintf("router %s was joined to network %s of others", title(r), p.NetworkID))
	}
}

// workload reports the servers a network is for: those of its own project, on a network that is not a link.
func (j *judge) workload(n Owned, p neutron.Port) bool {
	subnet := topology.StepSubnet
	if n.Step == topology.StepTransitNetwork {
		subnet = topology.StepTransitSubnet
	}
	// Links have no DHCP: no server could live there.
	isLink := !j.wants.subnets[objectKey{n.ResourceUID, subnet}].dhcp
	return p.Workload() && !isLink && p.ProjectID == j.wants.project[n.ResourceUID]
}

package drift

import (
	"net/netip"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// objectKey is one step of one resource.
type objectKey struct{ uid, step string }

// subnetWant is what a subnet must be like.
type subnetWant struct {
	gateway netip.Addr
	dhcp    bool
}

// groupWant is what the rules of a group must be.
type groupWant struct {
	rules []neutron.Rule
	keep  func(neutron.Rule) bool
}

// wants is what every object must be like, by step and resource.
type wants struct {
	known   map[string]string // names of the resources there are, by uid
	project map[string]string
	// hubs are the hubs of the projects, as whatever is found in a project is reported.
	hubs    map[string]Owned
	subnets map[objectKey]subnetWant
	groups  map[string]groupWant
	routes  map[string][]neutron.Route // that a resource's router may have
	// hubRouter is the router a VPC is linked to.
	hubRouter map[string]string
}

func (w Wanted) wants() *wants {
	out := &wants{
		known: map[string]string{}, project: map[string]string{}, hubs: map[string]Owned{}, subnets: map[objectKey]subnetWant{},
		groups: map[string]groupWant{}, routes: map[string][]neutron.Route{}, hubRouter: map[string]string{},
	}
	for _, b := range w.Boundaries {
		out.known[b.UID] = b.Name()
	}
	hubs := make(map[string]hub.Hub, len(w.Hubs))
	for _, h := range w.Hubs {
		hubs[h.Name.Parent().String()] = h
		out.addHub(h)
	}
	vpcs := make(map[string]vpc.Vpc, len(w.Vpcs))
	for _, v := range w.Vpcs {
		h := hubs[v.Name.Parent().String()]
		vpcs[v.UID] = v
		out.addVpc(v, h)
	}
	for _, p := range w.Peerings {
		out.addPeering(p, vpcs[p.VpcUID], vpcs[p.PeerUID])
	}
	for _, p := range w.Peerings {
		a, b := vpcs[p.VpcUID], vpcs[p.PeerUID]
		out.share(p, a.UID, b.CIDR)
		out.share(p, b.UID, a.CIDR)
	}
	return out
}

func (w *wants) addHub(h hub.Hub) {
	w.known[h.UID], w.project[h.UID] = h.Name.String(), h.ProjectID
	w.hubs[h.ProjectID] = Owned{ResourceUID: h.UID, Resource: h.Name.String(), Tenant: h.Name.Tenant}
	w.subnets[objectKey{h.UID, topology.StepSubnet}] = subnetWant{ipam.Host(h.CIDR, 1), true}
	w.groups[h.UID] = groupWant{rules: topology.HubRules(h), keep: none}
}

func (w *wants) addVpc(v vpc.Vpc, h hub.Hub) {
	w.known[v.UID], w.project[v.UID] = v.Name.String(), v.ProjectID
	w.subnets[objectKey{v.UID, topology.StepSubnet}] = subnetWant{ipam.Host(v.CIDR, 1), true}
	w.subnets[objectKey{v.UID, topology.StepTransitSubnet}] = subnetWant{ipam.Host(v.Transit, 1), false}
	w.groups[v.UID] = groupWant{rules: topology.VpcRules(v), keep: none}
	w.routes[v.UID] = append(w.routes[v.UID], topology.VpcRoute(v))
	w.routes[h.UID] = append(w.routes[h.UID], topology.HubRoute(v))
	w.hubRouter[v.UID] = h.Cloud.RouterID
}

func (w *wants) addPeering(p peering.Peering, a, b vpc.Vpc) {
	w.known[p.UID], w.project[p.UID] = p.Name.String(), a.ProjectID
	w.subnets[objectKey{p.UID, topology.StepSubnet}] = subnetWant{ipam.Host(p.Link, 1), false}
	if p.Acceptance != peering.Accepted {
		return
	}
	ofVpc, ofPeer := topology.PeeringRoutes(p, a.CIDR, b.CIDR)
	w.routes[a.UID] = append(w.routes[a.UID], ofVpc)
	w.routes[b.UID] = append(w.routes[b.UID], ofPeer)
}

// share spares the rules in a VPC's group that a peering stands on.
func (w *wants) share(p peering.Peering, uid string, other netip.Prefix) {
	g, ok := w.groups[uid]
	if !ok {
		return
	}
	spared := g.keep
	g.keep = func(r neutron.Rule) bool { return spared(r) || topology.PeeringNeeds(p, other, r) }
	w.groups[uid] = g
}

func none(neutron.Rule) bool { return false }

package isolation

import (
	"net/netip"
	"strings"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// couple is two sites, in this direction, by uid.
type couple struct{ from, to string }

// wanted is what the objects in the cloud may be like, by what was asked for before and after they were looked at.
type wanted struct {
	// rules are those of a group, routes those of a router, networks those a router may have a port in.
	rules    map[string][]neutron.Rule
	routes   map[string]map[neutron.Route]bool
	networks map[string]map[string]bool
	// links are the networks between routers, with the uid of the resource they belong to.
	links map[string]string
	// routed are the pairs that should be linked, ingress the rules that say what gets through to a site: both as they should
	// be in the end.
	routed  map[couple]bool
	ingress map[string][]neutron.Rule
	// busy are resources worked on, peered the peerings of a pair.
	busy   map[string]bool
	peered map[couple][]string
}

// want reads both intents. An object that either accounts for is no offender; the second says what should be.
func want(m *reachability.Model, networks []reachability.Network, before, after Intent) *wanted {
	w := &wanted{
		rules: map[string][]neutron.Rule{}, routes: map[string]map[neutron.Route]bool{}, networks: map[string]map[string]bool{},
		links: map[string]string{}, routed: map[couple]bool{}, ingress: map[string][]neutron.Rule{}, busy: map[string]bool{},
		peered: map[couple][]string{},
	}
	w.findBusy(before, after)
	for i, in := range []Intent{before, after} {
		w.findLinks(m, networks, in)
		w.add(in, i == 1)
	}
	return w
}

// findBusy marks what is worked on, and what is not the same before and after.
func (w *wanted) findBusy(before, after Intent) {
	seen := [2]map[string]int64{{}, {}}
	for i, in := range []Intent{before, after} {
		for uid := range in.Busy {
			w.busy[uid] = true
		}
		for _, h := range in.Hubs {
			seen[i][h.UID] = h.Revision
		}
		for _, v := range in.Vpcs {
			seen[i][v.UID] = v.Revision
		}
		for _, p := range in.Peerings {
			seen[i][p.UID] = p.Revision
		}
	}
	for i := range seen {
		for uid, revision := range seen[i] {
			if other, ok := seen[1-i][uid]; !ok || other != revision {
				w.busy[uid] = true
			}
		}
	}
}

// findLinks knows the networks between routers by the uid in their name and by their addresses: while a resource is made
// its row does not name them yet.
func (w *wanted) findLinks(m *reachability.Model, networks []reachability.Network, in Intent) {
	blocks := map[string]netip.Prefix{}
	for _, v := range in.Vpcs {
		blocks[v.UID] = v.Transit
	}
	for _, p := range in.Peerings {
		blocks[p.UID] = p.Link
	}
	for _, n := range networks {
		uid := n.Name[strings.LastIndexByte(n.Name, '-')+1:]
		block, ok := blocks[uid]
		subnets := m.Subnets(n.ID)
		if ok && len(subnets) == 1 && subnets[0].CIDR == block {
			w.links[n.ID] = uid
		}
	}
	for _, v := range in.Vpcs {
		if v.Cloud.TransitNetworkID != "" {
			w.links[v.Cloud.TransitNetworkID] = v.UID
		}
	}
}

func (w *wanted) add(in Intent, final bool) {
	hubs := map[string]hub.Hub{}
	vpcs := map[string]vpc.Vpc{}
	linksOf := map[string][]string{}
	for network, uid := range w.links {
		linksOf[uid] = append(linksOf[uid], network)
	}
	for _, h := range in.Hubs {
		hubs[h.Name.Parent().String()] = h
		w.allowRules(h.Cloud.SecurityGroupID, topology.HubRules(h)...)
		w.allowNetworks(h.Cloud.RouterID, h.Cloud.NetworkID)
		if final {
			w.ingress[h.UID] = topology.HubRules(h)
		}
	}
	for _, v := range in.Vpcs {
		h := hubs[v.Name.Parent().String()]
		vpcs[v.UID] = v
		w.addVpc(v, h, linksOf[v.UID], final)
	}
	for _, p := range in.Peerings {
		w.addPeering(p, vpcs[p.VpcUID], vpcs[p.PeerUID], linksOf[p.UID], final)
	}
}

func (w *wanted) addVpc(v vpc.Vpc, h hub.Hub, links []string, final bool) {
	w.allowRules(v.Cloud.SecurityGroupID, topology.VpcRules(v)...)
	w.allowNetworks(v.Cloud.RouterID, append(links, v.Cloud.NetworkID)...)
	w.allowNetworks(h.Cloud.RouterID, links...)
	w.allowRoute(v.Cloud.RouterID, topology.VpcRoute(v))
	w.allowRoute(h.Cloud.RouterID, topology.HubRoute(v))
	if final {
		w.ingress[v.UID] = append(w.ingress[v.UID], topology.VpcRules(v)...)
		w.routed[couple{h.UID, v.UID}], w.routed[couple{v.UID, h.UID}] = true, true
	}
}

func (w *wanted) addPeering(p peering.Peering, a, b vpc.Vpc, links []string, final bool) {
	w.peered[couple{a.UID, b.UID}] = append(w.peered[couple{a.UID, b.UID}], p.UID)
	w.peered[couple{b.UID, a.UID}] = append(w.peered[couple{b.UID, a.UID}], p.UID)
	if p.Acceptance != peering.Accepted {
		return
	}
	intoA, intoB := topology.PeeringRule(p.UID, a.ProjectID, b.CIDR), topology.PeeringRule(p.UID, b.ProjectID, a.CIDR)
	ofVpc, ofPeer := topology.PeeringRoutes(p, a.CIDR, b.CIDR)
	w.allowRules(a.Cloud.SecurityGroupID, intoA)
	w.allowRules(b.Cloud.SecurityGroupID, intoB)
	w.allowRoute(a.Cloud.RouterID, ofVpc)
	w.allowRoute(b.Cloud.RouterID, ofPeer)
	w.allowNetworks(a.Cloud.RouterID, links...)
	w.allowNetworks(b.Cloud.RouterID, links...)
	if final && p.Status.State != stateDeleting {
		w.ingress[a.UID], w.ingress[b.UID] = append(w.ingress[a.UID], intoA), append(w.ingress[b.UID], intoB)
		w.routed[couple{a.UID, b.UID}], w.routed[couple{b.UID, a.UID}] = true, true
	}
}

func (w *wanted) allowRules(group string, rules ...neutron.Rule) {
	if group != "" {
		w.rules[group] = append(w.rules[group], rules...)
	}
}

func (w *wanted) allowRoute(router string, r neutron.Route) {
	if w.routes[router] == nil {
		w.routes[router] = map[neutron.Route]bool{}
	}
	w.routes[router][r] = true
}

func (w *wanted) allowNetworks(router string, networks ...string) {
	if w.networks[router] == nil {
		w.networks[router] = map[string]bool{}
	}
	for _, n := range networks {
		w.networks[router][n] = true
	}
}

// unsettled reports whether a change of a pair is under way.
func (w *wanted) unsettled(from, to string) bool {
	for _, uid := range append([]string{from, to}, w.peered[couple{from, to}]...) {
		if w.busy[uid] {
			return true
		}
	}
	return false
}

// asked reports whether a rule that lets something in was asked for, or lets in nothing beyond what was.
func (w *wanted) asked(m *reachability.Model, group string, r reachability.Rule) bool {
	for _, have := range w.rules[group] {
		if have.Direction == neutron.Ingress && covered(m, r, have) {
			return true
		}
	}
	return false
}

// meanwhile reports the rules that a site may hold while it is worked on.
func (w *wanted) meanwhile(s Site, r reachability.Rule) bool {
	if uid, ok := strings.CutPrefix(r.Description, naming.PeeringDescription("")); ok {
		return w.busy[uid]
	}
	return w.busy[s.UID] && strings.HasPrefix(r.Description, naming.IngressDescription(""))
}

// covered reports whether all that one rule lets in another does.
func covered(m *reachability.Model, r reachability.Rule, by neutron.Rule) bool {
	if r.IPv6 != (by.EtherType == "IPv6") {
		return false
	}
	if by.Protocol != "" {
		mine, ok := reachability.ProtocolNumber(r.Protocol)
		theirs, _ := reachability.ProtocolNumber(by.Protocol)
		if !ok || mine != theirs {
			return false
		}
	}
	if by.PortMin != 0 && (r.Min == nil || *r.Min < by.PortMin || r.Max == nil || *r.Max > by.PortMax) {
		return false
	}
	if !by.Remote.IsValid() {
		return true
	}
	for _, p := range m.Remotes(r) {
		if p.Bits() < by.Remote.Bits() || !by.Remote.Contains(p.Addr()) {
			return false
		}
	}
	return true
}

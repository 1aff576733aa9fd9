package drift

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// judge holds the three sides of a comparison, indexed.
type judge struct {
	wants    *wants
	skip     map[string]bool
	scopes   map[string]neutron.Scope
	pools    map[string]neutron.Pool
	networks map[string]neutron.Network
	subnets  map[string]neutron.Subnet
	routers  map[string]neutron.Router
	ports    map[string]neutron.Port
	groups   map[string]neutron.Group
	rules    map[string]neutron.Rule
	// owned are our objects by type and id.
	owned map[string]map[string]Owned

	found map[Key]*Finding
	order []Key
}

// Compare returns the differences of the cloud from the spec, in the order of the ledger.
func Compare(cloud Snapshot, owned []Owned, wanted Wanted) []Finding {
	j := newJudge(cloud, owned, wanted)
	for _, o := range owned {
		if j.judged(o.ResourceUID) {
			j.object(o)
		}
	}
	j.foreign(cloud)
	out := make([]Finding, len(j.order))
	for i, k := range j.order {
		out[i] = *j.found[k]
	}
	return out
}

func newJudge(cloud Snapshot, owned []Owned, wanted Wanted) *judge {
	j := &judge{
		wants: wanted.wants(), skip: wanted.Skip, owned: map[string]map[string]Owned{}, found: map[Key]*Finding{},
		scopes:   index(cloud.Scopes, func(s neutron.Scope) string { return s.ID }),
		pools:    index(cloud.Pools, func(p neutron.Pool) string { return p.ID }),
		networks: index(cloud.Networks, func(n neutron.Network) string { return n.ID }),
		subnets:  index(cloud.Subnets, func(s neutron.Subnet) string { return s.ID }),
		routers:  index(cloud.Routers, func(r neutron.Router) string { return r.ID }),
		ports:    index(cloud.Ports, func(p neutron.Port) string { return p.ID }),
		groups:   index(cloud.Groups, func(g neutron.Group) string { return g.ID }),
		rules:    map[string]neutron.Rule{},
	}
	for _, g := range cloud.Groups {
		for _, r := range g.Rules {
			j.rules[r.ID] = r
		}
	}
	for _, o := range owned {
		if j.owned[o.Type] == nil {
			j.owned[o.Type] = map[string]Owned{}
		}
		j.owned[o.Type][o.ID] = o
	}
	return j
}

func index[T any](of []T, id func(T) string) map[string]T {
	out := make(map[string]T, len(of))
	for _, x := range of {
		out[id(x)] = x
	}
	return out
}

// judged is false for what is worked on, and for what no record wants any more.
func (j *judge) judged(uid string) bool {
	_, known := j.wants.known[uid]
	return known && !j.skip[uid]
}

// add notes a difference; several of one object become one finding.
func (j *judge) add(o Owned, kind FindingKind, objectType, objectID, detail string, steps ...string) {
	f := Finding{
		Tenant: o.Tenant, Resource: o.Resource, ResourceUID: o.ResourceUID, Kind: kind, ObjectType: objectType, ObjectID: objectID,
		Detail: detail, Steps: steps,
	}
	if was, ok := j.found[f.Key()]; ok {
		was.Detail += "; " + detail
		was.Steps = append(was.Steps, steps...)
		slices.Sort(was.Steps)
		was.Steps = slices.Compact(was.Steps)
		return
	}
	j.found[f.Key()] = &f
	j.order = append(j.order, f.Key())
}

func (j *judge) missing(o Owned) {
	j.add(o, Missing, o.Type, o.ID, fmt.Sprintf("%s %s is gone", noun(o.Type), title(o)), o.Step)
}

func (j *judge) changed(o Owned, detail string, steps ...string) {
	j.add(o, Changed, o.Type, o.ID, detail, steps...)
}

// object judges one object of ours.
func (j *judge) object(o Owned) {
	switch o.Type {
	case topology.TypeScope:
		if _, ok := j.scopes[o.ID]; !ok {
			j.missing(o)
		}
	case topology.TypePool:
		if _, ok := j.pools[o.ID]; !ok {
			j.missing(o)
		}
	case topology.TypeNetwork:
		j.network(o)
	case topology.TypeSubnet:
		j.subnet(o)
	case topology.TypeRouter:
		j.router(o)
	case topology.TypePort:
		j.port(o)
	case topology.TypeInterface:
		j.iface(o)
	case topology.TypeRoute:
		j.route(o)
	case topology.TypeGroup:
		j.group(o)
	case topology.TypeRule:
		if _, ok := j.rules[o.ID]; !ok {
			j.missing(o)
		}
	}
}

func (j *judge) network(o Owned) {
	n, ok := j.networks[o.ID]
	if !ok {
		j.missing(o)
		return
	}
	j.named(o, n.Name, n.AdminUp)
	j.tagged(o, n.Tags)
}

// named judges what most objects have.
func (j *judge) named(o Owned, name string, up bool) {
	if name != o.Name && o.Name != "" {
		j.changed(o, fmt.Sprintf("%s %s was renamed to %q", noun(o.Type), title(o), name), o.Step)
	}
	if !up {
		j.changed(o, fmt.Sprintf("%s %s was switched off", noun(o.Type), title(o)), o.Step)
	}
}

func (j *judge) tagged(o Owned, tags []string) {
	step := topology.TagStep(o.Step)
	if step == "" {
		return
	}
	for _, want := range naming.Tags(o.ResourceUID, o.Tenant) {
		if !slices.Contains(tags, want) {
			j.changed(o, fmt.Sprintf("%s %s lost its tag %q", noun(o.Type), title(o), want), step)
			return
		}
	}
}

func (j *judge) subnet(o Owned) {
	s, ok := j.subnets[o.ID]
	if !ok {
		j.missing(o)
		return
	}
	j.named(o, s.Name, true)
	want, ok := j.wants.subnets[objectKey{o.ResourceUID, o.Step}]
	if !ok {
		return
	}
	if s.Gateway != want.gateway {
		j.changed(o, fmt.Sprintf("the gateway of subnet %s is %s, not %s", title(o), orNone(s.Gateway), want.gateway), o.Step)
	}
	if s.DHCP != want.dhcp {
		j.changed(o, fmt.Sprintf("DHCP of subnet %s was switched %s", title(o), onOff(s.DHCP)), o.Step)
	}
}

func (j *judge) router(o Owned) {
	r, ok := j.routers[o.ID]
	if !ok {
		j.missing(o)
		return
	}
	j.named(o, r.Name, r.AdminUp)
	j.tagged(o, r.Tags)
	for _, route := range r.Routes {
		if !slices.Contains(j.wants.routes[o.ResourceUID], route) {
			j.changed(o, fmt.Sprintf("router %s has a route to %s via %s that nobody asked for", title(o), route.Destination, route.NextHop), o.Step)
		}
	}
}

func (j *judge) port(o Owned) {
	p, ok := j.ports[o.ID]
	if !ok {
		j.missing(o)
		return
	}
	j.named(o, p.Name, p.AdminUp)
}

// iface judges a router's interface. Where its router is gone, that is the finding; where its port is, that is.
func (j *judge) iface(o Owned) {
	router := o.Attributes[topology.AttrRouter]
	if j.awaits(o, router) {
		return
	}
	p, ok := j.ports[o.ID]
	if _, made := j.owned[topology.TypePort][o.ID]; made && !ok {
		return
	}
	if !ok || p.DeviceID != router {
		j.add(o, Changed, topology.TypeRouter, router, fmt.Sprintf("its interface in subnet %s is detached", o.Attributes[topology.AttrSubnet]), o.Step)
		return
	}
	if !p.AdminUp {
		// A port that was made for the router is mended by its own step.
		if _, made := j.owned[topology.TypePort][o.ID]; !made {
			j.changed(o, "its interface was switched off", o.Step)
		}
	}
}

func (j *judge) route(o Owned) {
	router := o.Attributes[topology.AttrRouter]
	if j.awaits(o, router) {
		return
	}
	for _, r := range j.routers[router].Routes {
		if r.Destination.String() == o.Attributes[topology.AttrDestination] && r.NextHop.String() == o.Attributes[topology.AttrNextHop] {
			return
		}
	}
	j.add(o, Changed, topology.TypeRouter, router, fmt.Sprintf("its route to %s via %s is gone",
		o.Attributes[topology.AttrDestination], o.Attributes[topology.AttrNextHop]), o.Step)
}

// awaits is true while the router an object is on is gone and has no successor: mending that comes first. A router of
// the resource itself brings its objects along; that of another resource is looked at again once it is there anew.
func (j *judge) awaits(o Owned, router string) bool {
	if _, ok := j.routers[router]; ok {
		return false
	}
	successor := j.wants.hubRouter[o.ResourceUID]
	if o.Step != topology.StepHubInterface && o.Step != topology.StepHubRoute {
		return !j.replaced(router)
	}
	_, there := j.routers[successor]
	return !there
}

// replaced is true when a router is gone and no longer in the ledger: its owner has another one by now.
func (j *judge) replaced(router string) bool {
	_, owned := j.owned[topology.TypeRouter][router]
	return !owned
}

func (j *judge) group(o Owned) {
	g, ok := j.groups[o.ID]
	if !ok {
		j.missing(o)
		return
	}
	j.named(o, g.Name, true)
	j.tagged(o, g.Tags)
	want, ok := j.wants.groups[o.ResourceUID]
	if !ok {
		return
	}
	missing, surplus := topology.CompareRules(g.Rules, want.rules, want.keep)
	for _, r := range missing {
		j.changed(o, fmt.Sprintf("rule %q of security group %s was removed", r.Description, title(o)), topology.StepRules)
	}
	for _, r := range surplus {
		j.changed(o, fmt.Sprintf("security group %s has a rule nobody asked for (%s)", title(o), describeRule(r)), topology.StepRules)
	}
}

func noun(objectType string) string {
	return strings.ReplaceAll(strings.TrimPrefix(objectType, "neutron."), "_", " ")
}

func title(o Owned) string {
	if o.Name != "" {
		return o.Name
	}
	return o.ID
}

func orNone(a netip.Addr) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func describeRule(r neutron.Rule) string {
	text := string(r.Direction)
	if r.Protocol != "" {
		text += " " + r.Protocol
	}
	if r.PortMin != 0 {
		text += fmt.Sprintf(" %d-%d", r.PortMin, r.PortMax)
	}
	switch {
	case r.RemoteGroupID != "":
		text += " group " + r.RemoteGroupID
	case r.Remote.IsValid():
		text += " " + r.Remote.String()
	}
	return text
}

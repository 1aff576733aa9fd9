// Package kittest is a suite over the object types of Neutron that the simulator and a real cloud both pass: each attribute is
// changed in turn by hand, and must be reported with both values and put back.
package kittest

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// site is one of each type of object, made by the steps of the kits.
type site struct {
	t       *testing.T
	cloud   neutron.Cloud
	project string
	steps   map[string]provision.Step
	made    map[string]provision.External
	uid     string
}

// damage is one change by hand.
type damage struct {
	step, attribute string
	do              func(ctx context.Context, id string) error
	// again are the steps that a repair of this one makes run again.
	again []string
	// lasting is true of a change that Neutron does not take back.
	lasting bool
}

// Attributes changes each attribute of each type in turn. Project is a project of the cloud.
func Attributes(t *testing.T, cloud neutron.Cloud, project string) {
	t.Helper()
	s := &site{t: t, cloud: cloud, project: project, steps: map[string]provision.Step{}, made: map[string]provision.External{}, uid: ids.New("kit")}
	s.build()
	covered := map[string]bool{}
	for _, d := range s.damages() {
		t.Run(d.step+" "+d.attribute, func(t *testing.T) {
			covered[s.steps[d.step].Object+" "+d.attribute] = true
			s.changes(t, d)
		})
	}
	for _, name := range s.attributes() {
		if !covered[name] {
			t.Errorf("attribute %s is not changed by any case", name)
		}
	}
}

func (s *site) run(step string) *provision.Run {
	r := provision.Resource{Kind: "kit", UID: s.uid, Name: s.uid, Tenant: "kit"}
	if had, ok := s.made[step]; ok {
		return provision.NewRun(r, step, s.made, &had)
	}
	return provision.NewRun(r, step, s.made, nil)
}

// changes makes one change, which Check must report and a repetition of the step must put back.
func (s *site) changes(t *testing.T, d damage) {
	t.Helper()
	ctx, step := t.Context(), s.steps[d.step]
	check := func() []provision.Difference {
		t.Helper()
		found, err := step.Check(ctx, s.run(d.step))
		must(t, err)
		return found
	}
	if found := check(); len(found) != 0 {
		t.Fatalf("nothing was changed, yet %v", found)
	}
	must(t, d.do(ctx, s.made[d.step].ID))
	found := check()
	if !slices.ContainsFunc(found, func(f provision.Difference) bool {
		return f.Attribute == d.attribute && f.Want != f.Is && (f.Step == "") == d.lasting && f.ID != ""
	}) {
		t.Errorf("got %+v", found)
	}
	if d.lasting {
		return
	}
	for _, name := range append([]string{d.step}, d.again...) {
		x, err := s.steps[name].Do(ctx, s.run(name))
		must(t, err)
		if x.ID != "" {
			s.made[name] = x
		}
	}
	if found := check(); len(found) != 0 {
		t.Errorf("after the repair: %v", found)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add runs a step, and removes its object at the end.
func (s *site) add(step provision.Step, object provision.Object) {
	s.t.Helper()
	s.steps[step.Name] = step
	x, err := step.Do(s.t.Context(), s.run(step.Name))
	must(s.t, err)
	if x.ID == "" {
		return
	}
	s.made[step.Name] = x
	ctx := context.WithoutCancel(s.t.Context())
	s.t.Cleanup(func() {
		if err := object.Delete(ctx, s.run(step.Name), s.made[step.Name]); err != nil {
			s.t.Errorf("remove %s: %v", step.Name, err)
		}
	})
}

func step(name string) provision.Step { return provision.Step{Name: name, Title: "create the " + name} }

var (
	space     = netip.MustParsePrefix("10.64.0.0/12")
	cidr      = netip.MustParsePrefix("10.64.16.0/24")
	elsewhere = netip.MustParsePrefix("192.0.2.0/24")
	route     = neutron.Route{Destination: netip.MustParsePrefix("198.51.100.0/24"), NextHop: netip.MustParseAddr("10.64.16.9")}
)

func tags() []string { return []string{"lowlayer", "kittest"} }

func (s *site) name(role string) string { return "kittest-" + role + "-" + s.uid }

// build makes one of each.
func (s *site) build() {
	c := s.cloud
	scopes, pools, networks, subnets := kit.NewScopes(c), kit.NewPools(c), kit.NewNetworks(c), kit.NewSubnets(c)
	routers, ports, groups, interfaces, routes := kit.NewRouters(c), kit.NewPorts(c), kit.NewGroups(c, "network"), kit.NewInterfaces(c), kit.NewRoutes(c)
	s.add(scopes.Make(step("scope"), s.name("scope")), scopes.Object())
	s.add(scopes.Make(step("other-scope"), s.name("other-scope")), scopes.Object())
	s.add(pools.Make(step("pool"), "scope", s.name("pool"), space), pools.Object())
	s.add(networks.Make(step("network"), neutron.Network{Name: s.name("network"), ProjectID: s.project}), networks.Object())
	s.add(subnets.Make(step("subnet"), "network", kit.Made("pool"), neutron.Subnet{
		Name: s.name("subnet"), ProjectID: s.project, CIDR: cidr, Gateway: cidr.Addr().Next(), DHCP: true,
	}), subnets.Object())
	s.add(ports.Make(step("port"), "network", "subnet", cidr.Addr().Next().Next(), neutron.Port{Name: s.name("port"), ProjectID: s.project}), ports.Object())
	s.add(routers.Make(step("router"), neutron.Router{Name: s.name("router"), ProjectID: s.project},
		func(context.Context) ([]neutron.Route, error) { return []neutron.Route{route}, nil }), routers.Object())
	s.add(groups.Make(step("group"), neutron.Group{Name: s.name("group"), ProjectID: s.project}), groups.Object())
	s.add(networks.Tag(step("network-tags"), "network", tags()), provision.Object{})
	s.add(routers.Tag(step("router-tags"), "router", tags()), provision.Object{})
	s.add(groups.Tag(step("group-tags"), "group", tags()), provision.Object{})
	s.add(groups.Rules(step("rules"), "group", []neutron.Rule{{
		ProjectID: s.project, Direction: neutron.Ingress, EtherType: "IPv4", Protocol: "tcp", PortMin: 22, PortMax: 22, Remote: cidr,
	}}, compare), provision.Object{})
	s.add(interfaces.Gateway(step("interface"), kit.Made("router"), "subnet"), interfaces.Object())
	s.add(routes.Make(step("route"), kit.Made("router"), route), routes.Object())
}

// compare goes by traffic alone.
func compare(_ context.Context, have, want []neutron.Rule) (missing, surplus []neutron.Rule, err error) {
	holds := func(of []neutron.Rule, r neutron.Rule) bool {
		return slices.ContainsFunc(of, func(x neutron.Rule) bool { return x.Traffic() == r.Traffic() })
	}
	for _, w := range want {
		if !holds(have, w) {
			missing = append(missing, w)
		}
	}
	for _, h := range have {
		if h.Direction == neutron.Ingress && !holds(want, h) {
			surplus = append(surplus, h)
		}
	}
	return missing, surplus, nil
}

// attributes are all that the types declare, but for those that Neutron lets nobody change.
func (s *site) attributes() []string {
	out := map[string]bool{}
	note(out, kit.NewScopes(s.cloud).Type)
	note(out, kit.NewPools(s.cloud).Type)
	note(out, kit.NewNetworks(s.cloud).Type)
	note(out, kit.NewSubnets(s.cloud).Type)
	note(out, kit.NewRouters(s.cloud).Type)
	note(out, kit.NewPorts(s.cloud).Type)
	note(out, kit.NewGroups(s.cloud, "").Type)
	delete(out, neutron.TypePool+" shared")
	return slices.Sorted(maps.Keys(out))
}

func note[T any](out map[string]bool, typ provision.Type[T]) {
	for _, a := range typ.Attributes {
		switch a.Name {
		case "project_id", "network_id", "cidr":
		default:
			out[typ.Name+" "+a.Name] = true
		}
	}
}

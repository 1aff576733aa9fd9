// Package cloudtest is what the network service relies on of a cloud, as one suite that the simulator and a real cloud
// both pass. It makes everything it needs, under names and in a project of its own, and takes it away again. A failure
// means that the service would misbehave on that cloud, or that the simulator has drifted from it.
package cloudtest

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/services/network/internal/core/naming"
)

const conflict = "CLOUD_CONFLICT"

// suite is one run.
type suite struct {
	cloud   neutron.Cloud
	project string
}

// Run holds a cloud against everything the service relies on. The project need not exist where the cloud's networking does
// not ask for that.
func Run(t *testing.T, cloud neutron.Cloud, project string) {
	t.Helper()
	s := suite{cloud: cloud, project: project}
	t.Run("pools", s.pools)
	t.Run("networks", s.networks)
	t.Run("routers", s.routers)
	t.Run("links", s.links)
	t.Run("groups", s.groups)
	t.Run("tags", s.tags)
	t.Run("absent", s.absent)
}

func name(role string) string { return naming.Object("cloudtest", role, ids.New("ct")) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// conflicts fails the test unless err says that something is in the way.
func conflicts(t *testing.T, err error) {
	t.Helper()
	if got := errs.ReasonOf(err); got != conflict {
		t.Errorf("got %v, want %s", err, conflict)
	}
}

// after takes something away at the end, whatever else happens.
func after(t *testing.T, what string, remove func(context.Context) error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := remove(ctx); err != nil {
			t.Errorf("remove %s: %v", what, err)
		}
	})
}

func (s suite) scope(t *testing.T) (neutron.Scope, neutron.Pool, neutron.Pool) {
	t.Helper()
	ctx := t.Context()
	scope, err := s.cloud.CreateScope(ctx, neutron.Scope{Name: name("scope")})
	must(t, err)
	after(t, "scope", func(ctx context.Context) error { return s.cloud.DeleteScope(ctx, scope.ID) })
	pool := func(role, prefix string) neutron.Pool {
		p, err := s.cloud.CreatePool(ctx, neutron.Pool{Name: name(role), ScopeID: scope.ID, Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)}})
		must(t, err)
		after(t, "pool", func(ctx context.Context) error { return s.cloud.DeletePool(ctx, p.ID) })
		return p
	}
	return scope, pool("networks", "10.64.0.0/12"), pool("links", "100.64.0.0/15")
}

// pools: two scopes hold the same addresses, one scope holds none twice.
func (s suite) pools(t *testing.T) {
	ctx := t.Context()
	scope, networks, _ := s.scope(t)
	s.scope(t)
	found, err := s.cloud.Scopes(ctx, neutron.Filter{Name: scope.Name})
	must(t, err)
	if len(found) != 1 || found[0] != scope {
		t.Errorf("found scopes %v, want %v", found, scope)
	}
	pools, err := s.cloud.Pools(ctx, neutron.Filter{IDs: []string{networks.ID}})
	must(t, err)
	if len(pools) != 1 || pools[0].Name != networks.Name || pools[0].ScopeID != scope.ID || !slices.Equal(pools[0].Prefixes, networks.Prefixes) {
		t.Errorf("found pools %v, want %v", pools, networks)
	}
	twice, err := s.cloud.CreatePool(ctx, neutron.Pool{Name: name("twice"), ScopeID: scope.ID, Prefixes: networks.Prefixes})
	if err == nil {
		after(t, "pool", func(ctx context.Context) error { return s.cloud.DeletePool(ctx, twice.ID) })
		t.Error("one scope took the same addresses twice")
	}
	conflicts(t, s.cloud.DeleteScope(ctx, scope.ID))
}

func (s suite) network(t *testing.T, role string) neutron.Network {
	t.Helper()
	n, err := s.cloud.CreateNetwork(t.Context(), neutron.Network{Name: name(role), ProjectID: s.project})
	must(t, err)
	after(t, "network", func(ctx context.Context) error { return s.cloud.DeleteNetwork(ctx, n.ID) })
	return n
}

func (s suite) subnet(t *testing.T, n neutron.Network, pool, cidr string, dhcp bool) neutron.Subnet {
	t.Helper()
	p := netip.MustParsePrefix(cidr)
	sub, err := s.cloud.CreateSubnet(t.Context(), neutron.Subnet{
		Name: name("subnet"), ProjectID: s.project, NetworkID: n.ID, PoolID: pool, CIDR: p, Gateway: p.Addr().Next(), DHCP: dhcp,
	})
	must(t, err)
	after(t, "subnet", func(ctx context.Context) error { return s.cloud.DeleteSubnet(ctx, sub.ID) })
	return sub
}

// networks: what is made is found by name and project at once, keeps what it was made with, and is not removed in use.
func (s suite) networks(t *testing.T) {
	ctx := t.Context()
	_, pool, _ := s.scope(t)
	n := s.network(t, "network")
	if n.ID == "" || !n.AdminUp || n.ProjectID != s.project || time.Since(n.Created).Abs() > time.Hour {
		t.Errorf("made %+v", n)
	}
	found, err := s.cloud.Networks(ctx, neutron.Filter{Name: n.Name, ProjectID: s.project})
	must(t, err)
	if len(found) != 1 || found[0].ID != n.ID {
		t.Errorf("found %v, want %v", found, n)
	}
	sub := s.subnet(t, n, pool.ID, "10.64.16.0/20", true)
	subs, err := s.cloud.Subnets(ctx, neutron.Filter{NetworkID: n.ID})
	must(t, err)
	if len(subs) != 1 || !reflect.DeepEqual(subs[0], sub) || sub.Gateway.String() != "10.64.16.1" || sub.PoolID != pool.ID {
		t.Errorf("found %+v, made %+v", subs, sub)
	}
	sub.DHCP = false
	changed, err := s.cloud.UpdateSubnet(ctx, sub)
	must(t, err)
	if !reflect.DeepEqual(changed, sub) {
		t.Errorf("changed to %+v, want %+v", changed, sub)
	}
	n.Name, n.AdminUp = name("renamed"), false
	renamed, err := s.cloud.UpdateNetwork(ctx, n)
	must(t, err)
	if renamed.Name != n.Name || renamed.AdminUp {
		t.Errorf("changed to %+v", renamed)
	}
	port, err := s.cloud.CreatePort(ctx, neutron.Port{Name: name("port"), ProjectID: s.project, NetworkID: n.ID})
	must(t, err)
	conflicts(t, s.cloud.DeleteNetwork(ctx, n.ID))
	conflicts(t, s.cloud.DeleteSubnet(ctx, sub.ID))
	must(t, s.cloud.DeletePort(ctx, port.ID))
	must(t, s.cloud.DeletePort(ctx, port.ID))
}

func (s suite) router(t *testing.T, role string) neutron.Router {
	t.Helper()
	r, err := s.cloud.CreateRouter(t.Context(), neutron.Router{Name: name(role), ProjectID: s.project})
	must(t, err)
	after(t, "router", func(ctx context.Context) error { return s.cloud.DeleteRouter(ctx, r.ID) })
	return r
}

// attach gives a router a subnet's gateway address and takes it away at the end.
func (s suite) attach(t *testing.T, router, subnet string) string {
	t.Helper()
	port, err := s.cloud.AttachSubnet(t.Context(), router, subnet)
	must(t, err)
	after(t, "interface", func(ctx context.Context) error { return s.cloud.DetachSubnet(ctx, router, subnet) })
	return port
}

// routers: an interface by subnet takes the gateway address; a router with interfaces is not removed.
func (s suite) routers(t *testing.T) {
	ctx := t.Context()
	_, pool, _ := s.scope(t)
	n, r := s.network(t, "network"), s.router(t, "router")
	if !r.AdminUp || r.ProjectID != s.project || len(r.Routes) != 0 {
		t.Errorf("made %+v", r)
	}
	sub := s.subnet(t, n, pool.ID, "10.64.16.0/20", true)
	id := s.attach(t, r.ID, sub.ID)
	port, err := s.cloud.Port(ctx, id)
	must(t, err)
	if port.DeviceID != r.ID || port.NetworkID != n.ID || len(port.Addresses) != 1 || port.Addresses[0].IP != sub.Gateway {
		t.Errorf("the interface is %+v", port)
	}
	found, err := s.cloud.Ports(ctx, neutron.Filter{DeviceID: r.ID})
	must(t, err)
	if len(found) != 1 || found[0].ID != id {
		t.Errorf("found %v", found)
	}
	conflicts(t, s.cloud.DeleteRouter(ctx, r.ID))
	conflicts(t, s.cloud.DeleteSubnet(ctx, sub.ID))
	must(t, s.cloud.DetachSubnet(ctx, r.ID, sub.ID))
	must(t, s.cloud.DetachSubnet(ctx, r.ID, sub.ID))
	if _, err := s.cloud.Port(ctx, id); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("the interface outlives its removal: %v", err)
	}
	r.Name, r.AdminUp = name("renamed"), false
	changed, err := s.cloud.UpdateRouter(ctx, r)
	must(t, err)
	if changed.Name != r.Name || changed.AdminUp {
		t.Errorf("changed to %+v", changed)
	}
}

// links: two routers on a /30, one by subnet and one by port; routes are added and removed beside those of others, and
// an interface that a route needs is not removed.
func (s suite) links(t *testing.T) {
	ctx := t.Context()
	_, _, pool := s.scope(t)
	n, a, b := s.network(t, "link"), s.router(t, "a"), s.router(t, "b")
	sub := s.subnet(t, n, pool.ID, "100.64.0.4/30", false)
	s.attach(t, a.ID, sub.ID)
	second := netip.MustParseAddr("100.64.0.6")
	port, err := s.cloud.CreatePort(ctx, neutron.Port{
		Name: name("port"), ProjectID: s.project, NetworkID: n.ID, Addresses: []neutron.Address{{SubnetID: sub.ID, IP: second}},
	})
	must(t, err)
	after(t, "port", func(ctx context.Context) error {
		return errors.Join(s.cloud.DetachSubnet(ctx, b.ID, sub.ID), s.cloud.DeletePort(ctx, port.ID))
	})
	must(t, s.cloud.AttachPort(ctx, b.ID, port.ID))
	got, err := s.cloud.Port(ctx, port.ID)
	must(t, err)
	if got.DeviceID != b.ID || got.Name != port.Name || got.Addresses[0].IP != second {
		t.Errorf("the port is %+v", got)
	}
	route := func(to string) neutron.Route {
		return neutron.Route{Destination: netip.MustParsePrefix(to), NextHop: second}
	}
	routes := func() []neutron.Route {
		found, err := s.cloud.Routers(ctx, neutron.Filter{IDs: []string{a.ID}})
		must(t, err)
		return found[0].Routes
	}
	must(t, s.cloud.AddRoutes(ctx, a.ID, []neutron.Route{route("10.64.16.0/20")}))
	must(t, s.cloud.AddRoutes(ctx, a.ID, []neutron.Route{route("10.64.32.0/20")}))
	must(t, s.cloud.AddRoutes(ctx, a.ID, []neutron.Route{route("10.64.32.0/20")}))
	if got := routes(); len(got) != 2 || !slices.Contains(got, route("10.64.16.0/20")) || !slices.Contains(got, route("10.64.32.0/20")) {
		t.Errorf("got routes %v", got)
	}
	conflicts(t, s.cloud.DetachSubnet(ctx, a.ID, sub.ID))
	must(t, s.cloud.RemoveRoutes(ctx, a.ID, []neutron.Route{route("10.64.16.0/20")}))
	must(t, s.cloud.RemoveRoutes(ctx, a.ID, []neutron.Route{route("10.64.16.0/20")}))
	if got := routes(); len(got) != 1 || got[0] != route("10.64.32.0/20") {
		t.Errorf("got routes %v", got)
	}
	must(t, s.cloud.RemoveRoutes(ctx, a.ID, []neutron.Route{route("10.64.32.0/20")}))
}

// groups: a new group lets everything out and nothing in; rules are made in one call, and none is made twice.
func (s suite) groups(t *testing.T) {
	ctx := t.Context()
	g, err := s.cloud.CreateGroup(ctx, neutron.Group{Name: name("group"), ProjectID: s.project})
	must(t, err)
	after(t, "group", func(ctx context.Context) error { return s.cloud.DeleteGroup(ctx, g.ID) })
	rules, err := s.cloud.Rules(ctx, neutron.Filter{GroupID: g.ID})
	must(t, err)
	if len(rules) != 2 || rules[0].Direction != neutron.Egress || rules[1].Direction != neutron.Egress || rules[0].EtherType == rules[1].EtherType {
		t.Errorf("a new group has rules %+v", rules)
	}
	allow := func(description, protocol string, port int, remote string) neutron.Rule {
		return neutron.Rule{
			GroupID: g.ID, ProjectID: s.project, Description: description, Direction: neutron.Ingress, EtherType: "IPv4",
			Protocol: protocol, PortMin: port, PortMax: port, Remote: netip.MustParsePrefix(remote),
		}
	}
	want := []neutron.Rule{
		allow("lowlayer:allow=vpc", "", 0, "10.64.16.0/20"), allow("lowlayer:ingress=ping", "icmp", 0, "10.64.0.0/12"),
		allow("lowlayer:ingress=web", "tcp", 443, "0.0.0.0/0"),
	}
	made, err := s.cloud.CreateRules(ctx, want)
	must(t, err)
	groups, err := s.cloud.Groups(ctx, neutron.Filter{Name: g.Name, ProjectID: s.project})
	must(t, err)
	if len(made) != 3 || len(groups) != 1 || len(groups[0].Rules) != 5 {
		t.Fatalf("made %d rules, the group is %+v", len(made), groups)
	}
	for _, w := range want {
		i := slices.IndexFunc(groups[0].Rules, func(r neutron.Rule) bool {
			return r.Traffic() == w.Traffic() && r.Description == w.Description && r.GroupID == g.ID
		})
		if i < 0 {
			t.Errorf("rule %+v is not listed in %+v", w, groups[0].Rules)
		}
	}
	_, err = s.cloud.CreateRules(ctx, want[:1])
	conflicts(t, err)
	must(t, s.cloud.DeleteRule(ctx, made[0].ID))
	must(t, s.cloud.DeleteRule(ctx, made[0].ID))
	left, err := s.cloud.Rules(ctx, neutron.Filter{IDs: []string{made[0].ID, made[1].ID}})
	must(t, err)
	if len(left) != 1 || left[0].ID != made[1].ID {
		t.Errorf("left are %+v", left)
	}
}

// tags: they replace those there were, and lists are filtered by them.
func (s suite) tags(t *testing.T) {
	ctx := t.Context()
	n, r := s.network(t, "network"), s.router(t, "router")
	uid := ids.New("ct")
	for _, tags := range [][]string{{"a", "b"}, naming.Tags(uid, "a-tenant-with-a-name-of-just-forty-chars")} {
		must(t, s.cloud.SetTags(ctx, neutron.TagNetwork, n.ID, tags))
		must(t, s.cloud.SetTags(ctx, neutron.TagRouter, r.ID, tags))
		for _, tag := range tags {
			networks, err := s.cloud.Networks(ctx, neutron.Filter{Tag: tag, ProjectID: s.project})
			must(t, err)
			routers, err := s.cloud.Routers(ctx, neutron.Filter{Tag: tag, ProjectID: s.project})
			must(t, err)
			if len(networks) != 1 || networks[0].ID != n.ID || len(networks[0].Tags) != len(tags) || len(routers) != 1 || routers[0].ID != r.ID {
				t.Errorf("by tag %q: %+v and %+v", tag, networks, routers)
			}
		}
	}
	old, err := s.cloud.Networks(ctx, neutron.Filter{Tag: "a", ProjectID: s.project})
	must(t, err)
	if len(old) != 0 {
		t.Errorf("the tags of before are still there: %+v", old)
	}
}

// absent: what is not there is said so in one way, and removing it is no error.
func (s suite) absent(t *testing.T) {
	ctx := t.Context()
	const ghost = "00000000-0000-4000-8000-000000000000"
	route := []neutron.Route{{Destination: netip.MustParsePrefix("10.64.16.0/20"), NextHop: netip.MustParseAddr("100.64.0.2")}}
	_, portErr := s.cloud.Port(ctx, ghost)
	_, networkErr := s.cloud.UpdateNetwork(ctx, neutron.Network{ID: ghost, Name: "x"})
	_, attachErr := s.cloud.AttachSubnet(ctx, ghost, ghost)
	for what, err := range map[string]error{
		"port": portErr, "network": networkErr, "attach": attachErr, "routes": s.cloud.AddRoutes(ctx, ghost, route),
		"tags": s.cloud.SetTags(ctx, neutron.TagNetwork, ghost, []string{"a"}),
	} {
		if errs.CodeOf(err) != errs.CodeNotFound {
			t.Errorf("%s: got %v, want NOT_FOUND", what, err)
		}
	}
	must(t, errors.Join(
		s.cloud.DeleteScope(ctx, ghost), s.cloud.DeletePool(ctx, ghost), s.cloud.DeleteNetwork(ctx, ghost), s.cloud.DeleteSubnet(ctx, ghost),
		s.cloud.DeleteRouter(ctx, ghost), s.cloud.DeletePort(ctx, ghost), s.cloud.DeleteGroup(ctx, ghost), s.cloud.DeleteRule(ctx, ghost),
		s.cloud.DetachSubnet(ctx, ghost, ghost), s.cloud.RemoveRoutes(ctx, ghost, route)))
	found, err := s.cloud.Networks(ctx, neutron.Filter{IDs: []string{ghost}})
	if err != nil || len(found) != 0 {
		t.Errorf("got %v, %v", found, err)
	}
}

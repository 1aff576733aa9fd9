//go:build acceptance

package acceptance

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/extraroutes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/low-layer/platform/tools/stack/stacktest"
)

// topology is what `lowlayer tree -o json` says, as far as these tests look.
type topology struct {
	State         string
	Organisations []struct {
		Name, State string
		Hub         struct {
			Cidr, State string
			Cloud       refs
		}
		Vpcs []struct {
			Name, State, Cidr string
			Cloud             refs
		}
	}
}

type refs struct{ ProjectID, NetworkID, SubnetID, RouterID, SecurityGroupID string }

func topologyOf(t *testing.T, p *stacktest.Platform, tenant string) topology {
	t.Helper()
	var top topology
	if err := json.Unmarshal([]byte(p.Must(t, "tree", tenant, "-o", "json")), &top); err != nil {
		t.Fatal(err)
	}
	if top.State != "ACTIVE" || len(top.Organisations) != 1 || top.Organisations[0].State != "ACTIVE" || top.Organisations[0].Hub.State != "ACTIVE" {
		t.Fatalf("%s: %+v", tenant, top)
	}
	for _, v := range top.Organisations[0].Vpcs {
		if v.State != "ACTIVE" {
			t.Fatalf("%s: %+v", tenant, v)
		}
	}
	return top
}

// places are the networks of a tenant, by a short name.
func (top topology) places(prefix string) []place {
	o := top.Organisations[0]
	out := []place{{prefix + "-bastion", o.Hub.Cloud.ProjectID, o.Hub.Cloud.NetworkID, o.Hub.Cloud.SecurityGroupID}}
	for _, v := range o.Vpcs {
		out = append(out, place{prefix + v.Name[strings.LastIndexByte(v.Name, '/'):], v.Cloud.ProjectID, v.Cloud.NetworkID, v.Cloud.SecurityGroupID})
	}
	for i := range out {
		out[i].name = strings.ReplaceAll(out[i].name, "/", "-")
	}
	return out
}

// probe asks whether packets get from one server to another: real ones, and those of ovn-trace.
type probe struct {
	p       *stacktest.Platform
	servers map[string]server
}

// ping sends real packets.
func (p probe) ping(t *testing.T, from, toIP string) bool {
	t.Helper()
	r := p.p.Run(t, "tools/lab/in", "-t", "20", p.servers[from].id, "ping", "-c", "4", "-i", "0.3", "-W", "1", toIP)
	switch r.Code {
	case 0:
		return true
	case 1:
		return false
	}
	t.Fatalf("ping from %s did not run: %+v", from, r)
	return false
}

// tcp opens a real connection to a listener in the target server.
func (p probe) tcp(t *testing.T, from, to string, port int) bool {
	t.Helper()
	const script = `
set -eu
listen='import socket, sys; s = socket.create_server((sys.argv[1], int(sys.argv[2]))); s.settimeout(20); print("ready", flush=True); s.accept()'
connect='import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=6).close()'
coproc tools/lab/in -t 25 "$1" /usr/bin/python3 -c "$listen" "$3" "$4"
listener=$COPROC_PID
read -r line <&"${COPROC[0]}"
[ "$line" = ready ]
status=0
tools/lab/in -t 10 "$2" /usr/bin/python3 -c "$connect" "$3" "$4" 2>/dev/null || status=9
kill "$listener" 2>/dev/null || true
exit $status`
	r := p.p.Run(t, "bash", "-c", script, "tcp", p.servers[to].id, p.servers[from].id, p.servers[to].ip, strconv.Itoa(port))
	switch r.Code {
	case 0:
		return true
	case 9:
		return false
	}
	t.Fatalf("the connection from %s to %s was not tried: %+v", from, to, r)
	return false
}

// trace asks ovn-trace what would happen to a packet, without sending one.
func (p probe) trace(t *testing.T, from, to, protocol string) bool {
	t.Helper()
	r := p.p.Run(t, "tools/lab/trace", p.servers[from].port, p.servers[to].port, protocol)
	t.Logf("trace %s -> %s %s: %s", from, to, protocol, strings.TrimSpace(r.Out+r.Err))
	switch r.Code {
	case 0:
		return true
	case 1, 4, 5: // dropped, no answer for the next hop, delivered to somebody else
		return false
	}
	t.Fatalf("the trace from %s to %s did not run: %+v", from, to, r)
	return false
}

// settle waits until every hypervisor does what Neutron was told.
func (p probe) settle(t *testing.T) {
	t.Helper()
	if r := p.p.Run(t, "tools/lab/lab", "settle"); r.Code != 0 {
		t.Fatalf("lab settle: %+v", r)
	}
}

func (p probe) expect(t *testing.T, from, to string, open bool) {
	t.Helper()
	if got := p.ping(t, from, p.servers[to].ip); got != open {
		t.Errorf("ping %s -> %s (%s): open %v, want %v", from, to, p.servers[to].ip, got, open)
	}
	if got := p.trace(t, from, to, "icmp"); got != open {
		t.Errorf("ovn-trace %s -> %s: open %v, want %v", from, to, got, open)
	}
}

// TestIsolationAndRouting orders two tenants with the same addresses from the blueprint, boots a server in each of their
// networks, and sends packets. Each negative check is opened once, to see that it would be noticed.
func TestIsolationAndRouting(t *testing.T) {
	p, c := platform(t), openCloud(t)
	p.Must(t, "apply", "-f", "deploy/blueprints/startup.yaml")
	t.Cleanup(func() { p.Must(t, "tenant", "delete", "acme", "--yes", "--force", "--purge") })
	p.Must(t, "tenant", "create", "rival")
	t.Cleanup(func() { p.Must(t, "tenant", "delete", "rival", "--yes", "--force", "--purge") })
	a := topologyOf(t, p, "acme")
	p.Must(t, "organisation", "create", "rival/core", "--mode", "MUTUALIZED", "--vpc", "dev@"+a.Organisations[0].Vpcs[0].Cidr)
	b := topologyOf(t, p, "rival")
	if a.Organisations[0].Vpcs[0].Cidr != b.Organisations[0].Vpcs[0].Cidr || a.Organisations[0].Hub.Cidr != b.Organisations[0].Hub.Cidr {
		t.Fatalf("the tenants' addresses do not overlap, so nothing is shown: %+v and %+v", a, b)
	}
	servers := c.boot(append(a.places("a"), b.places("b")...))
	check := probe{p, servers}
	check.settle(t)

	t.Run("the bastion reaches its VPCs and they reach it", func(t *testing.T) {
		for _, vpc := range []string{"a-dev", "a-prod"} {
			check.expect(t, "a-bastion", vpc, true)
			check.expect(t, vpc, "a-bastion", true)
		}
		check.expect(t, "b-bastion", "b-dev", true)
	})
	t.Run("security groups deny by default", func(t *testing.T) {
		if !check.tcp(t, "a-dev", "a-bastion", 6443) || !check.trace(t, "a-dev", "a-bastion", "tcp:6443") {
			t.Error("a VPC does not reach the Kubernetes port of the bastion")
		}
		if check.tcp(t, "a-dev", "a-bastion", 2222) || check.trace(t, "a-dev", "a-bastion", "tcp:2222") {
			t.Error("a VPC reaches a port of the bastion that no rule names")
		}
		shut := c.allow(a.Organisations[0].Hub.Cloud.SecurityGroupID, 2222)
		check.settle(t)
		if !check.tcp(t, "a-dev", "a-bastion", 2222) || !check.trace(t, "a-dev", "a-bastion", "tcp:2222") {
			t.Error("opened by hand, the check still says closed: it shows nothing")
		}
		shut()
		check.settle(t)
		if check.tcp(t, "a-dev", "a-bastion", 2222) {
			t.Error("shut again, the port is still reached")
		}
	})
	t.Run("VPCs do not reach each other, until they peer", func(t *testing.T) {
		check.expect(t, "a-dev", "a-prod", false)
		check.expect(t, "a-prod", "a-dev", false)
		p.Must(t, "peering", "create", "acme/dev-prod", "--vpc", "acme/core/dev", "--peer", "acme/core/prod")
		check.expect(t, "a-dev", "a-prod", false)
		p.Must(t, "peering", "accept", "acme/dev-prod")
		check.settle(t)
		check.expect(t, "a-dev", "a-prod", true)
		check.expect(t, "a-prod", "a-dev", true)
		p.Must(t, "peering", "delete", "acme/dev-prod", "--yes")
		check.settle(t)
		check.expect(t, "a-dev", "a-prod", false)
	})
	t.Run("tenants do not reach each other", func(t *testing.T) {
		foreign := servers["b-dev"]
		if foreign.ip == servers["a-dev"].ip {
			t.Logf("both tenants have a server at %s", foreign.ip)
		}
		// The address may be one of the tenant's own: only the trace shows whose port is reached.
		if check.trace(t, "a-bastion", "b-dev", "icmp") || check.trace(t, "b-bastion", "a-dev", "icmp") || check.trace(t, "b-bastion", "a-prod", "icmp") {
			t.Error("a packet reaches the other tenant")
		}
		if check.ping(t, "b-bastion", servers["a-prod"].ip) {
			t.Error("rival reaches a VPC of acme")
		}
		mend := c.breach(a, b, servers)
		check.settle(t)
		if !check.ping(t, "b-bastion", servers["a-prod"].ip) || !check.trace(t, "b-bastion", "a-prod", "icmp") {
			t.Error("opened by hand, the check still says closed: it shows nothing")
		}
		mend()
		check.settle(t)
		if check.ping(t, "b-bastion", servers["a-prod"].ip) {
			t.Error("closed again, rival still reaches acme")
		}
	})
}

// allow opens one TCP port of a security group by hand, to everybody.
func (c *cloud) allow(group string, port int) (shut func()) {
	t := c.t
	t.Helper()
	ctx := t.Context()
	rule := must[*rules.SecGroupRule](t, "open a port")(rules.Create(ctx, c.network, rules.CreateOpts{
		SecGroupID: group, Direction: rules.DirIngress, EtherType: rules.EtherType4, Protocol: rules.ProtocolTCP, PortRangeMin: port, PortRangeMax: port,
	}).Extract())
	return func() {
		if err := rules.Delete(ctx, c.network, rule.ID).ExtractErr(); err != nil {
			t.Errorf("shut the port: %v", err)
		}
	}
}

// breach does by hand what must never be: it links the hub routers of two tenants and routes one server's address across.
func (c *cloud) breach(a, b topology, servers map[string]server) (closeAgain func()) {
	t := c.t
	t.Helper()
	ctx := t.Context()
	hubA, hubB := a.Organisations[0].Hub.Cloud.RouterID, b.Organisations[0].Hub.Cloud.RouterID
	n := must[*networks.Network](t, "create the breach")(networks.Create(ctx, c.network, networks.CreateOpts{Name: "breach"}).Extract())
	gateway := "198.51.100.1"
	s := must[*subnets.Subnet](t, "create the breach")(subnets.Create(ctx, c.network, subnets.CreateOpts{
		NetworkID: n.ID, CIDR: "198.51.100.0/29", IPVersion: gophercloud.IPv4, GatewayIP: &gateway,
	}).Extract())
	port := must[*ports.Port](t, "create the breach")(ports.Create(ctx, c.network, ports.CreateOpts{
		NetworkID: n.ID, FixedIPs: []ports.IP{{SubnetID: s.ID, IPAddress: "198.51.100.2"}},
	}).Extract())
	if _, err := routers.AddInterface(ctx, c.network, hubA, routers.AddInterfaceOpts{SubnetID: s.ID}).Extract(); err != nil {
		t.Fatalf("link hub A: %v", err)
	}
	if _, err := routers.AddInterface(ctx, c.network, hubB, routers.AddInterfaceOpts{PortID: port.ID}).Extract(); err != nil {
		t.Fatalf("link hub B: %v", err)
	}
	toA := []routers.Route{{DestinationCIDR: servers["a-prod"].ip + "/32", NextHop: "198.51.100.1"}}
	toB := []routers.Route{{DestinationCIDR: servers["b-bastion"].ip + "/32", NextHop: "198.51.100.2"}}
	must[*routers.Router](t, "route to A")(extraroutes.Add(ctx, c.network, hubB, extraroutes.Opts{Routes: &toA}).Extract())
	must[*routers.Router](t, "route to B")(extraroutes.Add(ctx, c.network, hubA, extraroutes.Opts{Routes: &toB}).Extract())
	return func() {
		must[*routers.Router](t, "unroute A")(extraroutes.Remove(ctx, c.network, hubB, extraroutes.Opts{Routes: &toA}).Extract())
		must[*routers.Router](t, "unroute B")(extraroutes.Remove(ctx, c.network, hubA, extraroutes.Opts{Routes: &toB}).Extract())
		must[*routers.InterfaceInfo](t, "unlink hub A")(routers.RemoveInterface(ctx, c.network, hubA, routers.RemoveInterfaceOpts{SubnetID: s.ID}).Extract())
		must[*routers.InterfaceInfo](t, "unlink hub B")(routers.RemoveInterface(ctx, c.network, hubB, routers.RemoveInterfaceOpts{SubnetID: s.ID}).Extract())
		if err := networks.Delete(ctx, c.network, n.ID).ExtractErr(); err != nil {
			t.Errorf("delete the breach: %v", err)
		}
	}
}

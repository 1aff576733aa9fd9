package reachability_test

import (
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	r "github.com/low-layer/platform/services/network/internal/core/reachability"
)

// Overlapping on purpose: networks of two worlds choose from the same few.
var cidrs = []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/23", "10.0.2.0/24", "10.0.0.128/25", "192.168.0.0/30", "192.168.0.4/30"}

func addressIn(p netip.Prefix, n int) netip.Addr {
	a := p.Addr()
	for range n {
		a = a.Next()
	}
	return a
}

type drawn struct {
	t *rapid.T
	s r.State
}

func (d *drawn) pick(name string, n int) int { return rapid.IntRange(0, n-1).Draw(d.t, name) }
func (d *drawn) rarely(name string) bool     { return d.pick(name, 8) == 0 }

func state(t *rapid.T) r.State {
	d := &drawn{t: t}
	d.groups()
	d.networks()
	d.routers()
	return d.s
}

func (d *drawn) networks() {
	for i := range 2 + d.pick("networks", 4) {
		id := fmt.Sprintf("net%d", i)
		cidr := netip.MustParsePrefix(cidrs[d.pick("cidr", len(cidrs))])
		sub := r.Subnet{ID: "sub-" + id, NetworkID: id, CIDR: cidr}
		if !d.rarely("no gateway") {
			sub.Gateway = addressIn(cidr, 1)
		}
		d.s.Networks = append(d.s.Networks, r.Network{ID: id})
		d.s.Subnets = append(d.s.Subnets, sub)
		if d.pick("host", 4) > 0 {
			d.s.Ports = append(d.s.Ports, r.Port{
				ID: "host-" + id, NetworkID: id, DeviceOwner: "compute:nova", Addresses: []r.Address{{SubnetID: sub.ID, IP: addressIn(cidr, 3)}},
				GroupIDs: d.member(), Down: d.rarely("port down"), Open: d.rarely("open"),
			})
		}
	}
}

func (d *drawn) member() (out []string) {
	for _, g := range d.s.Groups {
		if d.pick("member", 3) > 0 {
			out = append(out, g.ID)
		}
	}
	return out
}

func (d *drawn) groups() {
	remotes := []string{"", "0.0.0.0/0", "10.0.0.0/23", "10.0.1.0/24", "10.0.0.3/32"}
	protocols := []string{"", "tcp", "6", "udp", "icmp"}
	for i := range 1 + d.pick("groups", 2) {
		g := r.Group{ID: fmt.Sprintf("sg%d", i), Stateless: d.rarely("stateless")}
		for _, egress := range []bool{true, false} {
			if d.pick("all", 3) > 0 {
				g.Rules = append(g.Rules, r.Rule{ID: fmt.Sprintf("all%d-%t", i, egress), Egress: egress, Protocol: protocols[d.pick("protocol", len(protocols))]})
			}
		}
		for j := range d.pick("rules", 6) {
			rule := r.Rule{
				ID: fmt.Sprintf("rule%d-%d", i, j), Egress: d.pick("egress", 2) == 0, IPv6: d.rarely("six"),
				Protocol: protocols[d.pick("protocol", len(protocols))],
			}
			if cidr := remotes[d.pick("remote", len(remotes))]; cidr != "" {
				rule.Remote = netip.MustParsePrefix(cidr)
			} else if d.pick("remote group", 3) == 0 {
				rule.RemoteGroupID = fmt.Sprintf("sg%d", d.pick("which", 2))
			}
			if rule.Protocol != "" && d.pick("ports", 2) == 0 {
				low, high := 8, 8+d.pick("range", 80)
				rule.Min = &low
				if rule.Protocol != "icmp" {
					rule.Max = &high
				}
			}
			g.Rules = append(g.Rules, rule)
		}
		d.s.Groups = append(d.s.Groups, g)
	}
}

func (d *drawn) routers() {
	taken := map[string]bool{}
	for i := range 1 + d.pick("routers", 4) {
		router := r.Router{ID: fmt.Sprintf("router%d", i), Down: d.rarely("router down")}
		for _, sub := range d.s.Subnets {
			host := []int{1, 1, 2, 2, 4, 3}[d.pick("interface", 6)] // .3 is a server's, and stands for none
			if host == 3 || taken[fmt.Sprint(sub.ID, host)] || (sub.CIDR.Bits() == 30 && host > 2) || overlaps(d.s, router.ID, sub) {
				continue
			}
			taken[fmt.Sprint(sub.ID, host)] = true
			d.s.Ports = append(d.s.Ports, r.Port{
				ID: fmt.Sprintf("if-%s-%s", router.ID, sub.ID), NetworkID: sub.NetworkID, DeviceID: router.ID, DeviceOwner: "network:router_interface",
				Addresses: []r.Address{{SubnetID: sub.ID, IP: addressIn(sub.CIDR, host)}}, Down: d.rarely("interface down"),
			})
		}
		for range d.pick("routes", 4) {
			to := append([]string{"0.0.0.0/0", "10.0.0.3/32", "10.0.0.0/16"}, cidrs...)
			via := d.s.Subnets[d.pick("via", len(d.s.Subnets))].CIDR
			router.Routes = append(router.Routes, r.Route{
				Destination: netip.MustParsePrefix(to[d.pick("destination", len(to))]), NextHop: addressIn(via, 1+d.pick("hop", 4)),
			})
		}
		d.s.Routers = append(d.s.Routers, router)
	}
}

// overlaps keeps to what every cloud enforces: the networks of one router do not overlap.
func overlaps(s r.State, router string, sub r.Subnet) bool {
	for _, p := range s.Ports {
		for _, other := range s.Subnets {
			if p.DeviceID == router && p.Addresses[0].SubnetID == other.ID && other.CIDR.Overlaps(sub.CIDR) {
				return true
			}
		}
	}
	return false
}

func end(p r.Port) r.End {
	return r.End{Network: p.NetworkID, IP: p.Addresses[0].IP, Port: p.ID}
}

// In any wiring the model agrees with walked packets.
func TestModel_agreesWithPackets(t *testing.T) {
	numbers := map[string]int{"icmp": r.ICMP, "tcp": r.TCP, "udp": r.UDP}
	asked, delivered := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := state(t)
		m, b := r.New(s), brute{s}
		for _, from := range s.Ports {
			for _, to := range s.Ports {
				if !from.Host() || !to.Host() || from.ID == to.ID {
					continue
				}
				for _, c := range []struct {
					protocol string
					port     int
				}{{"icmp", 8}, {"tcp", 8}, {"tcp", 60}, {"udp", 53}} {
					got := m.Ask(r.Question{From: end(from), To: end(to), Traffic: r.Traffic{Protocol: numbers[c.protocol], Port: c.port}})
					there, back := b.talk(from, to, c.protocol, c.port)
					asked++
					if there {
						delivered++
					}
					if got.Verdict.Delivered() != there || (got.Verdict == r.Reachable) != (there && back) {
						t.Fatalf("%s -> %s %s %d: the model says %s, packets: there %v, back %v\nforward %+v\nback %+v",
							from.ID, to.ID, c.protocol, c.port, got.Verdict, there, back, got.Forward, got.Back)
					}
				}
			}
		}
	})
	t.Logf("%d questions, %d delivered", asked, delivered)
	if delivered < asked/200 {
		t.Errorf("only %d of %d were delivered: the test shows little", delivered, asked)
	}
}

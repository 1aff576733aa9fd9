package reachability

import (
	"net/netip"
	"slices"
	"strings"
)

// Model is a State that is indexed for asking.
type Model struct {
	networks map[string]Network
	subnets  map[string]Subnet
	ports    map[string]Port
	routers  map[string]*router
	groups   map[string]Group
	lists    map[string]AddressGroup
	// subnetsOf are the subnets of a network, routersOf the routers with a port in it.
	subnetsOf map[string][]Subnet
	portsOf   map[string][]string
	holders   map[place]string
	floating  map[place]FloatingIP
	members   map[string][]netip.Prefix
}

// place is an address in a network: the same one elsewhere is another.
type place struct {
	network string
	ip      netip.Addr
}

// router is a router with the ports it has, by what it knows the way to.
type router struct {
	Router
	ports []Port
	links []link
}

// link is a network a router has an interface in.
type link struct {
	port   Port
	subnet Subnet
	ip     netip.Addr
}

// New indexes a state.
func New(s State) *Model {
	m := &Model{
		networks: map[string]Network{}, subnets: map[string]Subnet{}, ports: map[string]Port{}, routers: map[string]*router{},
		groups: map[string]Group{}, lists: map[string]AddressGroup{}, subnetsOf: map[string][]Subnet{}, portsOf: map[string][]string{},
		holders: map[place]string{}, floating: map[place]FloatingIP{}, members: map[string][]netip.Prefix{},
	}
	for _, n := range s.Networks {
		m.networks[n.ID] = n
	}
	for _, sub := range s.Subnets {
		m.subnets[sub.ID] = sub
		m.subnetsOf[sub.NetworkID] = append(m.subnetsOf[sub.NetworkID], sub)
	}
	for _, r := range s.Routers {
		m.routers[r.ID] = &router{Router: r}
	}
	for _, g := range s.Groups {
		m.groups[g.ID] = g
	}
	for _, l := range s.Addresses {
		m.lists[l.ID] = l
	}
	for _, p := range s.Ports {
		m.addPort(p)
	}
	for _, f := range s.Floating {
		if f.PortID != "" && f.RouterID != "" {
			m.floating[place{f.NetworkID, f.IP}] = f
		}
	}
	return m
}

func (m *Model) addPort(p Port) {
	m.ports[p.ID] = p
	m.portsOf[p.NetworkID] = append(m.portsOf[p.NetworkID], p.ID)
	r := m.routers[p.DeviceID]
	if !p.OfRouter() {
		r = nil
	}
	if r != nil {
		r.ports = append(r.ports, p)
	}
	for _, a := range p.Addresses {
		m.holders[place{p.NetworkID, a.IP}] = p.ID
		if sub, ok := m.subnets[a.SubnetID]; ok && r != nil {
			r.links = append(r.links, link{p, sub, a.IP})
		}
		for _, g := range p.GroupIDs {
			m.members[g] = append(m.members[g], netip.PrefixFrom(a.IP, a.IP.BitLen()))
		}
	}
	for _, pair := range p.Pairs {
		for _, g := range p.GroupIDs {
			m.members[g] = append(m.members[g], pair)
		}
	}
}

// holder is the port that has an address in a network: its own, or one it may take.
func (m *Model) holder(network string, ip netip.Addr) (Port, bool) {
	if id, ok := m.holders[place{network, ip}]; ok {
		return m.ports[id], true
	}
	for _, id := range m.portsOf[network] {
		if slices.Contains(m.ports[id].Pairs, netip.PrefixFrom(ip, ip.BitLen())) {
			return m.ports[id], true
		}
	}
	return Port{}, false
}

// Port returns a port by its id.
func (m *Model) Port(id string) (Port, bool) {
	p, ok := m.ports[id]
	return p, ok
}

// Network returns a network by its id.
func (m *Model) Network(id string) (Network, bool) {
	n, ok := m.networks[id]
	return n, ok
}

// Router returns a router by its id.
func (m *Model) Router(id string) (Router, bool) {
	r, ok := m.routers[id]
	if !ok {
		return Router{}, false
	}
	return r.Router, true
}

// Group returns a security group by its id.
func (m *Model) Group(id string) (Group, bool) {
	g, ok := m.groups[id]
	return g, ok
}

// Subnets are those of a network.
func (m *Model) Subnets(network string) []Subnet { return m.subnetsOf[network] }

// PortsOf are the ports in a network.
func (m *Model) PortsOf(network string) []Port {
	out := make([]Port, len(m.portsOf[network]))
	for i, id := range m.portsOf[network] {
		out[i] = m.ports[id]
	}
	return out
}

// RouterPorts are the ports of a router.
func (m *Model) RouterPorts(id string) []Port {
	if r := m.routers[id]; r != nil {
		return r.ports
	}
	return nil
}

// Routers are all routers.
func (m *Model) Routers() []Router {
	out := make([]Router, 0, len(m.routers))
	for _, r := range m.routers {
		out = append(out, r.Router)
	}
	slices.SortFunc(out, func(a, b Router) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Held reports whether a port has an address of a network.
func (m *Model) Held(network string, ip netip.Addr) bool {
	_, ok := m.holder(network, ip)
	return ok
}

// Remotes are the addresses a rule is for.
func (m *Model) Remotes(r Rule) []netip.Prefix { return m.remotes(r) }

// Members are the addresses that a rule which names a group means.
func (m *Model) Members(group string) []netip.Prefix { return m.members[group] }

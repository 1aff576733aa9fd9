package reachability

import (
	"net/netip"
	"slices"
)

// walker follows one packet; several paths come of routers that may choose.
type walker struct {
	m     *Model
	paths []Path
}

// trip is a packet under way.
type trip struct {
	src, dst netip.Addr
	hops     []Hop
	hidden   *Hidden
}

// Walk returns every way a packet from an end to an address may take: one, unless routers have equal routes. The source
// behaves as a host does: what is in its own subnet it speaks to itself, the rest goes by the subnet's routes and gateway.
func (m *Model) Walk(from End, dst netip.Addr) []Path {
	w := &walker{m: m}
	t := trip{src: from.IP, dst: dst}
	sub, ok := m.subnetAt(from.Network, from.IP)
	switch source := m.ports[from.Port]; {
	case source.Down:
		w.end(t, Down, from.Network, m.refPort(source))
	case !ok || sub.CIDR.Addr().Is4() != dst.Is4():
		w.end(t, NoRoute, from.Network, Ref{})
	case sub.CIDR.Contains(dst):
		w.arrive(t, from.Network)
	default:
		w.hand(t, from.Network, nextHop(sub, dst))
	}
	return w.paths
}

// WalkBy is Walk with a first router of the sender's choice: one in its network need not be the gateway to be used.
func (m *Model) WalkBy(from End, routerPort string, dst netip.Addr) []Path {
	w := &walker{m: m}
	t := trip{src: from.IP, dst: dst}
	if source := m.ports[from.Port]; source.Down {
		w.end(t, Down, from.Network, m.refPort(source))
	} else {
		w.enter(t, m.ports[routerPort])
	}
	return w.paths
}

// subnetAt is the subnet of a network an address belongs to.
func (m *Model) subnetAt(network string, ip netip.Addr) (Subnet, bool) {
	for _, s := range m.subnetsOf[network] {
		if s.CIDR.Contains(ip) {
			return s, true
		}
	}
	return Subnet{}, false
}

// nextHop is whom a host hands what is not in its own subnet; the zero address for nobody.
func nextHop(s Subnet, dst netip.Addr) netip.Addr {
	best := Route{NextHop: s.Gateway}
	for _, r := range s.HostRoutes {
		if r.Destination.Contains(dst) && (!best.Destination.IsValid() || r.Destination.Bits() > best.Destination.Bits()) {
			best = r
		}
	}
	return best.NextHop
}

func (w *walker) end(t trip, o Outcome, network string, port Ref) {
	p := Path{Outcome: o, Hops: t.hops, Port: port, Address: t.dst, Hidden: t.hidden}
	if network != "" {
		p.Network = w.m.refNetwork(network)
	}
	w.paths = append(w.paths, p)
}

// arrive is the end of the way: the address is on the link.
func (w *walker) arrive(t trip, network string) {
	if f, ok := w.m.floating[place{network, t.dst}]; ok {
		w.floating(t, f)
		return
	}
	p, ok := w.m.holder(network, t.dst)
	switch {
	case !ok:
		w.end(t, Arrived, network, Ref{})
	case p.Down:
		w.end(t, Down, network, w.m.refPort(p))
	case p.OfRouter():
		w.end(t, AtRouter, network, w.m.refPort(p))
	default:
		w.end(t, Arrived, network, w.m.refPort(p))
	}
}

// floating goes on at the router that exchanges a floating address.
func (w *walker) floating(t trip, f FloatingIP) {
	r := w.m.routers[f.RouterID]
	if r == nil {
		w.end(t, NoNextHop, f.NetworkID, Ref{})
		return
	}
	for _, l := range r.links {
		if l.port.NetworkID == f.NetworkID {
			t.dst = f.Fixed
			w.enter(t, l.port)
			return
		}
	}
	w.end(t, NoNextHop, f.NetworkID, Ref{})
}

// hand gives the packet to whoever holds the next hop's address in the network.
func (w *walker) hand(t trip, network string, hop netip.Addr) {
	if !hop.IsValid() {
		w.end(t, NoRoute, network, Ref{})
		return
	}
	p, ok := w.m.holder(network, hop)
	switch {
	case !ok && w.m.networks[network].External:
		w.end(t, Outside, network, Ref{})
	case !ok:
		w.end(t, NoNextHop, network, Ref{})
	case p.OfRouter():
		w.enter(t, p)
	case hop == t.dst:
		// A route may name the destination itself.
		w.arrive(t, network)
	default:
		w.end(t, Astray, network, w.m.refPort(p))
	}
}

// enter is a router that has got the packet by one of its ports.
func (w *walker) enter(t trip, in Port) {
	r := w.m.routers[in.DeviceID]
	if r == nil {
		w.end(t, NoNextHop, in.NetworkID, w.m.refPort(in))
		return
	}
	hop := Hop{Router: Ref{r.ID, r.Name}, In: w.m.refPort(in), Network: w.m.refNetwork(in.NetworkID)}
	again := slices.ContainsFunc(t.hops, func(h Hop) bool { return h.Router.ID == r.ID })
	t.hops = append(slices.Clone(t.hops), hop)
	switch {
	case in.Down || r.Down:
		w.end(t, Down, in.NetworkID, w.m.refPort(in))
	case r.owns(t.dst):
		w.end(t, AtRouter, in.NetworkID, w.m.refPort(in))
	case again:
		// The way on depends on the router and the destination alone.
		w.end(t, Loop, in.NetworkID, w.m.refPort(in))
	default:
		w.forward(t, r, in)
	}
}

// forward takes every best route.
func (w *walker) forward(t trip, r *router, in Port) {
	ways := w.m.best(r, t.dst)
	if len(ways) == 0 {
		w.end(t, NoRoute, in.NetworkID, w.m.refPort(in))
		return
	}
	for _, way := range ways {
		next := t
		next.hops = slices.Clone(t.hops)
		last := &next.hops[len(next.hops)-1]
		used := way.used
		last.Route, last.Out = &used, w.m.refPort(way.by.port)
		if way.by.port.Down {
			w.end(next, Down, way.by.port.NetworkID, w.m.refPort(way.by.port))
			continue
		}
		w.hide(&next, r, way)
		if used.Kind == Connected {
			w.arrive(next, way.by.port.NetworkID)
		} else {
			w.hand(next, way.by.port.NetworkID, used.NextHop)
		}
	}
}

// hide exchanges the source's address on the way out of a router by its gateway.
func (w *walker) hide(t *trip, r *router, way way) {
	if r.Gateway == nil || way.by.port.NetworkID != r.Gateway.NetworkID || t.hidden != nil {
		return
	}
	for _, f := range w.m.floating {
		if f.RouterID == r.ID && f.Fixed == t.src {
			t.hidden = &Hidden{Router: r.ID, From: t.src, To: f.IP}
			t.src = f.IP
			return
		}
	}
	inside := slices.ContainsFunc(r.links, func(l link) bool {
		return l.port.NetworkID != r.Gateway.NetworkID && l.subnet.CIDR.Contains(t.src)
	})
	if r.Gateway.SNAT && inside {
		t.hidden = &Hidden{Router: r.ID, From: t.src, To: way.by.ip}
		t.src = way.by.ip
	}
}

func (r *router) owns(ip netip.Addr) bool {
	return slices.ContainsFunc(r.links, func(l link) bool { return l.ip == ip })
}

// way is a route with the interface it leaves by.
type way struct {
	used Used
	by   link
}

// best are the routes with the longest prefix that fits. Connected routes come before static ones.
func (m *Model) best(r *router, dst netip.Addr) []way {
	var out []way
	longest, connected := -1, false
	consider := func(c way) {
		if !c.used.Destination.Contains(dst) {
			return
		}
		bits, direct := c.used.Destination.Bits(), c.used.Kind == Connected
		switch {
		case bits > longest || (bits == longest && direct && !connected):
			longest, connected, out = bits, direct, []way{c}
		case bits == longest && direct == connected:
			out = append(out, c)
		}
	}
	for _, l := range r.links {
		consider(way{Used{Kind: Connected, Destination: l.subnet.CIDR.Masked()}, l})
	}
	for _, route := range r.Routes {
		if by, ok := r.linkTo(route.NextHop); ok {
			consider(way{Used{Static, route.Destination.Masked(), route.NextHop}, by})
		}
	}
	if r.Gateway != nil {
		for _, l := range r.links {
			if l.port.NetworkID == r.Gateway.NetworkID && l.subnet.Gateway.IsValid() {
				everything := netip.PrefixFrom(l.subnet.Gateway, 0).Masked()
				consider(way{Used{Default, everything, l.subnet.Gateway}, l})
			}
		}
	}
	return out
}

// linkTo is the interface in the network of a next hop; a route without one is none.
func (r *router) linkTo(hop netip.Addr) (link, bool) {
	for _, l := range r.links {
		if l.subnet.CIDR.Contains(hop) {
			return l, true
		}
	}
	return link{}, false
}

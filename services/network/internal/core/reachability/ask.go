package reachability

import "slices"

// Verdict is the answer in one word.
type Verdict string

// The verdicts, in the order in which a packet meets them.
const (
	// DeniedEgress: no rule of the source's groups lets it out.
	DeniedEgress Verdict = "DENIED_EGRESS"
	// Unroutable: no way leads there; Path.Outcome says why.
	Unroutable Verdict = "NO_ROUTE"
	// Elsewhere: where it is sent from, the address is somebody else's.
	Elsewhere Verdict = "OTHER_HOST"
	// NoHost: it gets to the network, where no port has the address, or to a router, which replies to pings only.
	NoHost Verdict = "NO_HOST"
	// DeniedIngress: no rule of the destination's groups lets it in.
	DeniedIngress Verdict = "DENIED_INGRESS"
	// OneWay: it is delivered, and the answer is lost on its way back.
	OneWay Verdict = "ONE_WAY"
	// Reachable: it is delivered, and so is the answer.
	Reachable Verdict = "REACHABLE"
)

// Delivered reports the verdicts of packets that get to the destination.
func (v Verdict) Delivered() bool { return v == Reachable || v == OneWay }

// Question is whether one end reaches another.
type Question struct {
	From, To End
	Traffic  Traffic
	// By is the port of the router the source hands the packet to, when that is not the one of its subnet.
	By string
}

// Answer is whether, by which way, and by which rules. Everything that could be looked at is there, so that it shows what
// else would be in the way.
type Answer struct {
	Verdict Verdict  `json:"verdict"`
	Egress  Decision `json:"egress"`
	Forward Path     `json:"forward"`
	Ingress Decision `json:"ingress"`
	// Back is the way of the answer; its outcome is empty when the packet gets nowhere.
	Back Path `json:"back"`
}

// Ask walks the packet of a question. Of several equal routes the one that gets furthest counts.
func (m *Model) Ask(q Question) Answer { return m.Between(q.From, q.To, q.By).Ask(q.Traffic) }

// Between walks from one end to another, whatever the traffic: routers do not look at that.
func (m *Model) Between(from, to End, by string) Link {
	l := Link{m: m, from: from, to: to}
	paths := m.Walk(from, to.IP)
	if by != "" {
		paths = m.WalkBy(from, by, to.IP)
	}
	for _, p := range paths {
		l.ways = append(l.ways, m.between(from, to, p))
	}
	return l
}

// Link is the ways from one end to another, for asking about many kinds of traffic.
type Link struct {
	m        *Model
	from, to End
	ways     []course
}

// course is one way there, whom it ends at, and the way back.
type course struct {
	path    Path
	target  End
	arrived Verdict // why that is not who was meant; empty when it is
	back    Path
}

// Leads reports whether any way leads to the other end, whatever the security groups say.
func (l Link) Leads() bool {
	return slices.ContainsFunc(l.ways, func(c course) bool { return c.arrived == "" })
}

// Ask judges one kind of traffic.
func (l Link) Ask(t Traffic) Answer {
	best := Answer{}
	for i, c := range l.ways {
		if a := l.along(c, t); i == 0 || rank(a.Verdict) > rank(best.Verdict) {
			best = a
		}
	}
	return best
}

func rank(v Verdict) int {
	return slices.Index([]Verdict{DeniedEgress, Unroutable, Elsewhere, NoHost, DeniedIngress, OneWay, Reachable}, v)
}

func (m *Model) between(from, to End, p Path) course {
	c := course{path: p}
	if c.target, c.arrived = target(to, p); c.arrived == "" {
		c.back = m.back(from, p, c.target)
	}
	return c
}

// along judges one way.
func (l Link) along(c course, t Traffic) Answer {
	m := l.m
	a := Answer{Egress: m.Out(m.portOf(l.from), l.to, t), Forward: c.path, Back: c.back}
	arrived := c.arrived
	if c.path.Outcome == AtRouter && t.Protocol != ICMP && t.Protocol != ICMPv6 {
		arrived = NoHost
	}
	if arrived == "" {
		seen := l.from
		if c.path.Hidden != nil {
			seen = End{Network: c.path.Network.ID, IP: c.path.Hidden.To}
		}
		a.Ingress = m.In(m.portOf(c.target), seen, t)
	}
	switch {
	case !a.Egress.Allowed:
		a.Verdict = DeniedEgress
	case arrived != "":
		a.Verdict = arrived
	case !a.Ingress.Allowed:
		a.Verdict = DeniedIngress
	case !l.returns(c, a, t):
		a.Verdict = OneWay
	default:
		a.Verdict = Reachable
	}
	return a
}

// target is who a path ends at; a verdict when that is not who was meant.
func target(to End, p Path) (End, Verdict) {
	end := End{Network: p.Network.ID, IP: p.Address, Port: p.Port.ID}
	switch {
	case p.Outcome == AtRouter:
		return end, ""
	case p.Outcome != Arrived:
		return End{}, Unroutable
	case to.Network != "" && to.Network != end.Network:
		return end, Elsewhere
	case end.Port == "" && (to.Port != "" || to.Groups == nil && !to.Open):
		return end, NoHost
	case to.Port != "" && to.Port != end.Port:
		return end, Elsewhere
	case end.Port == "":
		end.Groups, end.Open = to.Groups, to.Open
	}
	return end, ""
}

// portOf is the port of an end; that of an imagined one has its groups, and port security.
func (m *Model) portOf(e End) Port {
	if p, ok := m.ports[e.Port]; ok {
		return p
	}
	return Port{NetworkID: e.Network, GroupIDs: e.Groups, Open: e.Open}
}

// back is the way of the answer: to where the packet seems to come from, and past the router that hid who sent it.
func (m *Model) back(home End, p Path, from End) Path {
	if p.Outcome == AtRouter {
		return m.first(m.fromRouter(p.Port.ID, home), home)
	}
	if p.Hidden == nil {
		return m.first(m.Walk(from, home.IP), home)
	}
	ways := m.Walk(from, p.Hidden.To)
	for _, way := range ways {
		if way.Outcome == AtRouter && m.ports[way.Port.ID].DeviceID == p.Hidden.Router {
			w := &walker{m: m}
			w.enter(trip{src: from.IP, dst: home.IP, hops: way.Hops[:max(len(way.Hops)-1, 0)]}, m.ports[way.Port.ID])
			return m.first(w.paths, home)
		}
	}
	return m.first(ways, home)
}

// fromRouter is the way of an answer that a router gives itself.
func (m *Model) fromRouter(port string, to End) []Path {
	w := &walker{m: m}
	w.enter(trip{dst: to.IP}, m.ports[port])
	return w.paths
}

// first prefers, of equal ways, one that gets home.
func (m *Model) first(paths []Path, to End) Path {
	for _, p := range paths {
		if m.home(p, to) {
			return p
		}
	}
	if len(paths) == 0 {
		return Path{}
	}
	return paths[0]
}

// home reports whether a path ends at an end.
func (m *Model) home(p Path, to End) bool {
	return p.Outcome == Arrived && p.Network.ID == to.Network && p.Port.ID == to.Port
}

// returns reports whether replies come back: there is a way, and where connections are not tracked, rules for them too.
func (l Link) returns(c course, a Answer, t Traffic) bool {
	m := l.m
	if !m.home(c.back, l.from) {
		return false
	}
	return (a.Egress.tracked() || repliesPass(m.In(m.portOf(l.from), c.target, t), t)) &&
		(a.Ingress.tracked() || repliesPass(m.Out(m.portOf(c.target), l.from, t), t))
}

// repliesPass reports whether rules let replies through to any port that the source may have chosen.
func repliesPass(d Decision, t Traffic) bool {
	return d.Unchecked != "" || slices.ContainsFunc(d.Rules, func(r Match) bool { return r.Rule.whole() && r.Rule.Carries(t) })
}

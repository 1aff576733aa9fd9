package isolation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/low-layer/platform/services/network/internal/core/reachability"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// pair is a judged pair with its ends.
type pair struct {
	Pair
	from, to side
}

func (p pair) reachable() bool { return len(p.Observed) > 0 }

// tally is what packets between two sides have shown.
type tally struct {
	kinds              []kind
	expected, observed map[kind]bool
	oneWay             bool
	// sample is an answer that shows what the pair is like; a violation is preferred, then a delivery.
	sample   reachability.Answer
	grade    int
	opened   []Offender
	cut      []Offender
	open     map[kind]bool
	lost     map[kind]bool
	accepted map[string]reachability.Match
}

const (
	gradeNone = iota
	gradeDenied
	gradeDelivered
	gradeCut
	gradeOpened
)

// pair sends a packet of each kind from every end to every other, by every router the source could use.
func (j *judge) pair(from, to side, kinds []kind) pair {
	t := &tally{
		kinds: kinds, expected: map[kind]bool{}, observed: map[kind]bool{}, open: map[kind]bool{}, lost: map[kind]bool{},
		accepted: map[string]reachability.Match{},
	}
	routed := j.wanted.routed[couple{from.uid(), to.uid()}]
	for _, a := range from.ends {
		for _, b := range to.ends {
			if a.IP.Is4() != b.IP.Is4() {
				continue
			}
			for _, by := range append([]string{""}, from.doors...) {
				j.send(t, from, to, a, b, by, routed)
			}
		}
	}
	if routed && len(t.expected) == 0 {
		return j.apart(*from.site, *to.site)
	}
	return j.verdict(t, from, to)
}

func (j *judge) send(t *tally, from, to side, a, b reachability.End, by string, routed bool) {
	link := j.m.Between(a, b, by)
	leads := link.Leads()
	if !leads && !routed {
		if t.grade == gradeNone {
			t.sample, t.grade = link.Ask(t.kinds[0].traffic), gradeDenied
		}
		return
	}
	for _, k := range t.kinds {
		should := routed && j.shouldPass(to, a, k)
		if should {
			t.expected[k] = true
		}
		answer := link.Ask(k.traffic)
		delivered := answer.Verdict.Delivered()
		grade := gradeDenied
		switch {
		case delivered && !should:
			t.opened = append(t.opened, j.blameOpen(from, to, b, answer, routed)...)
			t.open[k] = true
			grade = gradeOpened
		case should && answer.Verdict != reachability.Reachable && by == "" && a.Port == "" && b.Port == "":
			// A server may keep to itself by groups of its own: only what ours stands for must be reached.
			t.cut = append(t.cut, j.blameCut(from, to, answer)...)
			t.lost[k] = true
			grade = gradeCut
		case delivered:
			grade = gradeDelivered
		}
		if delivered {
			t.observed[k] = true
			t.oneWay = t.oneWay || answer.Verdict == reachability.OneWay
			for _, r := range answer.Ingress.Rules {
				t.accepted[r.Rule.ID] = r
			}
		}
		if grade > t.grade {
			t.sample, t.grade = answer, grade
		}
	}
}

// shouldPass reports whether what was asked for lets a kind of traffic in.
func (j *judge) shouldPass(to side, from reachability.End, k kind) bool {
	for _, r := range j.wanted.ingress[to.uid()] {
		if fits(r, from, k.traffic) {
			return true
		}
	}
	return false
}

func (j *judge) verdict(t *tally, from, to side) pair {
	p := pair{from: from, to: to, Pair: Pair{
		Source: from.name(), Destination: to.name(), Verdict: Verified, OneWay: t.oneWay, Forward: t.sample.Forward, Back: t.sample.Back,
		Observed: words(t.kinds, func(k kind) bool { return t.observed[k] }), Expected: words(t.kinds, func(k kind) bool { return t.expected[k] }),
	}}
	for _, r := range t.accepted {
		p.Rules = append(p.Rules, r)
	}
	slices.SortFunc(p.Rules, func(a, b reachability.Match) int { return strings.Compare(a.Rule.ID, b.Rule.ID) })
	opened, cut := tidy(t.opened), tidy(t.cut)
	changing := j.wanted.unsettled(from.uid(), to.uid())
	switch {
	case len(t.open) > 0 && (len(opened) > 0 || !changing):
		p.Verdict, p.Offenders = Violated, opened
		p.Message = openMessage(words(t.kinds, func(k kind) bool { return t.open[k] }), opened)
	case len(t.lost) > 0 && !changing:
		p.Verdict, p.Offenders, p.Cut = Violated, cut, true
		p.Message = cutMessage(words(t.kinds, func(k kind) bool { return t.lost[k] }), cut)
	case len(t.open) > 0 || len(t.lost) > 0:
		p.Verdict, p.Message = Unsettled, "a change of it is under way"
	case len(p.Observed) > 0:
		p.Message = "as asked for"
	default:
		p.Message = "apart, as it should be: " + j.explain(t.sample)
	}
	return p
}

func openMessage(what []string, by []Offender) string {
	if len(by) == 0 {
		return strings.Join(what, ", ") + " gets through and should not, by rules and routes that were asked for"
	}
	return fmt.Sprintf("%s gets through and should not: %s", strings.Join(what, ", "), details(by))
}

func cutMessage(what []string, by []Offender) string {
	return fmt.Sprintf("%s should get through and does not: %s", strings.Join(what, ", "), details(by))
}

func details(of []Offender) string {
	out := make([]string, len(of))
	for i, o := range of {
		out[i] = o.Detail
	}
	return strings.Join(out, "; ")
}

// blameOpen names what nobody asked for on the way of a packet that gets through and should not.
func (j *judge) blameOpen(from, to side, b reachability.End, a reachability.Answer, routed bool) []Offender {
	at := to
	if at.site == nil {
		at = from
	}
	var out []Offender
	if to.site != nil {
		for _, r := range a.Ingress.Rules {
			if !j.wanted.asked(j.m, r.Group.ID, r.Rule) && !j.wanted.meanwhile(*to.site, r.Rule) {
				out = append(out, ruleOffender(*to.site, r))
			}
		}
		if a.Ingress.Unchecked == reachability.PortSecurityOff && b.Port != "" {
			p, _ := j.m.Port(b.Port)
			out = append(out, portOffender(*to.site, p, "has port security off: it sends and takes whatever it likes, from any address"))
		}
	}
	if routed {
		return out
	}
	for _, h := range a.Forward.Hops {
		out = append(out, j.blameHop(*at.site, h)...)
	}
	return out
}

// blameHop names the route and the ports of a router that nobody asked for; they concern the site whose router it is, or
// else the one that is reached.
func (j *judge) blameHop(s Site, h reachability.Hop) []Offender {
	if own, ok := j.routers[h.Router.ID]; ok {
		s = own
	}
	var out []Offender
	r, _ := j.m.Router(h.Router.ID)
	if h.Route != nil && h.Route.Kind == reachability.Static {
		route := reachability.Route{Destination: h.Route.Destination, NextHop: h.Route.NextHop}
		if !j.askedRoute(r.ID, route) {
			out = append(out, routeOffender(s, r, route))
		}
	}
	for _, ref := range []reachability.Ref{h.In, h.Out} {
		if p, ok := j.m.Port(ref.ID); ok && !j.askedPort(p) {
			out = append(out, j.joinOffender(s, p))
		}
	}
	return out
}

// blameCut names where a packet is lost that should get through.
func (j *judge) blameCut(from, to side, a reachability.Answer) []Offender {
	switch a.Verdict {
	case reachability.DeniedEgress:
		return []Offender{{from.name(), topology.TypeGroup, from.site.GroupID, fmt.Sprintf("no rule of security group %s lets it out", from.site.GroupID)}}
	case reachability.DeniedIngress:
		return []Offender{{to.name(), topology.TypeGroup, to.site.GroupID, fmt.Sprintf("no rule of security group %s lets it in", to.site.GroupID)}}
	case reachability.OneWay:
		return []Offender{j.lastRouter(to, a.Back, "the answer")}
	default:
		return []Offender{j.lastRouter(from, a.Forward, "the packet")}
	}
}

// lastRouter is where a path ends early.
func (j *judge) lastRouter(s side, p reachability.Path, what string) Offender {
	if len(p.Hops) == 0 {
		return Offender{s.name(), topology.TypeNetwork, s.network, fmt.Sprintf("%s does not leave network %s: %s", what, s.network, outcomeWord(p.Outcome))}
	}
	h := p.Hops[len(p.Hops)-1]
	if own, ok := j.routers[h.Router.ID]; ok {
		s.site = &own
	}
	return Offender{s.name(), topology.TypeRouter, h.Router.ID, fmt.Sprintf("%s is lost at router %s: %s", what, title(h.Router), outcomeWord(p.Outcome))}
}

// apart is a pair that should be linked and that no router links.
func (j *judge) apart(from, to Site) pair {
	p := pair{from: side{network: from.NetworkID, site: &from}, to: side{network: to.NetworkID, site: &to}, Pair: Pair{
		Source: from.Resource, Destination: to.Resource, Verdict: Violated, Cut: true, Message: "they should be linked, and no router links them",
		Offenders: []Offender{{from.Resource, topology.TypeRouter, from.RouterID, fmt.Sprintf("router %s does not lead there", from.RouterID)}},
		Expected:  []string{"all"},
	}}
	if j.wanted.unsettled(from.UID, to.UID) {
		p.Verdict, p.Cut, p.Offenders, p.Message = Unsettled, false, nil, "a change of it is under way"
	}
	return p
}

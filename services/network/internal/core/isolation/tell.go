package isolation

import (
	"fmt"
	"strings"

	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// tell puts an answer in words: a sentence that names what decides, and the way step by step.
func (x *Index) tell(e Explanation, t reachability.Traffic) (message string, steps []string) {
	what := protocolWord(t.Protocol)
	if t.Port != 0 {
		what = fmt.Sprintf("%s:%d", what, t.Port)
	}
	steps = append(steps, fmt.Sprintf("%s sends %s to %s", e.Source, what, e.Destination), "out of the source: "+decision(e.Egress))
	if e.Egress.Allowed || len(e.Forward.Hops) > 0 || e.Forward.Outcome != "" {
		steps = append(steps, way("there", e.Forward)...)
	}
	if e.Forward.Outcome == reachability.Arrived || e.Forward.Outcome == reachability.AtRouter {
		if e.Verdict != reachability.Elsewhere && e.Verdict != reachability.NoHost {
			steps = append(steps, "into the destination: "+decision(e.Ingress))
		}
	}
	if e.Back.Outcome != "" {
		steps = append(steps, way("back", e.Back)...)
	}
	return e.sentence(what), steps
}

func (e Explanation) sentence(what string) string {
	switch e.Verdict {
	case reachability.Reachable:
		return fmt.Sprintf("%s reaches it: %s", what, decision(e.Ingress))
	case reachability.OneWay:
		return fmt.Sprintf("%s gets there, and the answer is lost on its way back: %s", what, lost(e.Back))
	case reachability.DeniedEgress:
		return "denied by the source's security groups: " + decision(e.Egress)
	case reachability.DeniedIngress:
		return "denied by the destination's security groups: " + decision(e.Ingress)
	case reachability.Elsewhere:
		return fmt.Sprintf("from there the address belongs to network %s, not to the destination's", title(e.Forward.Network))
	case reachability.NoHost:
		return fmt.Sprintf("it gets to network %s, where no port has the address %s", title(e.Forward.Network), e.Forward.Address)
	default:
		return "no route: " + lost(e.Forward)
	}
}

// lost says where a path ends early.
func lost(p reachability.Path) string {
	switch {
	case p.Outcome == reachability.Arrived:
		return "a stateless security group has no rule for it"
	case len(p.Hops) == 0:
		return fmt.Sprintf("out of network %s, %s", title(p.Network), outcomeWord(p.Outcome))
	default:
		return fmt.Sprintf("at router %s, %s", title(p.Hops[len(p.Hops)-1].Router), outcomeWord(p.Outcome))
	}
}

func decision(d reachability.Decision) string {
	switch {
	case d.Unchecked != "":
		return "not checked, " + d.Unchecked
	case d.Allowed:
		out := make([]string, len(d.Rules))
		for i, r := range d.Rules {
			out[i] = fmt.Sprintf("rule %s of security group %s (%s)", r.Rule.ID, title(r.Group), r.Rule.Traffic())
		}
		return "allowed by " + strings.Join(out, " and by ")
	case len(d.Groups) == 0:
		return "denied, the port has no security group"
	default:
		out := make([]string, len(d.Groups))
		for i, g := range d.Groups {
			out[i] = title(g)
		}
		return "denied, no rule fits in security group " + strings.Join(out, ", ")
	}
}

func way(word string, p reachability.Path) []string {
	var out []string
	for _, h := range p.Hops {
		step := fmt.Sprintf("%s: network %s, router %s", word, title(h.Network), title(h.Router))
		switch {
		case h.Route == nil:
		case h.Route.Kind == reachability.Connected:
			step += fmt.Sprintf(", which is in %s", h.Route.Destination)
		default:
			step += fmt.Sprintf(", whose %s route %s leads to %s", strings.ToLower(string(h.Route.Kind)), h.Route.Destination, h.Route.NextHop)
		}
		out = append(out, step)
	}
	switch p.Outcome {
	case reachability.Arrived:
		end := "no port has the address"
		if p.Port.ID != "" {
			end = "port " + title(p.Port)
		}
		return append(out, fmt.Sprintf("%s: network %s, %s", word, title(p.Network), end))
	case reachability.AtRouter:
		return append(out, fmt.Sprintf("%s: the address is that of the router's port %s", word, title(p.Port)))
	default:
		return append(out, fmt.Sprintf("%s: lost %s", word, lost(p)))
	}
}

package isolation

import (
	"fmt"
	"slices"
	"strings"
)

// Reasons of the isolation condition of a site.
const (
	ReasonIsolated = "Isolated"
	// ReasonOpened: something gets through that should not. ReasonExposed: it would, and nothing leads there yet.
	ReasonOpened  = "Opened"
	ReasonExposed = "Exposed"
	// ReasonCut: something does not get through that should.
	ReasonCut = "Cut"
)

// Standing is whether the isolation of a site is verified.
type Standing struct {
	Verdict         Verdict
	Reason, Message string
}

// Standing is that of a site in the report of its tenant. An Unsettled one changes no condition.
func (r Report) Standing(s Site) Standing {
	var opened, cut, exposed []string
	unsettled := false
	for _, p := range r.Pairs {
		if p.Source != s.Resource && p.Destination != s.Resource {
			continue
		}
		switch {
		case p.Verdict == Unsettled:
			unsettled = true
		case p.Verdict != Violated:
		case p.Cut:
			cut = append(cut, pairText(p))
		default:
			opened = append(opened, pairText(p))
		}
	}
	for _, o := range r.Offenders {
		if o.Resource == s.Resource {
			exposed = append(exposed, o.Detail)
		}
	}
	switch {
	case len(opened) > 0:
		return Standing{Violated, ReasonOpened, text(append(exposed, opened...))}
	case len(exposed) > 0:
		return Standing{Violated, ReasonExposed, text(exposed)}
	case len(cut) > 0:
		return Standing{Violated, ReasonCut, text(cut)}
	case unsettled:
		return Standing{Verdict: Unsettled}
	default:
		return Standing{Verified, ReasonIsolated, "the networks it reaches, and those that reach it, are as asked for"}
	}
}

func pairText(p Pair) string {
	name := func(s string) string {
		if s == "" {
			return "another tenant"
		}
		return s
	}
	return fmt.Sprintf("%s to %s: %s", name(p.Source), name(p.Destination), p.Message)
}

// maxTexts bounds what a condition's message lists.
const maxTexts = 3

func text(of []string) string {
	of = slices.Compact(of)
	shown := strings.Join(of[:min(len(of), maxTexts)], "; ")
	if len(of) > maxTexts {
		shown += fmt.Sprintf("; and %d more, see the isolation report", len(of)-maxTexts)
	}
	return shown
}

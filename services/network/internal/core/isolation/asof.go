package isolation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Change is a change of a hub, VPC or peering that an observation cannot have seen the end of.
type Change struct{ Tenant, Resource string }

// AsOf is the report as it may be told at a moment: neither what was changed since it was observed nor what was observed too
// long ago is verified.
func (r Report) AsOf(now time.Time, since []Change) Report {
	stale := r.Verdict != Empty && now.After(r.Time.Add(r.Lasts))
	changed := map[string]bool{}
	for _, c := range since {
		r.Unobserved = append(r.Unobserved, c.Resource)
		changed[c.Tenant] = true
	}
	if stale || len(since) > 0 {
		r.Verdict = worse(r.Verdict, Unsettled)
	}
	if r.Tenant == "" {
		r.Tenants = summariesAsOf(r.Tenants, changed, stale)
	}
	r.Message = r.message(stale)
	r.Unobserved = r.Unobserved[:min(len(r.Unobserved), maxPairs)]
	return r
}

// summariesAsOf unsettles the tenants with changes, and adds those that had no network when it was observed.
func summariesAsOf(have []Summary, changed map[string]bool, stale bool) []Summary {
	out := slices.Clone(have)
	for i, s := range out {
		if stale || changed[s.Tenant] {
			out[i].Verdict = worse(s.Verdict, Unsettled)
		}
	}
	for tenant := range changed {
		if !slices.ContainsFunc(have, func(s Summary) bool { return s.Tenant == tenant }) {
			out = append(out, Summary{Tenant: tenant, Verdict: Unsettled})
		}
	}
	slices.SortFunc(out, func(a, b Summary) int { return strings.Compare(a.Tenant, b.Tenant) })
	return out
}

// message is the verdict in words.
func (r Report) message(stale bool) string {
	var said []string
	if r.Verdict == Violated {
		said = append(said, fmt.Sprintf("%d pairs are not as they should be, and %d objects are there that nobody asked for", r.Violated, len(r.Offenders)))
	}
	if names := r.Unobserved; len(names) > 0 {
		shown := strings.Join(names[:min(len(names), maxTexts)], ", ")
		if len(names) > maxTexts {
			shown += fmt.Sprintf(" and %d more", len(names)-maxTexts)
		}
		said = append(said, "not known yet of "+shown+": changed since OpenStack was observed, or being changed; it is observed again a few seconds after each change ends")
	}
	if stale {
		said = append(said, fmt.Sprintf("nothing newer than %s is known, and an observation proves nothing for longer than %s", r.Time.UTC().Format(time.RFC3339), r.Lasts))
	}
	if len(said) > 0 {
		return strings.Join(said, "; ")
	}
	switch {
	case r.Verdict == Empty:
		return "there is no network, so there is nothing to verify"
	case r.Verdict == Unsettled:
		return "a network differs while it is being changed; the next observation decides"
	case r.PairCount == 0:
		return "the one network reaches no other, and no other reaches it"
	default:
		return fmt.Sprintf("each of %d pairs of networks is as asked for", r.PairCount)
	}
}

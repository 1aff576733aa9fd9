package isolation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// maxPairs bounds a report: what is left out neither reaches nor should.
const maxPairs = 1000

// reports sorts pairs and offenders by tenant; the operator's comes first.
func (j *judge) reports(at time.Time, pairs []pair, offenders []Offender) []Report {
	byTenant := map[string]*Report{}
	count := map[string]int{}
	for _, s := range j.sites {
		count[s.Tenant]++
		if byTenant[s.Tenant] == nil {
			byTenant[s.Tenant] = &Report{Tenant: s.Tenant, Time: at, Verdict: Verified}
		}
	}
	operator := Report{Time: at, Verdict: Verified, PairCount: len(j.sites) * max(len(j.sites)-1, 0)}
	for _, p := range pairs {
		j.deal(p, byTenant, &operator)
	}
	tenantOf := map[string]string{}
	for _, s := range j.sites {
		tenantOf[s.Resource] = s.Tenant
	}
	for _, off := range offenders {
		r := byTenant[tenantOf[off.Resource]]
		r.Offenders = append(r.Offenders, off)
		r.Verdict, operator.Verdict = Violated, Violated
		operator.Offenders = append(operator.Offenders, off)
	}
	out := []Report{}
	for tenant, r := range byTenant {
		r.PairCount += count[tenant] * (count[tenant] - 1)
		r.fill(j.sites)
		r.cut()
		out = append(out, *r)
		operator.Tenants = append(operator.Tenants, Summary{tenant, r.Verdict, r.PairCount, r.Violated, len(r.Offenders)})
	}
	slices.SortFunc(out, func(a, b Report) int { return strings.Compare(a.Tenant, b.Tenant) })
	slices.SortFunc(operator.Tenants, func(a, b Summary) int { return strings.Compare(a.Tenant, b.Tenant) })
	operator.cut()
	return append([]Report{operator}, out...)
}

// deal gives a pair to the tenants at its ends, and to the operator when it crosses tenants or is not as it should be.
func (j *judge) deal(p pair, byTenant map[string]*Report, operator *Report) {
	from, to := tenantOf(p.from), tenantOf(p.to)
	own := from == to
	switch {
	case own:
		byTenant[from].add(j.masked(p, from), p.reachable())
	case p.reachable() || p.Verdict != Verified:
		for _, t := range []string{from, to} {
			if t != "" {
				byTenant[t].PairCount++
				byTenant[t].add(j.masked(p, t), p.reachable())
			}
		}
	}
	if p.reachable() {
		operator.Reachable++
	}
	if p.Verdict == Violated {
		operator.Violated++
	}
	operator.Verdict = worse(operator.Verdict, p.Verdict)
	if p.Verdict != Verified || !own && p.reachable() {
		operator.Pairs = append(operator.Pairs, p.Pair)
	}
}

func tenantOf(s side) string {
	if s.site == nil {
		return ""
	}
	return s.site.Tenant
}

func (r *Report) add(p Pair, reachable bool) {
	r.Pairs = append(r.Pairs, p)
	r.Verdict = worse(r.Verdict, p.Verdict)
	if reachable {
		r.Reachable++
	}
	if p.Verdict == Violated {
		r.Violated++
	}
}

// worse is the one that counts of two verdicts.
func worse(a, b Verdict) Verdict {
	rank := map[Verdict]int{Empty: 0, Verified: 1, Unsettled: 2, Violated: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// masked is a pair as a tenant at one of its ends may see it: without anything that is another's.
func (j *judge) masked(p pair, tenant string) Pair {
	foreign := func(t string) bool { return t != "" && t != tenant }
	out := p.Pair
	if foreign(tenantOf(p.from)) {
		out.Source = ""
	}
	if foreign(tenantOf(p.to)) {
		out.Destination, out.Rules = "", nil
	}
	out.Forward, out.Back = j.maskedPath(p.Forward, tenant), j.maskedPath(p.Back, tenant)
	out.Offenders = slices.DeleteFunc(slices.Clone(p.Offenders), func(o Offender) bool {
		return strings.HasPrefix(o.Resource, "tenants/") && !strings.HasPrefix(o.Resource, "tenants/"+tenant+"/")
	})
	if len(out.Offenders) == len(p.Offenders) {
		return out
	}
	out.Offenders = append(out.Offenders, Offender{Detail: "objects at another tenant's routers, which the operator sees"})
	if out.Message = openMessage(p.Observed, out.Offenders); p.Cut {
		out.Message = cutMessage(p.Expected, out.Offenders)
	}
	return out
}

// maskedPath keeps that there is a router of another tenant, and nothing else of it.
func (j *judge) maskedPath(p reachability.Path, tenant string) reachability.Path {
	p.Hops = slices.Clone(p.Hops)
	for i, h := range p.Hops {
		if s, ok := j.routers[h.Router.ID]; ok && s.Tenant != tenant {
			p.Hops[i] = reachability.Hop{Router: reachability.Ref{Name: "another tenant's"}}
		}
	}
	if s, ok := j.byNetwork[p.Network.ID]; ok && s.Tenant != tenant {
		p.Network, p.Port = reachability.Ref{}, reachability.Ref{}
	}
	return p
}

// fill adds the pairs of the tenant that lie on two islands: nothing can be said of them but that.
func (r *Report) fill(sites []Site) {
	have := map[[2]string]bool{}
	for _, p := range r.Pairs {
		have[[2]string{p.Source, p.Destination}] = true
	}
	own := slices.DeleteFunc(slices.Clone(sites), func(s Site) bool { return s.Tenant != r.Tenant })
	slices.SortFunc(own, func(a, b Site) int { return strings.Compare(a.Resource, b.Resource) })
	for _, a := range own {
		for _, b := range own {
			if len(r.Pairs) >= 2*maxPairs {
				return
			}
			if a.UID != b.UID && !have[[2]string{a.Resource, b.Resource}] {
				r.Pairs = append(r.Pairs, Pair{Source: a.Resource, Destination: b.Resource, Verdict: Verified, Message: "apart, as it should be: no router links them"})
			}
		}
	}
}

// cut keeps what matters most.
func (r *Report) cut() {
	slices.SortStableFunc(r.Pairs, func(a, b Pair) int {
		if c := cmp.Compare(weight(b), weight(a)); c != 0 {
			return c
		}
		return strings.Compare(a.Source+" "+a.Destination, b.Source+" "+b.Destination)
	})
	r.Pairs = r.Pairs[:min(len(r.Pairs), maxPairs)]
}

func weight(p Pair) int {
	switch {
	case p.Verdict == Violated:
		return 3
	case p.Verdict == Unsettled:
		return 2
	case len(p.Observed) > 0:
		return 1
	default:
		return 0
	}
}

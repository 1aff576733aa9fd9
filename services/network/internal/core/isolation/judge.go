package isolation

import (
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// judge is one judgement.
type judge struct {
	m         *reachability.Model
	state     reachability.State
	wanted    *wanted
	sites     []Site
	byNetwork map[string]Site
	routers   map[string]Site
	// ends are the VPCs of a peering.
	ends map[string][]string
}

// Judge compares what was observed with what was asked for before and after that. It also returns the observation to keep: the state with the sites there are in the end.
func Judge(at time.Time, state reachability.State, before, after Intent) (Observation, []Report) {
	before, after = before.located(state), after.located(state)
	o := Observation{Time: at, State: state, Sites: after.Sites()}
	m := reachability.New(state)
	j := &judge{
		m: m, state: state, wanted: want(m, state.Networks, before, after), sites: either(after.Sites(), before.Sites()),
		byNetwork: map[string]Site{}, routers: map[string]Site{}, ends: map[string][]string{},
	}
	for _, s := range j.sites {
		j.byNetwork[s.NetworkID] = s
		j.routers[s.RouterID] = s
	}
	for _, p := range after.Peerings {
		j.ends[p.UID] = []string{p.VpcUID, p.PeerUID}
	}
	pairs := j.pairs()
	return o, j.reports(at, pairs, j.offenders())
}

// either are the sites of the first list and those only the second has.
func either(first, second []Site) []Site {
	out := first
	for _, s := range second {
		if !slices.ContainsFunc(first, func(f Site) bool { return f.UID == s.UID }) {
			out = append(out, s)
		}
	}
	return slices.Clip(out)
}

// island is the networks that routers link, directly or by others.
type island struct {
	networks []string
	routers  []string
}

// islands parts the networks. Networks of two islands never reach one another, whatever the rules say; so only what
// is on one is walked, and tenants cost as much as each does alone.
func (j *judge) islands() []island {
	parent := map[string]string{}
	var find func(string) string
	find = func(x string) string {
		if p, ok := parent[x]; ok && p != x {
			root := find(p)
			parent[x] = root
			return root
		}
		parent[x] = x
		return x
	}
	for _, n := range j.state.Networks {
		find(n.ID)
	}
	for _, r := range j.state.Routers {
		for _, p := range j.m.RouterPorts(r.ID) {
			parent[find(p.NetworkID)] = find(r.ID)
		}
	}
	byRoot := map[string]*island{}
	var order []string
	at := func(x string) *island {
		root := find(x)
		if byRoot[root] == nil {
			byRoot[root] = &island{}
			order = append(order, root)
		}
		return byRoot[root]
	}
	for _, n := range j.state.Networks {
		i := at(n.ID)
		i.networks = append(i.networks, n.ID)
	}
	for _, r := range j.state.Routers {
		i := at(r.ID)
		i.routers = append(i.routers, r.ID)
	}
	out := make([]island, 0, len(order))
	for _, root := range order {
		out = append(out, *byRoot[root])
	}
	return out
}

// side is a network that is judged, with the servers that stand for all in it.
type side struct {
	network string
	site    *Site
	ends    []reachability.End
	// doors are the ports of routers in the network.
	doors []string
}

func (s side) name() string {
	if s.site != nil {
		return s.site.Resource
	}
	return "networks/" + s.network
}

func (s side) uid() string {
	if s.site != nil {
		return s.site.UID
	}
	return ""
}

// pairs judges every pair of an island that has a network of ours in it. The links between routers are no ends: nothing
// may live there, which the offenders tell.
func (j *judge) pairs() []pair {
	var out []pair
	for _, i := range j.islands() {
		if !slices.ContainsFunc(i.networks, func(n string) bool { _, ours := j.byNetwork[n]; return ours }) {
			continue
		}
		marks := j.marks(i)
		var sides []side
		for _, n := range i.networks {
			if _, link := j.wanted.links[n]; !link {
				sides = append(sides, j.side(n, marks))
			}
		}
		kinds := j.kinds(i)
		for _, from := range sides {
			for _, to := range sides {
				if from.network != to.network && (from.site != nil || to.site != nil) {
					out = append(out, j.pair(from, to, kinds))
				}
			}
		}
	}
	out = append(out, j.missing(out)...)
	slices.SortStableFunc(out, func(a, b pair) int { return strings.Compare(a.Source+" "+a.Destination, b.Source+" "+b.Destination) })
	return out
}

// missing are the pairs that should be linked and lie on two islands, or have lost a network.
func (j *judge) missing(have []pair) []pair {
	seen := map[couple]bool{}
	for _, p := range have {
		seen[couple{p.from.uid(), p.to.uid()}] = true
	}
	sites := map[string]*Site{}
	for i, s := range j.sites {
		sites[s.UID] = &j.sites[i]
	}
	var out []pair
	for c := range j.wanted.routed {
		from, to := sites[c.from], sites[c.to]
		if from != nil && to != nil && !seen[c] {
			out = append(out, j.apart(*from, *to))
		}
	}
	return out
}

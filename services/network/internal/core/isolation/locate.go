package isolation

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// located is the intent with the objects of resources that are still being made, or made anew: their rows name them only
// when that is done, but from the first moment the objects carry the uid in their names.
func (in Intent) located(s reachability.State) Intent {
	l := locator{s, map[string]bool{}}
	for _, n := range s.Networks {
		l.there[n.ID] = true
	}
	for _, r := range s.Routers {
		l.there[r.ID] = true
	}
	for _, g := range s.Groups {
		l.there[g.ID] = true
	}
	in.Hubs, in.Vpcs = slices.Clone(in.Hubs), slices.Clone(in.Vpcs)
	for i := range in.Hubs {
		h := &in.Hubs[i]
		l.network(&h.Cloud.NetworkID, h.UID, h.ProjectID, h.CIDR)
		l.router(&h.Cloud.RouterID, h.UID, h.ProjectID)
		l.group(&h.Cloud.SecurityGroupID, h.UID, h.ProjectID)
	}
	for i := range in.Vpcs {
		v := &in.Vpcs[i]
		l.network(&v.Cloud.NetworkID, v.UID, v.ProjectID, v.CIDR)
		l.router(&v.Cloud.RouterID, v.UID, v.ProjectID)
		l.group(&v.Cloud.SecurityGroupID, v.UID, v.ProjectID)
	}
	return in
}

type locator struct {
	reachability.State
	there map[string]bool
}

func named(name, uid string) bool { return strings.HasSuffix(name, "-"+uid) }

func (l locator) network(id *string, uid, project string, block netip.Prefix) {
	if l.there[*id] {
		return
	}
	for _, n := range l.Networks {
		if n.ProjectID == project && named(n.Name, uid) && slices.ContainsFunc(l.Subnets, func(s reachability.Subnet) bool {
			return s.NetworkID == n.ID && s.CIDR == block
		}) {
			*id = n.ID
		}
	}
}

func (l locator) router(id *string, uid, project string) {
	if l.there[*id] {
		return
	}
	for _, r := range l.Routers {
		if r.ProjectID == project && named(r.Name, uid) {
			*id = r.ID
		}
	}
}

func (l locator) group(id *string, uid, project string) {
	if l.there[*id] {
		return
	}
	for _, g := range l.Groups {
		if g.ProjectID == project && named(g.Name, uid) {
			*id = g.ID
		}
	}
}

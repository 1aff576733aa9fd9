package conformance

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/rbacpolicies"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

func (e *env) networks(c *gophercloud.ServiceClient, opts networks.ListOptsBuilder) []string {
	e.t.Helper()
	pages, err := networks.List(c, opts).AllPages(e.ctx())
	e.must("list networks", err)
	found, err := networks.ExtractNetworks(pages)
	e.must("read networks", err)
	ids := make([]string, 0, len(found))
	for _, n := range found {
		ids = append(ids, n.ID)
	}
	slices.Sort(ids)
	return ids
}

func checkNetwork(_ *testing.T, e *env) {
	tn := e.tenant("network")
	n := e.net(tn, "n")
	e.check(n.ProjectID == tn.projectID && n.Status == "ACTIVE" && n.AdminStateUp && !n.Shared, "network: %+v", n)
	twin := e.net(tn, "n")
	e.check(twin.ID != n.ID, "two networks of one name are two networks")
	got := e.networks(e.network, networks.ListOpts{Name: n.Name, ProjectID: tn.projectID})
	e.check(len(got) == 2, "by name: %v", got)
	got = e.networks(e.network, networks.ListOpts{ID: n.ID})
	e.check(slices.Equal(got, []string{n.ID}), "by id: %v", got)
	u, err := networks.Update(e.ctx(), e.network, n.ID, networks.UpdateOpts{Description: ptr("changed")}).Extract()
	e.must("update network", err)
	e.check(u.Description == "changed" && u.RevisionNumber > n.RevisionNumber, "updated: %+v", u)
	e.must("delete network", networks.Delete(e.ctx(), e.network, n.ID).ExtractErr())
	e.wants("delete it again", networks.Delete(e.ctx(), e.network, n.ID).ExtractErr(), http.StatusNotFound, "NetworkNotFound")
	_, err = networks.Create(e.ctx(), e.network, strangeNetwork{}).Extract()
	e.wants("an unknown attribute", err, http.StatusBadRequest, "nrecognized attribute")
}

type strangeNetwork struct{}

func (strangeNetwork) ToNetworkCreateMap() (map[string]any, error) {
	return map[string]any{"network": map[string]any{"colour": "blue"}}, nil
}

func checkRequestID(_ *testing.T, e *env) {
	resp, err := e.network.Get(e.ctx(), e.network.ServiceURL("networks")+"?limit=1", nil, &gophercloud.RequestOpts{
		MoreHeaders: map[string]string{"X-Openstack-Request-ID": "req-00000000-0000-4000-8000-00000000c0de"},
	})
	e.must("list networks", err)
	e.must("close body", resp.Body.Close())
	id := resp.Header.Get("X-Openstack-Request-Id")
	e.check(strings.HasPrefix(id, "req-"), "request id of an answer: %q", id)
}

func checkTags(_ *testing.T, e *env) {
	tn := e.tenant("tags")
	a, b := e.net(tn, "a"), e.net(tn, "b")
	mine, one, two := "llconf-"+e.suffix, "one-"+e.suffix, "two-"+e.suffix
	tags, err := attributestags.ReplaceAll(e.ctx(), e.network, "networks", a.ID,
		attributestags.ReplaceAllOpts{Tags: []string{mine, one}}).Extract()
	e.must("replace tags", err)
	e.check(len(tags) == 2, "tags: %v", tags)
	e.must("add tag", attributestags.Add(e.ctx(), e.network, "networks", b.ID, mine).ExtractErr())
	e.must("add tag", attributestags.Add(e.ctx(), e.network, "networks", b.ID, two).ExtractErr())
	e.must("add tag again", attributestags.Add(e.ctx(), e.network, "networks", b.ID, two).ExtractErr())
	has, err := attributestags.Confirm(e.ctx(), e.network, "networks", b.ID, two).Extract()
	e.must("confirm tag", err)
	e.check(has, "the tag is there")
	both := []string{a.ID, b.ID}
	slices.Sort(both)
	for _, c := range []struct {
		opts networks.ListOpts
		want []string
	}{
		{networks.ListOpts{Tags: mine}, both},
		{networks.ListOpts{Tags: mine + "," + one}, []string{a.ID}},
		{networks.ListOpts{TagsAny: one + "," + two}, both},
		{networks.ListOpts{Tags: mine, NotTags: one}, []string{b.ID}},
		{networks.ListOpts{Tags: one + "," + two}, []string{}},
	} {
		got := e.networks(e.network, c.opts)
		e.check(slices.Equal(got, c.want), "list %+v: got %v, want %v", c.opts, got, c.want)
	}
	e.must("delete tag", attributestags.Delete(e.ctx(), e.network, "networks", b.ID, two).ExtractErr())
	e.wants("delete it again", attributestags.Delete(e.ctx(), e.network, "networks", b.ID, two).ExtractErr(),
		http.StatusNotFound, "TagNotFound")
	e.must("delete all tags", attributestags.DeleteAll(e.ctx(), e.network, "networks", a.ID).ExtractErr())
	left, err := attributestags.List(e.ctx(), e.network, "networks", a.ID).Extract()
	e.must("list tags", err)
	e.check(len(left) == 0, "tags left: %v", left)
}

func checkPaging(_ *testing.T, e *env) {
	tn := e.tenant("paging")
	want := make([]string, 0, 5)
	for range 5 {
		want = append(want, e.net(tn, "n").ID)
	}
	slices.Sort(want)
	var got []string
	pages := 0
	err := networks.List(e.network, networks.ListOpts{ProjectID: tn.projectID, Limit: 2}).EachPage(e.ctx(),
		func(_ context.Context, page pagination.Page) (bool, error) {
			found, err := networks.ExtractNetworks(page)
			for _, n := range found {
				got = append(got, n.ID)
			}
			pages++
			return true, err
		})
	e.must("page through networks", err)
	slices.Sort(got)
	e.check(slices.Equal(got, want), "paged: got %v, want %v", got, want)
	e.check(pages >= 3, "five networks by two came in %d pages", pages)
}

func checkQuota(_ *testing.T, e *env) {
	tn := e.tenant("quota")
	_, err := quotas.Update(e.ctx(), e.network, tn.projectID, quotas.UpdateOpts{Network: ptr(1), Subnet: ptr(1)}).Extract()
	e.must("set quota", err)
	e.later("quota", func(ctx context.Context) error {
		return closed(e.network.Delete(ctx, e.network.ServiceURL("quotas", tn.projectID), nil))
	})
	q, err := quotas.Get(e.ctx(), e.network, tn.projectID).Extract()
	e.must("get quota", err)
	e.check(q.Network == 1 && q.Subnet == 1 && q.Port != 1, "quota: %+v", q)
	n := e.net(tn, "n")
	_, err = networks.Create(e.ctx(), tn.network, networks.CreateOpts{Name: e.name("over")}).Extract()
	e.wants("one network too many", err, http.StatusConflict, "OverQuota")
	e.check(strings.Contains(err.Error(), "Quota exceeded for resources: ['network']"), "quota error: %v", err)
	e.must("delete network", networks.Delete(e.ctx(), e.network, n.ID).ExtractErr())
	e.net(tn, "again")
	_, err = quotas.Update(e.ctx(), tn.network, tn.projectID, quotas.UpdateOpts{Network: ptr(9)}).Extract()
	e.check(gophercloud.ResponseCodeIs(err, http.StatusForbidden) || gophercloud.ResponseCodeIs(err, http.StatusNotFound),
		"a member raises his own quota: %v", err)
}

func checkSharing(_ *testing.T, e *env) {
	a, b := e.tenant("owner"), e.tenant("guest")
	n := e.net(a, "shared")
	s := e.subnet(a, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.64.0.0/24"})
	opts := rbacpolicies.CreateOpts{
		Action: rbacpolicies.ActionAccessShared, ObjectType: "network", ObjectID: n.ID, TargetTenant: b.projectID,
	}
	r, err := rbacpolicies.Create(e.ctx(), e.network, opts).Extract()
	e.must("share network", err)
	e.later("share", func(ctx context.Context) error { return rbacpolicies.Delete(ctx, e.network, r.ID).ExtractErr() })
	_, err = rbacpolicies.Create(e.ctx(), e.network, opts).Extract()
	e.wants("share it again", err, http.StatusConflict, "RBAC policy already exists")
	got, err := networks.Get(e.ctx(), b.network, n.ID).Extract()
	e.must("get as guest", err)
	e.check(got.Shared, "the network is shared to the guest: %+v", got)
	_, err = subnets.Get(e.ctx(), b.network, s.ID).Extract()
	e.must("get the subnet as guest", err)
	e.check(slices.Equal(e.networks(b.network, nil), []string{n.ID}), "the guest sees one network")
	err = networks.Delete(e.ctx(), b.network, n.ID).ExtractErr()
	e.check(gophercloud.ResponseCodeIs(err, http.StatusForbidden) || gophercloud.ResponseCodeIs(err, http.StatusNotFound),
		"the guest deletes the network: %v", err)
	e.must("end the share", rbacpolicies.Delete(e.ctx(), e.network, r.ID).ExtractErr())
	_, err = networks.Get(e.ctx(), b.network, n.ID).Extract()
	e.wants("get as a stranger", err, http.StatusNotFound, "NetworkNotFound")
}

func checkIsolation(_ *testing.T, e *env) {
	a, b := e.tenant("a"), e.tenant("b")
	n := e.net(a, "private")
	e.check(slices.Equal(e.networks(a.network, nil), []string{n.ID}), "the owner sees his network")
	e.check(len(e.networks(b.network, nil)) == 0, "others see nothing")
	_, err := networks.Get(e.ctx(), b.network, n.ID).Extract()
	e.wants("get", err, http.StatusNotFound, "NetworkNotFound")
	_, err = networks.Update(e.ctx(), b.network, n.ID, networks.UpdateOpts{Name: ptr("mine")}).Extract()
	e.wants("update", err, http.StatusNotFound, "NetworkNotFound")
	e.wants("delete", networks.Delete(e.ctx(), b.network, n.ID).ExtractErr(), http.StatusNotFound, "NetworkNotFound")
	_, err = networks.Create(e.ctx(), b.network, networks.CreateOpts{ProjectID: a.projectID}).Extract()
	e.wants("create for another project", err, http.StatusBadRequest, "requires admin or advsvc privileges")
	_, err = subnets.Create(e.ctx(), b.network, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.0.0.0/24", IPVersion: 4}).Extract()
	e.wants("create a subnet in it", err, http.StatusNotFound, "")
}

func checkRevision(_ *testing.T, e *env) {
	tn := e.tenant("revision")
	n := e.net(tn, "n")
	stale := n.RevisionNumber
	u, err := networks.Update(e.ctx(), e.network, n.ID, networks.UpdateOpts{
		Name: ptr(e.name("m")), RevisionNumber: &stale,
	}).Extract()
	e.must("update with the current revision", err)
	e.check(u.RevisionNumber > stale, "revision %d after %d", u.RevisionNumber, stale)
	_, err = networks.Update(e.ctx(), e.network, n.ID, networks.UpdateOpts{
		Name: ptr(e.name("o")), RevisionNumber: &stale,
	}).Extract()
	e.wants("update with a stale revision", err, http.StatusPreconditionFailed, "RevisionNumberConstraintFailed")
}

func checkBulkNetworks(_ *testing.T, e *env) {
	tn := e.tenant("bulk")
	var made struct {
		Networks []networks.Network `json:"networks"`
	}
	body := map[string]any{"networks": []any{
		map[string]any{"name": e.name("b1"), "project_id": tn.projectID},
		map[string]any{"name": e.name("b2"), "project_id": tn.projectID},
	}}
	err := closed(e.network.Post(e.ctx(), e.network.ServiceURL("networks"), body, &made, nil))
	e.must("create in bulk", err)
	for _, n := range made.Networks {
		e.later("network", func(ctx context.Context) error { return networks.Delete(ctx, e.network, n.ID).ExtractErr() })
	}
	e.check(len(made.Networks) == 2, "made: %+v", made.Networks)
	_, err = quotas.Update(e.ctx(), e.network, tn.projectID, quotas.UpdateOpts{Network: ptr(3)}).Extract()
	e.must("set quota", err)
	err = closed(e.network.Post(e.ctx(), e.network.ServiceURL("networks"), body, nil, nil))
	e.wants("two where one fits", err, http.StatusConflict, "OverQuota")
	e.check(len(e.networks(e.network, networks.ListOpts{ProjectID: tn.projectID})) == 2, "a bulk is all or nothing")
}

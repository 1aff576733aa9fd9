package app_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/quotas"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	"github.com/low-layer/platform/services/network/internal/core/usage"
)

// stands is what is in use and reserved of a quota.
func (w *world) stands(place, resource string) (inUse, reserved int) {
	w.t.Helper()
	must(w.t, w.pool.QueryRow(w.t.Context(), `SELECT coalesce(max(in_use), 0), coalesce(max(reserved), 0) FROM quota_limits WHERE place = $1 AND resource = $2`,
		place, resource).Scan(&inUse, &reserved))
	return inUse, reserved
}

// limit sets what Neutron lets a project have.
func (w *world) limit(project string, of func(resource string) int32) {
	w.t.Helper()
	neutron, err := w.client.Network(w.t.Context())
	must(w.t, err)
	n := func(resource string) *int {
		limit := int(of(resource))
		return &limit
	}
	_, err = quotas.Update(w.t.Context(), neutron, project, quotas.UpdateOpts{
		Network: n("networks"), Router: n("routers"), Port: n("ports"), SecurityGroup: n("security_groups"),
	}).Extract()
	must(w.t, err)
}

// TestVpcsAtTheirLimit: of many orders at once exactly as many are taken as there is room for, and the others are told why and
// what to do. What is deleted makes room when it is gone.
func TestVpcsAtTheirLimit(t *testing.T) {
	const limit, orders = 5, 14
	w := newWorld(t, setup{vpcs: limit})
	w.foundation()
	var mu sync.Mutex
	var taken []*longrunningpb.Operation
	var all sync.WaitGroup
	for i := range orders {
		all.Go(func() {
			op, err := w.create(fmt.Sprintf("vpc%d", i), &networkv1.Vpc{})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken = append(taken, op)
				return
			}
			e := asError(err)
			if e.Reason != "QUOTA_EXCEEDED" || len(e.Quota) != 1 || e.Quota[0].Subject != tenant+"/quotas/network.vpcs" ||
				!strings.Contains(e.Message, "lowlayer quota set "+tenant+" vpcs=") {
				t.Errorf("got %v, %+v", err, e)
			}
		})
	}
	all.Wait()
	if len(taken) != limit {
		t.Fatalf("%d of %d orders were taken, the limit is %d", len(taken), orders, limit)
	}
	for _, op := range taken {
		w.done(op, nil)
	}
	if inUse, reserved := w.stands(tenant, usage.Vpcs); inUse != limit || reserved != 0 {
		t.Errorf("%d in use, %d reserved", inUse, reserved)
	}
	_, err := w.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{Parent: org, VpcId: "more", Vpc: &networkv1.Vpc{}, ValidateOnly: true})
	refused(t, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	_, err = w.base.CheckOrder(t.Context(), &networkinternalv1.CheckOrderRequest{Tenant: tenant, Networks: []*networkinternalv1.NetworkOrder{
		{Field: "organisation.hub_cidr", Hub: true}, {Field: "organisation.vpcs[0].cidr"},
	}})
	refused(t, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	_, err = w.base.CheckOrder(t.Context(), &networkinternalv1.CheckOrderRequest{Tenant: tenant, Networks: []*networkinternalv1.NetworkOrder{{Field: "organisation.hub_cidr", Hub: true}}})
	must(t, err)

	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: metadata(t, taken[0]).GetResource()}))
	w.vpc("more", &networkv1.Vpc{})
}

// TestAProjectsQuotaIsThatOfNeutron: with the very limits that Neutron has, as many VPCs can be ordered as Neutron lets in, and
// one more is refused before anything is made.
func TestAProjectsQuotaIsThatOfNeutron(t *testing.T) {
	w := newWorld(t, setup{})
	ctx := t.Context()
	w.boundary("acme", space)
	hub := map[string]int32{"networks": 1, "routers": 1, "ports": 1, "security_groups": 2}
	vpc := map[string]int32{"networks": 2, "routers": 1, "ports": 3, "security_groups": 1}
	exact := func(resource string) int32 { return hub[resource] + 2*vpc[resource] }
	w.limit("proj-core", exact)
	set := func(of func(string) int32) {
		t.Helper()
		_, err := w.base.SetQuota(ctx, &networkinternalv1.SetQuotaRequest{Organisation: org, Quota: &networkinternalv1.ProjectQuota{
			Networks: of("networks"), Routers: of("routers"), Ports: of("ports"), SecurityGroups: of("security_groups"),
		}})
		must(t, err)
	}
	set(exact)
	w.hub(org, "proj-core")
	w.vpc("dev", &networkv1.Vpc{})
	op, err := w.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: org, VpcId: "prod", Vpc: &networkv1.Vpc{}, ValidateOnly: true})
	must(t, err)
	for _, q := range metadata(t, op).GetPlan().GetQuota() {
		want := &operationv1.QuotaEffect{
			Resource: q.GetResource(), UsageChange: vpc[q.GetResource()], Quota: org + "/quotas/network." + q.GetResource(),
			TakenAfter: exact(q.GetResource()), EffectiveLimit: exact(q.GetResource()),
		}
		if q.GetResource() == "vpcs" {
			want.Quota, want.UsageChange, want.TakenAfter, want.EffectiveLimit = tenant+"/quotas/network.vpcs", 1, 2, 150
		}
		if q.String() != want.String() {
			t.Errorf("got %v, want %v", q, want)
		}
	}
	if inUse, reserved := w.stands(org, usage.Ports); inUse != 4 || reserved != 0 {
		t.Errorf("a plan took something: %d in use, %d reserved", inUse, reserved)
	}
	w.vpc("prod", &networkv1.Vpc{})
	before := w.count()
	_, err = w.create("more", &networkv1.Vpc{})
	e := refusal(t, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	var named []string
	for _, q := range e.Quota {
		named = append(named, strings.TrimPrefix(q.Subject, org+"/quotas/network."))
		if !strings.Contains(q.Description, "lowlayer organisation update "+org+" --quota-") {
			t.Errorf("it says no remedy: %s", q.Description)
		}
	}
	if slices.Sort(named); !slices.Equal(named, []string{"networks", "ports", "routers", "security_groups"}) {
		t.Errorf("it names %v", named)
	}
	_, err = w.peers.CreatePeering(ctx, &networkv1.CreatePeeringRequest{Parent: tenant, PeeringId: "link", Peering: &networkv1.Peering{Vpc: org + "/vpcs/dev", PeerVpc: org + "/vpcs/prod"}})
	refused(t, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	if after := w.count(); after != before {
		t.Errorf("%d objects were made", after-before)
	}
	// A raised quota makes room; here for the link of a peering, which is reserved until somebody accepts.
	more := func(resource string) int32 { return exact(resource) + 2 }
	w.limit("proj-core", more)
	set(more)
	name := tenant + "/peerings/link"
	w.done(w.peers.CreatePeering(ctx, &networkv1.CreatePeeringRequest{Parent: tenant, PeeringId: "link", Peering: &networkv1.Peering{Vpc: org + "/vpcs/dev", PeerVpc: org + "/vpcs/prod"}}))
	if inUse, reserved := w.stands(org, usage.Ports); inUse != 7 || reserved != 2 {
		t.Errorf("%d in use, %d reserved", inUse, reserved)
	}
	w.done(w.peers.AcceptPeering(ctx, &networkv1.AcceptPeeringRequest{Name: name}))
	if inUse, reserved := w.stands(org, usage.Ports); inUse != 9 || reserved != 0 {
		t.Errorf("%d in use, %d reserved", inUse, reserved)
	}
	w.done(w.peers.DeletePeering(ctx, &networkv1.DeletePeeringRequest{Name: name}))
	for _, vpc := range []string{"dev", "prod"} {
		w.done(w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: org + "/vpcs/" + vpc}))
	}
	if inUse, reserved := w.stands(org, usage.Networks); inUse != 1 || reserved != 0 {
		t.Errorf("the hub has %d in use, %d reserved", inUse, reserved)
	}
	w.done(w.base.DeleteHub(ctx, &networkinternalv1.DeleteHubRequest{Organisation: org}))
	w.done(w.base.DeleteBoundary(ctx, &networkinternalv1.DeleteBoundaryRequest{Tenant: tenant}))
	var left int
	must(t, w.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM quota_limits) + (SELECT count(*) FROM quota_reservations)`).Scan(&left))
	if left != 0 {
		t.Errorf("%d rows are left", left)
	}
	_, err = w.base.SetQuota(ctx, &networkinternalv1.SetQuotaRequest{Organisation: org, Quota: &networkinternalv1.ProjectQuota{}})
	refused(t, err, codes.NotFound, "TENANT_NOT_FOUND")
}

// TestWhatIsBlockedCounts until it is deleted.
func TestWhatIsBlockedCounts(t *testing.T) {
	w := newWorld(t, setup{vpcs: 1})
	w.foundation()
	w.limit("proj-core", func(string) int32 { return 1 })
	op, err := w.create("dev", &networkv1.Vpc{})
	if b := w.blocked(op, err); b.GetReason() != "CLOUD_QUOTA_EXCEEDED" {
		t.Errorf("got %v", b)
	}
	if inUse, reserved := w.stands(tenant, usage.Vpcs); inUse != 0 || reserved != 1 {
		t.Errorf("%d in use, %d reserved", inUse, reserved)
	}
	_, err = w.create("prod", &networkv1.Vpc{})
	refused(t, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	w.done(w.vpcs.DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: org + "/vpcs/dev"}))
	if inUse, reserved := w.stands(tenant, usage.Vpcs); inUse != 0 || reserved != 0 {
		t.Errorf("%d in use, %d reserved", inUse, reserved)
	}
}

// TestQuotasAreReadAndSet by the API: what a tenant has of each, and another limit for one of them.
func TestQuotasAreReadAndSet(t *testing.T) {
	w := newWorld(t, setup{vpcs: 1})
	ctx := t.Context()
	quotas := quotav1.NewQuotaServiceClient(w.conn)
	name := tenant + "/quotas/network.vpcs"
	set := func(override *int32, change func(*quotav1.UpdateQuotaRequest)) (*quotav1.Quota, error) {
		r := &quotav1.UpdateQuotaRequest{Quota: &quotav1.Quota{Name: name, Override: override}}
		if change != nil {
			change(r)
		}
		return quotas.UpdateQuota(ctx, r)
	}
	one, two := int32(1), int32(2)
	_, err := set(&two, nil)
	refused(t, err, codes.NotFound, "TENANT_NOT_FOUND")
	_, err = quotas.ListQuotas(ctx, &quotav1.ListQuotasRequest{Parent: tenant})
	refused(t, err, codes.NotFound, "TENANT_NOT_FOUND")
	w.foundation()
	w.vpc("dev", &networkv1.Vpc{})
	_, err = quotas.ListQuotas(ctx, &quotav1.ListQuotasRequest{Parent: tenant + "/organisations/side"})
	refused(t, err, codes.NotFound, "ORGANISATION_NOT_FOUND")

	list, err := quotas.ListQuotas(ctx, &quotav1.ListQuotasRequest{Parent: tenant})
	must(t, err)
	var told []string
	for _, q := range list.GetQuotas() {
		told = append(told, fmt.Sprintf("%s %d+%d of %d", strings.TrimPrefix(q.GetName(), tenant+"/"), q.GetInUse(), q.GetReserved(), q.GetLimit()))
	}
	want := []string{
		"quotas/network.peerings 0+0 of 60", "quotas/network.vpcs 1+0 of 1", "organisations/core/quotas/network.networks 3+0 of -1", "organisations/core/quotas/network.ports 4+0 of -1",
		"organisations/core/quotas/network.routers 2+0 of -1", "organisations/core/quotas/network.security_groups 3+0 of -1",
	}
	if !slices.Equal(told, want) {
		t.Errorf("got %q", told)
	}
	before, err := quotas.GetQuota(ctx, &quotav1.GetQuotaRequest{Name: name})
	must(t, err)
	planned, err := set(&two, func(r *quotav1.UpdateQuotaRequest) { r.ValidateOnly, r.RequestId = true, "once" })
	if err != nil || planned.GetLimit() != 2 || planned.GetDefaultLimit() != 1 {
		t.Errorf("got %v, %v", planned, err)
	}
	_, err = w.create("prod", &networkv1.Vpc{})
	refused(t, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	for range 2 {
		got, err := set(&two, func(r *quotav1.UpdateQuotaRequest) { r.RequestId, r.Quota.Etag = "once", before.GetEtag() })
		if err != nil || got.GetLimit() != 2 || got.GetOverride() != 2 || got.GetUpdateTime() == nil {
			t.Errorf("got %v, %v", got, err)
		}
	}
	_, err = set(&one, func(r *quotav1.UpdateQuotaRequest) { r.RequestId = "once" })
	refused(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
	_, err = set(&one, func(r *quotav1.UpdateQuotaRequest) { r.Quota.Etag = before.GetEtag() })
	refused(t, err, codes.Aborted, "ETAG_MISMATCH")
	_, err = set(&one, func(r *quotav1.UpdateQuotaRequest) { r.UpdateMask = &fieldmaskpb.FieldMask{Paths: []string{"limit"}} })
	refused(t, err, codes.InvalidArgument, "INVALID_FIELDS")
	_, err = quotas.UpdateQuota(ctx, &quotav1.UpdateQuotaRequest{Quota: &quotav1.Quota{Name: org + "/quotas/network.ports", Override: &one}})
	refused(t, err, codes.FailedPrecondition, "QUOTA_OF_PROJECT")
	_, err = quotas.GetQuota(ctx, &quotav1.GetQuotaRequest{Name: tenant + "/quotas/tenant.organisations"})
	refused(t, err, codes.NotFound, "QUOTA_NOT_FOUND")
	w.vpc("prod", &networkv1.Vpc{})
	if got, err := set(nil, nil); err != nil || got.GetLimit() != 1 || got.Override != nil || got.GetInUse() != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/client/networkfake"
	"github.com/low-layer/platform/services/tenant/internal/core/network"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const organisation = "tenants/acme/organisations/core"

func both(t *testing.T) (*networkfake.Fake, *client.Network) {
	t.Helper()
	fake, address := networkfake.Start(t)
	return fake, client.NewNetwork(networkfake.Dial(t, address))
}

// said keeps on whose behalf a call says it is.
type said struct {
	grpc.ClientConnInterface
	by []string
}

func (s *said) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx)
	s.by = md.Get(behalf.Key)
	return nil
}

func TestCallsSayOnWhoseBehalfTheyAre(t *testing.T) {
	to := &said{}
	ctx := behalf.With(t.Context(), audit.Actor{Kind: audit.User, Subject: "ada"})
	if _, err := client.NewNetwork(to).DeleteHub(ctx, organisation, "r"); err != nil {
		t.Fatal(err)
	}
	if len(to.by) != 1 || !strings.Contains(to.by[0], `"ada"`) {
		t.Errorf("it says %q", to.by)
	}
}

// founded is a network service with a boundary and a hub.
func founded(t *testing.T) (*networkfake.Fake, *client.Network) {
	t.Helper()
	fake, c := both(t)
	if _, err := c.EnsureBoundary(t.Context(), network.Boundary{Tenant: "tenants/acme", TenantUID: "ten_1", NetworkCIDR: "10.64.0.0/12"}); err != nil {
		t.Fatal(err)
	}
	hub := network.Hub{Organisation: organisation, OrganisationUID: "org_1", ProjectID: "p", Mode: tenancy.Dedicated}
	if _, err := c.EnsureHub(t.Context(), hub); err != nil {
		t.Fatal(err)
	}
	return fake, c
}

func TestVPCLife(t *testing.T) {
	fake, c := founded(t)
	ctx := t.Context()
	if got := fake.Hub(organisation); got.GetMode() != typev1.ResourceMode_DEDICATED || got.GetProjectId() != "p" {
		t.Errorf("the hub was ordered as %v", got)
	}
	fake.Hold("CreateVpc")
	order := network.VPC{Organisation: organisation, Order: tenancy.VPCOrder{ID: "dev", Mode: tenancy.Mutualized}, RequestID: "r1"}
	w, err := c.CreateVPC(ctx, order)
	if err != nil || w.Done || w.Resource != organisation+"/vpcs/dev" || w.ResourceUID == "" {
		t.Fatalf("create: %+v, %v", w, err)
	}
	again, err := c.CreateVPC(ctx, order)
	if err != nil || again.Operation != w.Operation {
		t.Errorf("the same order again: %+v, %v", again, err)
	}
	order.Order.DisplayName = "other"
	if _, err := c.CreateVPC(ctx, order); errs.ReasonOf(err) != errs.ReasonRequestIDReused {
		t.Errorf("another order with the same id: %v", err)
	}
	fake.Block(&typev1.Blockage{Owner: typev1.Blockage_USER, Reason: "R", Message: "m", Remedy: "do", Step: "s"})
	w, err = c.Follow(ctx, w.Operation, time.Millisecond)
	if err != nil || w.Done || w.Blockage == nil || w.Blockage.Owner != "USER" || w.Blockage.Remedy != "do" {
		t.Errorf("blocked work: %+v, %v", w, err)
	}
	fake.Release()
	if w, err = c.Follow(ctx, w.Operation, time.Second); err != nil || !w.Done || w.Err != nil || w.Blockage != nil {
		t.Errorf("ended work: %+v, %v", w, err)
	}
	v, err := c.FindVPC(ctx, organisation+"/vpcs/dev")
	if err != nil || v.State != tenancy.StateActive || v.UID != w.ResourceUID {
		t.Errorf("find: %+v, %v", v, err)
	}
	if names, err := c.VPCNames(ctx, organisation); err != nil || len(names) != 1 || names[0] != v.Name {
		t.Errorf("names: %v, %v", names, err)
	}
	fake.Peer("tenants/acme/peerings/p", v.Name, "tenants/acme/organisations/x/vpcs/y")
	if _, err := c.DeleteVPC(ctx, v.Name, "r2"); errs.ReasonOf(err) != "VPC_PEERED" {
		t.Errorf("delete a peered VPC: %v", err)
	}
	for want := 1; want >= 0; want-- {
		if n, err := c.DeletePeerings(ctx, v.Name); n != want || err != nil {
			t.Errorf("delete peerings: %d, %v; want %d", n, err, want)
		}
	}
	if w, err = c.DeleteVPC(ctx, v.Name, "r3"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Follow(ctx, w.Operation, time.Second); err != nil {
		t.Error(err)
	}
	if _, err := c.FindVPC(ctx, v.Name); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("find a deleted VPC: %v", err)
	}
}

func TestFoundations(t *testing.T) {
	_, c := founded(t)
	ctx := t.Context()
	if _, err := c.DeleteBoundary(ctx, "tenants/acme", "a"); errs.ReasonOf(err) != "BOUNDARY_IN_USE" {
		t.Errorf("delete a boundary in use: %v", err)
	}
	for _, remove := range []func() (network.Work, error){
		func() (network.Work, error) { return c.DeleteHub(ctx, organisation, "b") },
		func() (network.Work, error) { return c.DeleteBoundary(ctx, "tenants/acme", "c") },
	} {
		w, err := remove()
		if err != nil {
			t.Fatal(err)
		}
		if w, err = c.Follow(ctx, w.Operation, time.Second); err != nil || !w.Done {
			t.Errorf("follow: %+v, %v", w, err)
		}
	}
	if _, err := c.DeleteHub(ctx, organisation, "d"); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("delete an absent hub: %v", err)
	}
	if _, err := c.Follow(ctx, "tenants/acme/operations/op_network_00000000000000000000000000", 0); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("follow unknown work: %v", err)
	}
}

// TestAway shows what a caller is told when the network service says nothing, and that what it does say stands.
func TestAway(t *testing.T) {
	fake, c := both(t)
	ctx := t.Context()
	order := []tenancy.NetworkOrder{{Field: "organisation.hub_cidr", CIDR: "10.64.0.0/22", Hub: true}}
	if err := c.CheckOrder(ctx, "acme", order); err != nil {
		t.Errorf("a good order: %v", err)
	}
	said := errs.InvalidAs("CIDR_OVERLAP", errs.Field("organisation.hub_cidr", "overlaps; choose another"))
	for name, f := range map[string]struct {
		err    error
		reason string
	}{
		"said":        {said, "CIDR_OVERLAP"},
		"unavailable": {errs.New(errs.Unavailable, "X", "away"), "NETWORK_UNAVAILABLE"},
		"internal":    {errors.New("a defect"), "NETWORK_UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			fake.Fail(networkfake.Fault{Method: "CheckOrder", Err: f.err, Count: 20})
			defer fake.Forget()
			err := c.CheckOrder(ctx, "acme", order)
			e, ok := errs.As(err)
			if !ok || e.Reason != f.reason {
				t.Fatalf("got %v, want %s", err, f.reason)
			}
			if f.reason == "CIDR_OVERLAP" && (len(e.Fields) != 1 || e.Fields[0].Field != "organisation.hub_cidr") {
				t.Errorf("fields: %v", e.Fields)
			}
		})
	}
	fake.Fail(networkfake.Fault{Method: "ListVpcs", Err: errs.NotFound("organisation", organisation)})
	if vpcs, err := c.ListVPCs(ctx, organisation); len(vpcs) != 0 || err != nil {
		t.Errorf("VPCs of an organisation it does not know: %v, %v", vpcs, err)
	}
}

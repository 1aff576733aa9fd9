package client_test

import (
	"errors"
	"slices"
	"testing"

	"go.uber.org/goleak"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	internalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/client/networkfake"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const organisation = "tenants/acme/organisations/core"

// founded is a network service with a boundary, a hub and two VPCs.
func founded(t *testing.T) (*networkfake.Fake, *client.Network) {
	t.Helper()
	fake := networkfake.Start(t)
	c := client.NewNetwork(fake.Dial(t))
	if _, err := c.Foundation.EnsureBoundary(t.Context(), &internalv1.EnsureBoundaryRequest{Tenant: "tenants/acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Foundation.EnsureHub(t.Context(), &internalv1.EnsureHubRequest{Organisation: organisation}); err != nil {
		t.Fatal(err)
	}
	for id, cidr := range map[string]string{"dev": "10.64.0.0/20", "prod": "10.64.16.0/20"} {
		if _, err := fake.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{Parent: organisation, VpcId: id, Vpc: &networkv1.Vpc{Cidr: cidr}}); err != nil {
			t.Fatal(err)
		}
	}
	return fake, c
}

func TestVPCs_organisation_areListed(t *testing.T) {
	t.Parallel()
	fake, c := founded(t)
	dev, prod := organisation+"/vpcs/dev", organisation+"/vpcs/prod"
	names, err := c.VPCNames(t.Context(), organisation)
	if err != nil || !slices.Equal(names, []string{dev, prod}) {
		t.Errorf("names: %v, %v", names, err)
	}
	uids, err := c.VPCUIDs(t.Context(), organisation)
	if err != nil || len(uids) != 2 || uids[dev] == "" || uids[dev] == uids[prod] {
		t.Errorf("uids: %v, %v", uids, err)
	}
	fake.Protect(prod, true)
	for _, parent := range []string{organisation, "tenants/acme/organisations/-"} {
		if names, err := c.ProtectedVPCs(t.Context(), parent); err != nil || !slices.Equal(names, []string{prod}) {
			t.Errorf("protected in %s: %v, %v", parent, names, err)
		}
	}
}

func TestVPCs_unknownOrganisation_areNone(t *testing.T) {
	t.Parallel()
	_, c := founded(t)
	const unknown = "tenants/acme/organisations/none"
	if vpcs, err := c.ListVPCs(t.Context(), unknown); len(vpcs) != 0 || err != nil {
		t.Errorf("list: %v, %v", vpcs, err)
	}
	if vpcs, err := c.ProtectedVPCs(t.Context(), unknown); len(vpcs) != 0 || err != nil {
		t.Errorf("protected: %v, %v", vpcs, err)
	}
	if _, err := c.VPCUIDs(t.Context(), unknown); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("uids: %v", err)
	}
}

func TestCheckOrder_overlap_isNamedByTheNetworkService(t *testing.T) {
	t.Parallel()
	fake, c := founded(t)
	order := []tenancy.NetworkOrder{{Field: "organisation.hub_cidr", CIDR: "10.64.0.0/22", Hub: true}}
	if e, ok := errs.As(c.CheckOrder(t.Context(), "acme", order)); !ok || e.Reason != "CIDR_OVERLAP" || e.Fields[0].Field != "organisation.hub_cidr" {
		t.Errorf("an overlap: %v", e)
	}
	order[0].CIDR = "10.65.0.0/22"
	if err := c.CheckOrder(t.Context(), "acme", order); err != nil {
		t.Errorf("a good order: %v", err)
	}
	fake.Fail(networkfake.Fault{Method: "CheckOrder", Err: errors.New("a defect"), Count: 20})
	if err := c.CheckOrder(t.Context(), "acme", order); errs.ReasonOf(err) != "NETWORK_UNAVAILABLE" {
		t.Errorf("no response: %v", err)
	}
}

func TestDeletePeerings_repeated_endsWithNone(t *testing.T) {
	t.Parallel()
	fake, c := founded(t)
	vpc := resourcename.Vpc{Tenant: "acme", Organisation: "core", Vpc: "dev"}
	fake.Peer("tenants/acme/peerings/p", "tenants/acme/organisations/x/vpcs/y", vpc.String())
	fake.Peer("tenants/acme/peerings/q", "tenants/acme/organisations/x/vpcs/y", "tenants/acme/organisations/x/vpcs/z")
	for want := 1; want >= 0; want-- {
		if n, err := c.DeletePeerings(t.Context(), vpc); n != want || err != nil {
			t.Errorf("%d are left, %v; want %d", n, err, want)
		}
	}
	if n := fake.Count("Peering"); n != 1 {
		t.Errorf("%d peerings of others are left", n)
	}
}

func TestSetQuota_unknownTenant_isRefused(t *testing.T) {
	t.Parallel()
	fake, c := founded(t)
	if err := c.SetQuota(t.Context(), organisation, tenancy.Quota{Routers: 7}); err != nil || fake.Quota(organisation).GetRouters() != 7 {
		t.Errorf("set: %v, %v", fake.Quota(organisation), err)
	}
	if err := c.SetQuota(t.Context(), "tenants/none/organisations/core", tenancy.Quota{}); errs.ReasonOf(err) != "TENANT_NOT_FOUND" {
		t.Errorf("an unknown tenant: %v", err)
	}
}

func TestRemoval_organisation_listsWhatGoes(t *testing.T) {
	t.Parallel()
	_, c := founded(t)
	removal, err := c.Removal(t.Context(), organisation)
	objects := removal.Objects
	if err != nil || len(objects) != 3 || objects[0].Resource != organisation+"/vpcs/dev" || objects[2].Resource != organisation+"/hub" {
		t.Errorf("removal: %+v, %v", objects, err)
	}
	want := usage.Effect{Resource: organisation + "/vpcs/dev", Meter: usage.Router, Mode: resource.Mutualized, Before: 1}
	if len(removal.Usage) != 2 || removal.Usage[0] != want {
		t.Errorf("usage that ends: %+v, want %+v", removal.Usage, want)
	}
}

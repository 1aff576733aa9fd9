package app_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/client/networkfake"
)

// TestBadOrders shows that an order with anything wrong in it is refused whole, by the name of the field, and that
// nothing of it is stored.
func TestBadOrders(t *testing.T) {
	r := start(t)
	r.tenant("acme")
	r.organisation("acme", "core")
	r.done(r.CreateOrganisation(t.Context(), &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "taken",
		Organisation: &tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev", Cidr: "10.65.0.0/20"}}},
	}))
	vpc := func(id, cidr string) *tenantv1.VpcOrder { return &tenantv1.VpcOrder{VpcId: id, Cidr: cidr} }
	for name, c := range map[string]struct {
		order  *tenantv1.Organisation
		reason string
		fields []string
	}{
		"no mode": {&tenantv1.Organisation{}, "INVALID_FIELDS", []string{"organisation.mode"}},
		"a cidr that is none": {
			&tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{vpc("aa", ""), vpc("bb", "10.64.0.0")}},
			"INVALID_FIELDS",
			[]string{"organisation.vpcs[1].cidr"},
		},
		"host bits": {
			&tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{vpc("aa", "10.64.0.1/20")}},
			"INVALID_FIELDS",
			[]string{"organisation.vpcs[0].cidr"},
		},
		"ipv6": {
			&tenantv1.Organisation{Mode: mutualized, HubCidr: "fd00::/64"}, "INVALID_FIELDS", []string{"organisation.hub_cidr"},
		},
		"too small": {
			&tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{vpc("aa", "10.64.0.0/28")}},
			"INVALID_FIELDS",
			[]string{"organisation.vpcs[0].cidr"},
		},
		"the same id twice": {
			&tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{vpc("aa", ""), vpc("aa", "")}},
			"INVALID_FIELDS",
			[]string{"organisation.vpcs[1].vpc_id"},
		},
		"outside the tenant": {
			&tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{vpc("aa", "192.168.0.0/20")}},
			"CIDR_OUTSIDE_TENANT",
			[]string{"organisation.vpcs[0].cidr"},
		},
		"overlapping one another": {
			&tenantv1.Organisation{Mode: mutualized, HubCidr: "10.64.0.0/22", Vpcs: []*tenantv1.VpcOrder{vpc("aa", ""), vpc("bb", "10.64.0.0/20")}},
			"CIDR_OVERLAP",
			[]string{"organisation.vpcs[1].cidr"},
		},
		"overlapping what is there": {
			&tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{vpc("aa", "10.65.0.0/18")}},
			"CIDR_OVERLAP",
			[]string{"organisation.vpcs[0].cidr"},
		},
		"a quota too small for the order": {
			&tenantv1.Organisation{Mode: mutualized, Quota: &tenantv1.Quota{Networks: 2, Routers: 1}, Vpcs: []*tenantv1.VpcOrder{vpc("aa", "")}},
			"INVALID_FIELDS",
			[]string{"organisation.quota.networks", "organisation.quota.routers"},
		},
		"everything at once": {
			&tenantv1.Organisation{HubCidr: "x", Vpcs: []*tenantv1.VpcOrder{vpc("aa", "y"), vpc("aa", "z")}},
			"INVALID_FIELDS",
			[]string{
				"organisation.mode", "organisation.hub_cidr", "organisation.vpcs[0].cidr", "organisation.vpcs[1].cidr",
				"organisation.vpcs[1].vpc_id",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.CreateOrganisation(t.Context(), &tenantv1.CreateOrganisationRequest{
				Parent: "tenants/acme", OrganisationId: "bad", Organisation: c.order,
			})
			e := refusal(t, err, c.reason, c.fields...)
			for _, f := range e.Fields {
				if !strings.ContainsAny(f.Description, ";") && !strings.Contains(f.Description, "choose") {
					t.Errorf("%s does not say what to do: %s", f.Field, f.Description)
				}
			}
			_, err = r.GetOrganisation(t.Context(), &tenantv1.GetOrganisationRequest{Name: "tenants/acme/organisations/bad"})
			if status.Code(err) != codes.NotFound {
				t.Errorf("a refused order left something: %v", err)
			}
		})
	}
	_, err := r.CreateOrganisation(t.Context(), &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/nobody", OrganisationId: "bad", Organisation: &tenantv1.Organisation{Mode: mutualized},
	})
	refused(t, err, "TENANT_NOT_FOUND")
}

// TestBadTenants is the same for tenants.
func TestBadTenants(t *testing.T) {
	r := start(t)
	r.tenant("acme")
	for cidr, hint := range map[string]string{
		"10.64.0.0/24": "from /8 to /20", "10.0.0.0/7": "", "100.64.0.0/16": "transit", "127.0.0.0/8": "loopback", "fd00::/16": "IPv4",
		"10.64.0.1/12": "10.64.0.0/12", "nonsense": "10.64.0.0/20",
	} {
		_, err := r.CreateTenant(t.Context(), &tenantv1.CreateTenantRequest{TenantId: "bad", Tenant: &tenantv1.Tenant{NetworkCidr: cidr}})
		if e := refusal(t, err, "INVALID_FIELDS", "tenant.network_cidr"); !strings.Contains(e.Fields[0].Description, hint) {
			t.Errorf("%s: %s", cidr, e.Fields[0].Description)
		}
	}
	_, err := r.CreateTenant(t.Context(), &tenantv1.CreateTenantRequest{TenantId: "acme", Tenant: &tenantv1.Tenant{}})
	refused(t, err, "TENANT_EXISTS")
	_, err = r.CreateTenant(t.Context(), &tenantv1.CreateTenantRequest{TenantId: "No", Tenant: &tenantv1.Tenant{}})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a bad id: %v", err)
	}
}

// TestNetworkAway shows that an order is not taken while nobody can say whether it fits, and that one that was taken is
// answered again all the same.
func TestNetworkAway(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	req := &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core", RequestId: "order-1",
		Organisation: &tenantv1.Organisation{Mode: mutualized, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev", Cidr: "10.64.0.0/20"}}},
	}
	away := networkfake.Fault{Method: "CheckOrder", Err: errs.New(errs.Unavailable, "AWAY", "away"), Count: 50}
	r.network.Fail(away)
	_, err := r.CreateOrganisation(ctx, req)
	if e := refusal(t, err, "NETWORK_UNAVAILABLE"); e.Code != errs.Unavailable || e.Retry == 0 {
		t.Errorf("got %v, want UNAVAILABLE with a time to try again", e)
	}
	page, err := r.ListOrganisations(ctx, &tenantv1.ListOrganisationsRequest{Parent: "tenants/acme", ShowDeleted: true})
	if err != nil || len(page.GetOrganisations()) != 0 {
		t.Errorf("a refused order left %v, %v", page.GetOrganisations(), err)
	}
	r.network.Forget()
	op := r.done(r.CreateOrganisation(ctx, req))
	r.network.Fail(away)
	again, err := r.CreateOrganisation(ctx, req)
	if err != nil || again.GetName() != op.GetName() {
		t.Errorf("the repeated order answers %s, %v; want %s", again.GetName(), err, op.GetName())
	}
	req.Organisation.DisplayName = "other"
	_, err = r.CreateOrganisation(ctx, req)
	refused(t, err, "REQUEST_ID_REUSED")
}

// TestNotReady refuses orders in a tenant that is still being made.
func TestNotReady(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	r.network.Hold("EnsureBoundary")
	op, err := r.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: "acme", Tenant: &tenantv1.Tenant{}})
	if err != nil {
		t.Fatal(err)
	}
	order := &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/acme", OrganisationId: "core", Organisation: &tenantv1.Organisation{Mode: typev1.ResourceMode_DEDICATED},
	}
	_, err = r.CreateOrganisation(ctx, order)
	refused(t, err, "TENANT_NOT_READY")
	r.network.Release()
	r.done(op, nil)
	r.done(r.CreateOrganisation(ctx, order))
}

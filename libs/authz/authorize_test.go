package authz_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
)

const (
	tenants = "/lowlayer.tenant.v1.TenantService/"
	orgs    = "/lowlayer.tenant.v1.OrganisationService/"
	vpcs    = "/lowlayer.network.v1.VpcService/"
	ops     = "/lowlayer.operation.v1.OperationService/"

	core = "tenants/acme/organisations/core"
	dev  = core + "/vpcs/dev"
)

func user(groups ...string) *identity.Principal {
	return &identity.Principal{Subject: "u", Groups: groups}
}

func strong(groups ...string) *identity.Principal {
	p := user(groups...)
	p.ACR, p.AuthTime = "2", time.Now()
	return p
}

func getTenant(id string) proto.Message { return &tenantv1.GetTenantRequest{Name: "tenants/" + id} }

func TestDecisions(t *testing.T) {
	_, a := linked(t)
	createVpc := &networkv1.CreateVpcRequest{Parent: core, VpcId: "x", Vpc: &networkv1.Vpc{Name: "tenants/evil/organisations/core/vpcs/x"}}
	deleteVpc := &networkv1.DeleteVpcRequest{Name: dev}
	updateVpc := &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: dev}}
	op := &longrunningpb.GetOperationRequest{Name: "tenants/acme/operations/op_network_00000000000000000000000001"}
	for name, c := range map[string]struct {
		who     *identity.Principal
		method  string
		request proto.Message
		reason  string
	}{
		"viewer reads":                       {user("/tenants/acme/viewer"), tenants + "GetTenant", getTenant("acme"), ""},
		"viewer of another":                  {user("/tenants/acme2/viewer"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"viewer of a prefix":                 {user("/tenants/acm/viewer"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"viewer of a longer name":            {user("/tenants/acme-x/viewer"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"nobody":                             {user(), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"a group that is no role":            {user("/tenants/acme"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"an unknown role":                    {user("/tenants/acme/root"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"member, which nobody is given":      {user("/tenants/acme/member"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"a role in capitals":                 {user("/tenants/acme/Viewer"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"a group without its slash":          {user("tenants/acme/viewer"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"a group below a role":               {user("/tenants/acme/viewer/x"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"a group with a wildcard":            {user("/tenants/*/owner", "/tenants/-/owner", "//owner", "/owner"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"owner of the platform is no role":   {user("/platform/owner", "/platform/admin"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"a tenant called platform":           {user("/tenants/platform/operator"), tenants + "GetTenant", getTenant("acme"), "TENANT_NOT_FOUND"},
		"viewer changes":                     {user("/tenants/acme/viewer"), vpcs + "CreateVpc", createVpc, authz.ReasonDenied},
		"billing sees no operation":          {user("/tenants/acme/billing"), ops + "GetOperation", op, authz.ReasonDenied},
		"billing reads":                      {user("/tenants/acme/billing"), tenants + "GetTenant", getTenant("acme"), ""},
		"operator makes a VPC":               {user("/tenants/acme/operator"), vpcs + "CreateVpc", createVpc, ""},
		"operator of the organisation":       {user("/" + core + "/operator"), vpcs + "CreateVpc", createVpc, ""},
		"the parent counts, not the name":    {user("/tenants/evil/owner"), vpcs + "CreateVpc", createVpc, "ORGANISATION_NOT_FOUND"},
		"operator of a VPC makes none":       {user("/" + dev + "/operator"), vpcs + "CreateVpc", createVpc, authz.ReasonDenied},
		"operator of a VPC changes it":       {user("/" + dev + "/operator"), vpcs + "UpdateVpc", updateVpc, ""},
		"operator of another VPC":            {user("/" + core + "/vpcs/prod/operator"), vpcs + "UpdateVpc", updateVpc, "VPC_NOT_FOUND"},
		"a role below lets read above":       {user("/" + dev + "/viewer"), tenants + "GetTenant", getTenant("acme"), ""},
		"a role below does no more":          {user("/" + dev + "/owner"), tenants + "UpdateTenant", &tenantv1.UpdateTenantRequest{Tenant: &tenantv1.Tenant{Name: "tenants/acme"}}, authz.ReasonDenied},
		"the other organisation":             {user("/" + core + "/owner"), orgs + "GetOrganisation", &tenantv1.GetOrganisationRequest{Name: "tenants/acme/organisations/other"}, "ORGANISATION_NOT_FOUND"},
		"delete without a second factor":     {user("/tenants/acme/operator"), vpcs + "DeleteVpc", deleteVpc, authz.ReasonStepUp},
		"delete with one":                    {strong("/tenants/acme/operator"), vpcs + "DeleteVpc", deleteVpc, ""},
		"its plan without one":               {user("/tenants/acme/operator"), vpcs + "DeleteVpc", &networkv1.DeleteVpcRequest{Name: dev, ValidateOnly: true}, ""},
		"the report of the platform":         {user("/platform/operator"), "/lowlayer.network.v1.IsolationService/GetIsolationReport", &networkv1.GetIsolationReportRequest{Name: "isolationReport"}, ""},
		"which is not for tenants":           {user("/tenants/acme/owner"), "/lowlayer.network.v1.IsolationService/GetIsolationReport", &networkv1.GetIsolationReportRequest{Name: "isolationReport"}, authz.ReasonDenied},
		"a second factor is no role":         {strong("/tenants/acme/viewer"), vpcs + "DeleteVpc", deleteVpc, authz.ReasonDenied},
		"who may not is not asked for one":   {user("/tenants/acme/viewer"), vpcs + "DeleteVpc", deleteVpc, authz.ReasonDenied},
		"nor is who sees nothing":            {user("/tenants/other/owner"), vpcs + "DeleteVpc", deleteVpc, "VPC_NOT_FOUND"},
		"platform operator deletes":          {strong("/platform/operator"), vpcs + "DeleteVpc", deleteVpc, ""},
		"but not without a second factor":    {user("/platform/operator"), vpcs + "DeleteVpc", deleteVpc, authz.ReasonStepUp},
		"platform operator makes a tenant":   {user("/platform/operator"), tenants + "CreateTenant", &tenantv1.CreateTenantRequest{TenantId: "x"}, ""},
		"an owner makes none":                {strong("/tenants/acme/owner"), tenants + "CreateTenant", &tenantv1.CreateTenantRequest{TenantId: "x"}, authz.ReasonDenied},
		"nobody lists tenants":               {user(), tenants + "ListTenants", &tenantv1.ListTenantsRequest{}, ""},
		"an internal method":                 {strong("/platform/operator"), "/lowlayer.network.internal.v1.FoundationService/EnsureHub", &networkinternalv1.EnsureHubRequest{}, authz.ReasonDenied},
		"a method that is not there":         {strong("/platform/operator"), "/lowlayer.x.v1.X/Y", &networkinternalv1.EnsureHubRequest{}, authz.ReasonDenied},
		"operations by their other name":     {user("/tenants/acme/viewer"), "/google.longrunning.Operations/GetOperation", op, ""},
		"and denied by it":                   {user("/tenants/other/viewer"), "/google.longrunning.Operations/GetOperation", op, "OPERATION_NOT_FOUND"},
		"DeleteOperation has no rule":        {strong("/platform/operator"), "/google.longrunning.Operations/DeleteOperation", &longrunningpb.DeleteOperationRequest{Name: op.GetName()}, authz.ReasonDenied},
		"no name":                            {strong("/platform/operator"), tenants + "UpdateTenant", &tenantv1.UpdateTenantRequest{}, "INVALID_NAME"},
		"a name that climbs":                 {user("/tenants/acme/owner"), tenants + "GetTenant", getTenant("acme/../evil"), "INVALID_NAME"},
		"a name in a name":                   {user("/tenants/acme/owner"), tenants + "GetTenant", getTenant("acme/peerings/x/tenants/evil"), "INVALID_NAME"},
		"the request of another method":      {user("/tenants/acme/owner"), tenants + "GetTenant", updateVpc, errs.ReasonInternal},
		"all organisations, as their viewer": {user("/tenants/acme/viewer"), vpcs + "ListVpcs", &networkv1.ListVpcsRequest{Parent: "tenants/acme/organisations/-"}, ""},
		"all organisations of another":       {user("/tenants/evil/owner"), vpcs + "ListVpcs", &networkv1.ListVpcsRequest{Parent: "tenants/acme/organisations/-"}, "TENANT_NOT_FOUND"},
	} {
		_, err := a.Authorize(t.Context(), c.who, c.method, c.request)
		if got := errs.ReasonOf(err); got != c.reason {
			t.Errorf("%s: got %v, want %q", name, err, c.reason)
		}
	}
}

// every is each of the roles on each of the resources, in the words of a refusal.
func every(roles ...string) func(resources ...string) string {
	return func(resources ...string) string {
		var out []string
		for _, resource := range resources {
			for _, role := range roles {
				out = append(out, role+" on "+resource)
			}
		}
		return strings.Join(out, ", ")
	}
}

func TestRefusal_namesRoles_thatSuffice(t *testing.T) {
	_, a := linked(t)
	_, err := a.Authorize(t.Context(), user("/tenants/acme/viewer"), vpcs+"CreateVpc", &networkv1.CreateVpcRequest{Parent: core})
	e, _ := errs.As(err)
	want := map[string]string{
		"permission": "network.vpcs.create", "resource": core, "roles": every("operator", "admin", "owner")(core, "tenants/acme"),
	}
	words := ": operator, admin or owner on " + core + " or tenants/acme;"
	if e == nil || e.Code != errs.PermissionDenied || fmt.Sprint(e.Metadata) != fmt.Sprint(want) || !strings.Contains(e.Message, words) {
		t.Errorf("got %+v", e)
	}
	_, err = a.Authorize(t.Context(), user("/tenants/acme/owner"), tenants+"SuspendTenant", &tenantv1.SuspendTenantRequest{Name: "tenants/acme"})
	if e, _ := errs.As(err); e == nil || e.Metadata["roles"] != "operator of the platform" {
		t.Errorf("got %+v", e)
	}
	_, err = a.Authorize(t.Context(), user("/tenants/acme/owner"), tenants+"DeleteTenant", &tenantv1.DeleteTenantRequest{Name: "tenants/acme"})
	if e, _ := errs.As(err); e == nil || e.Code != errs.Unauthenticated || !strings.Contains(e.Message, "lowlayer login --mfa") {
		t.Errorf("got %+v", e)
	}
}

// A caller without any role gets the error that a handler returns for an absent resource.
func TestForeignIsAbsent(t *testing.T) {
	_, a := linked(t)
	for kind, c := range map[string]struct {
		name, method string
		request      proto.Message
	}{
		"tenant":       {"tenants/acme", tenants + "GetTenant", getTenant("acme")},
		"organisation": {core, orgs + "GetOrganisation", &tenantv1.GetOrganisationRequest{Name: core}},
		"vpc":          {dev, vpcs + "GetVpc", &networkv1.GetVpcRequest{Name: dev}},
		"hub":          {core + "/hub", "/lowlayer.network.v1.HubService/GetHub", &networkv1.GetHubRequest{Name: core + "/hub"}},
		"peering":      {"tenants/acme/peerings/a-b", "/lowlayer.network.v1.PeeringService/GetPeering", &networkv1.GetPeeringRequest{Name: "tenants/acme/peerings/a-b"}},
	} {
		_, err := a.Authorize(t.Context(), strong("/tenants/other/owner"), c.method, c.request)
		if got, _ := errs.As(err); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", errs.NotFound(kind, c.name)) {
			t.Errorf("%s: got %+v", kind, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	_, a := linked(t)
	list := &tenantv1.ListTenantsRequest{}
	inTenant := &longrunningpb.ListOperationsRequest{Name: "tenants/acme"}
	for name, c := range map[string]struct {
		who     *identity.Principal
		method  string
		request proto.Message
		all     bool
		names   []string
	}{
		"nobody":               {user(), tenants + "ListTenants", list, false, nil},
		"platform operator":    {user("/platform/operator"), tenants + "ListTenants", list, true, nil},
		"two tenants":          {user("/tenants/acme/viewer", "/tenants/other/billing"), tenants + "ListTenants", list, false, []string{"tenants/acme", "tenants/other"}},
		"a VPC":                {user("/" + dev + "/viewer"), tenants + "ListTenants", list, false, []string{dev}},
		"rubbish":              {user("/tenants/A/viewer", "/tenants/acme/organisations/viewer", "/x/viewer", "/tenants/acme/peerings/x/viewer"), tenants + "ListTenants", list, false, nil},
		"all operations":       {user("/tenants/acme/viewer", "/"+core+"/viewer"), ops + "ListOperations", inTenant, true, nil},
		"an organisation's":    {user("/" + core + "/viewer"), ops + "ListOperations", inTenant, false, []string{core}},
		"but not by billing":   {user("/"+core+"/viewer", "/tenants/acme/organisations/other/billing"), ops + "ListOperations", inTenant, false, []string{core}},
		"nor of other tenants": {user("/"+core+"/viewer", "/tenants/evil/viewer"), ops + "ListOperations", inTenant, false, []string{core}},
	} {
		ctx, err := a.Authorize(t.Context(), c.who, c.method, c.request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := authz.Narrowed(ctx); got.All != c.all || !slices.Equal(got.Names, c.names) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if !authz.Narrowed(t.Context()).All || authz.Narrowed(identity.With(t.Context(), user("/platform/operator"))).All {
		t.Error("without a decision there is no limit for nobody, and nothing for somebody")
	}
	p := authz.Places{Names: []string{"tenants/a11", core, dev}}
	if got := p.Limit(authz.Tenant); !slices.Equal(got, []string{"tenants/a11", "tenants/acme", "tenants/acme"}) {
		t.Errorf("got %v", got)
	}
	if got := p.Limit(authz.VPC); !slices.Equal(got, []string{dev}) {
		t.Errorf("got %v", got)
	}
	if got := p.Above(authz.VPC); !slices.Equal(got, []string{"tenants/a11", core}) {
		t.Errorf("got %v", got)
	}
	if !p.Covers(core+"/hub") || p.Covers("tenants/acme") || p.Covers(core+"2") || (authz.Places{}).Covers("tenants/acme") || (authz.Places{All: true}).Limit(authz.VPC) != nil {
		t.Error("places cover what they should not, or do not what they should")
	}
}

func TestExplain(t *testing.T) {
	_, a := linked(t)
	for name, c := range map[string]struct {
		who        *identity.Principal
		permission string
		resource   string
		want       string
	}{
		"may":                 {user("/tenants/acme/operator"), "network.vpcs.create", core, "true false []"},
		"may once confirmed":  {user("/tenants/acme/operator"), "network.vpcs.delete", dev, "false true []"},
		"confirmed":           {strong("/tenants/acme/operator"), "network.vpcs.delete", dev, "true false []"},
		"may not":             {user("/tenants/acme/viewer"), "network.vpcs.delete", dev, "false false [" + strings.ReplaceAll(every("operator", "admin", "owner")(dev, core, "tenants/acme"), ",", "") + "]"},
		"may not look":        {user("/tenants/acme/billing"), "operation.operations.list", core, "false false [" + strings.ReplaceAll(every("viewer", "operator", "admin", "owner")(core, "tenants/acme"), ",", "") + "]"},
		"billing is no step":  {user("/" + dev + "/viewer"), "tenant.organisations.list", "tenants/acme", "true false []"},
		"the platform":        {user(), "tenant.tenants.create", "", "false false [operator of the platform]"},
		"somebody else's":     {user("/tenants/other/owner"), "network.vpcs.get", dev, "VPC_NOT_FOUND"},
		"what does not exist": {user("/tenants/other/owner"), "network.vpcs.get", core + "/vpcs/none", "VPC_NOT_FOUND"},
		"no permission":       {user("/tenants/acme/owner"), "network.vpcs.explode", dev, authz.ReasonUnknown},
		"an internal one":     {strong("/platform/operator"), "network.internal.hubs.ensure", dev, authz.ReasonUnknown},
		"no name":             {user("/tenants/acme/owner"), "network.vpcs.get", "tenants/acme/../x", "INVALID_NAME"},
	} {
		e, err := a.Explain(c.who, c.permission, c.resource)
		got := fmt.Sprint(e.Allowed, e.StepUp, e.Grants)
		if err != nil {
			got = errs.ReasonOf(err)
		}
		if got != c.want {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

func TestPolicies_unreadable_fail(t *testing.T) {
	for name, text := range map[string]string{
		"no id": `permit (principal, action, resource);`, "not Cedar": `allow everybody`,
		"twice the same id": `@id("a") permit (principal, action, resource); @id("a") forbid (principal, action, resource);`,
	} {
		if err := authz.CheckPolicies(fstest.MapFS{"policies/x.cedar": {Data: []byte(text)}}); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	_, a := linked(b)
	p := user("/tenants/other/viewer", "/tenants/acme/operator")
	request := &networkv1.CreateVpcRequest{Parent: core}
	for b.Loop() {
		if _, err := a.Authorize(b.Context(), p, vpcs+"CreateVpc", request); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCedar(b *testing.B) {
	_, a := linked(b)
	p := user("/tenants/acme/operator")
	request := &networkv1.CreateVpcRequest{Parent: core}
	for b.Loop() {
		a.Forget()
		if _, err := a.Authorize(b.Context(), p, vpcs+"CreateVpc", request); err != nil {
			b.Fatal(err)
		}
	}
}

// A handler's own question: the role or a stronger one, there or above, and nothing from beside or below.
func TestHolds(t *testing.T) {
	const core = "tenants/acme/organisations/core"
	for _, c := range []struct {
		groups []string
		at     string
		role   authz.Role
		want   bool
	}{
		{[]string{"/tenants/acme/owner"}, "tenants/acme", authz.Owner, true},
		{[]string{"/tenants/acme/owner"}, core, authz.Owner, true},
		{[]string{"/tenants/acme/owner"}, core, authz.Viewer, true},
		{[]string{"/tenants/acme/admin"}, "tenants/acme", authz.Owner, false},
		{[]string{"/" + core + "/owner"}, "tenants/acme", authz.Owner, false},
		{[]string{"/tenants/acme2/owner"}, "tenants/acme", authz.Owner, false},
		{[]string{"/tenants/acme/billing"}, "tenants/acme", authz.Viewer, false},
		{[]string{"/platform/operator"}, core, authz.Owner, true},
		{[]string{"/platform/owner"}, core, authz.Owner, false},
		{[]string{"/tenants/acme/owner"}, "no name", authz.Owner, false},
		{nil, "tenants/acme", authz.Owner, false},
	} {
		if got := authz.Holds(identity.With(t.Context(), user(c.groups...)), c.at, c.role); got != c.want {
			t.Errorf("%v holds %s on %s: %t", c.groups, c.role, c.at, got)
		}
	}
	if !authz.Holds(t.Context(), "tenants/acme", authz.Owner) {
		t.Error("where nobody is identified there is a limit")
	}
}

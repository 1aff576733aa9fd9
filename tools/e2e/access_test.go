package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/authz/authztest"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/identity/identitytest"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// secured is a platform that knows its callers, with a tenant of ours, one of somebody else's, and an issuer of tokens.
type secured struct {
	*stacktest.Platform
	issuer   *identitytest.Issuer
	operator context.Context //nolint:containedctx // who makes the world
	conn     *grpc.ClientConn
	own      authztest.World
	foreign  authztest.World
}

// absentWorld are things that are not there.
var absentWorld = authztest.World{
	"tenants": "tenant-absent", "organisations": "org-absent", "vpcs": "vpc-absent", "peerings": "peer-absent",
	"operations": "op_network_" + strings.Repeat("0", 26), "receipts": "rcpt_network_" + strings.Repeat("0", 26),
	"members": "member-absent", "serviceAccounts": "account-absent", "quotas": "network.vpcs",
}

func startSecured(t *testing.T, programs map[string]string) *secured {
	t.Helper()
	turn(t, &alone)
	i := identitytest.Start(t)
	env := []string{}
	for _, service := range []string{"GATEWAY", "METERING", "TENANT", "NETWORK"} {
		env = append(env, "LOWLAYER_"+service+"_ISSUER="+i.URL)
	}
	p := stacktest.Start(t, stack.Options{Env: env, Identity: true, Programs: programs})
	s := &secured{Platform: p, issuer: i, conn: stacktest.Dial(t, p.Addresses().Gateway)}
	s.operator = s.as(t, i.Token(t, "staff", []string{"/platform/operator"}, identitytest.SteppedUp()))
	return s
}

// in is the platform as the tests of a tenant of their own use it.
func (s *secured) in(t *testing.T, mark string) *secured {
	t.Helper()
	other := *s
	other.own = s.tenant(t, mark)
	return &other
}

// TestSecuredPlatform shares one platform between tests that each have a tenant of their own.
func TestSecuredPlatform(t *testing.T) {
	s := startSecured(t, nil)
	quota, audit := s.in(t, "quota"), s.in(t, "audit")
	audit.foreign = quota.own
	t.Run("quotas", quota.quotasOfTenant)
	t.Run("audit trail", audit.auditTrail)
	t.Run("watch", func(t *testing.T) { s.in(t, "watch").watches(t) })
}

// as is the context of calls with a token.
func (s *secured) as(t testing.TB, token string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
}

// tenant makes one with everything that there is in a tenant.
func (s *secured) tenant(t *testing.T, mark string) authztest.World {
	t.Helper()
	// Quotas are the same words in every tenant.
	w := authztest.World{"quotas": "network.vpcs", "tenants": "tenant-" + mark, "organisations": "org-" + mark, "vpcs": "vpc-" + mark, "peerings": "peer-" + mark}
	tenant := "tenants/" + w["tenants"]
	organisation := tenant + "/organisations/" + w["organisations"]
	vpc := organisation + "/vpcs/" + w["vpcs"]
	var created *longrunningpb.Operation
	stacktest.Eventually(t, "make a tenant", func() bool { // the gateway may still be looking for the services
		var err error
		created, err = tenantv1.NewTenantServiceClient(s.conn).CreateTenant(s.operator, &tenantv1.CreateTenantRequest{TenantId: w["tenants"], Tenant: &tenantv1.Tenant{}})
		if err != nil && status.Code(err) != codes.Unavailable {
			t.Fatal(err)
		}
		return err == nil
	})
	s.done(t)(created, nil)
	organisations := tenantv1.NewOrganisationServiceClient(s.conn)
	for id, vpcs := range map[string][]string{w["organisations"]: {w["vpcs"], w["vpcs"] + "x", "gone"}, "side-" + mark: {"vpc-side"}} {
		o := &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED}
		for _, v := range vpcs {
			o.Vpcs = append(o.Vpcs, &tenantv1.VpcOrder{VpcId: v})
		}
		s.done(t)(organisations.CreateOrganisation(s.operator, &tenantv1.CreateOrganisationRequest{Parent: tenant, OrganisationId: id, Organisation: o}))
	}
	op := s.done(t)(networkv1.NewPeeringServiceClient(s.conn).CreatePeering(s.operator, &networkv1.CreatePeeringRequest{
		Parent: tenant, PeeringId: w["peerings"], Peering: &networkv1.Peering{Vpc: vpc, PeerVpc: vpc + "x"},
	}))
	w["operations"] = last(op.GetName())
	s.done(t)(networkv1.NewVpcServiceClient(s.conn).DeleteVpc(s.operator, &networkv1.DeleteVpcRequest{Name: organisation + "/vpcs/gone"}))
	member, err := tenantv1.NewMemberServiceClient(s.conn).CreateMember(s.operator, &tenantv1.CreateMemberRequest{
		Parent: tenant, Member: &tenantv1.Member{Email: "first@" + w["tenants"] + ".test", Roles: []tenantv1.Role{tenantv1.Role_OWNER}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w["members"] = last(member.GetName())
	account, err := tenantv1.NewServiceAccountServiceClient(s.conn).CreateServiceAccount(s.operator, &tenantv1.CreateServiceAccountRequest{
		Parent: tenant, ServiceAccountId: "account-" + mark, ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w["serviceAccounts"] = last(account.GetName())
	receipts, err := receiptv1.NewReceiptServiceClient(s.conn).ListReceipts(s.operator, &receiptv1.ListReceiptsRequest{Parent: tenant})
	if err != nil || len(receipts.GetReceipts()) == 0 {
		t.Fatalf("there is no receipt: %v, %v", receipts, err)
	}
	w["receipts"] = last(receipts.GetReceipts()[0].GetName())
	return w
}

// last is the id in a resource name.
func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// done waits for an operation that must succeed, or rest where somebody else has to accept.
func (s *secured) done(t *testing.T) func(*longrunningpb.Operation, error) *longrunningpb.Operation {
	t.Helper()
	return func(op *longrunningpb.Operation, err error) *longrunningpb.Operation {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(s.operator, stacktest.Patience)
		defer cancel()
		for !op.GetDone() {
			if op, err = operationv1.NewOperationServiceClient(s.conn).WaitOperation(ctx, &longrunningpb.WaitOperationRequest{
				Name: op.GetName(), Timeout: durationpb.New(20 * time.Second),
			}); err != nil {
				t.Fatal(err)
			}
		}
		if op.GetError() != nil {
			t.Fatalf("%s ended with %v", op.GetName(), op.GetError())
		}
		return op
	}
}

// over is the wire over one connection by gRPC.
func (s *secured) over(name string, conn *grpc.ClientConn, services ...string) authztest.Wire {
	return authztest.Wire{
		Name: name,
		Takes: func(c authztest.Call) bool {
			for _, service := range services {
				if c.Service == service {
					return true
				}
			}
			return len(services) == 0
		},
		Do: func(t testing.TB, a authztest.Actor, c authztest.Call, request proto.Message) authztest.Answer {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), stacktest.Patience)
			defer cancel()
			if a.Token != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+a.Token)
			}
			return c.OverGRPC(ctx, t, conn, request)
		},
	}
}

func (s *secured) rest() authztest.Wire {
	return authztest.Wire{Name: "REST", Do: func(t testing.TB, a authztest.Actor, c authztest.Call, request proto.Message) authztest.Answer {
		t.Helper()
		path, body := c.REST(t, request)
		code, answer := s.ask(t, c.Verb, path, body, a.Token)
		return authztest.OverREST(code, answer)
	}}
}

func (s *secured) ask(t testing.TB, verb, path, body, token string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), verb, "http://"+s.Addresses().Gateway+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := authztest.ReadStream(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// TestAccess_everyCaller_everyMethod calls every RPC there is as everybody there may be: through the gateway by both of its protocols, and at
// each service without the gateway, which must hold by itself.
func TestAccess_everyCaller_everyMethod(t *testing.T) {
	s := startSecured(t, nil)
	s.own, s.foreign = s.tenant(t, "own"), s.tenant(t, "foreign")
	methods, err := authz.LinkedMethods()
	if err != nil {
		t.Fatal(err)
	}
	authorizer, err := authz.New(methods)
	if err != nil {
		t.Fatal(err)
	}
	m := authztest.Matrix{
		Authorizer: authorizer, Actors: authztest.Actors(t, s.issuer, s.own["tenants"], s.foreign["tenants"]),
		Own: s.own, Foreign: s.foreign, Absent: absentWorld,
	}.Nest()
	before := s.picture(t)
	a := s.Addresses()
	n := 0
	for _, w := range []authztest.Wire{
		s.over("gRPC", s.conn), s.rest(),
		s.over("tenant alone", s.DialService(t, access.Gateway, "tenant", a.Of("tenant")), "tenant", "operation", "receipt", "audit", "quota", "watch"),
		s.over("network alone", s.DialService(t, access.Operator, "network", a.Of("network")), "network", "operation", "receipt", "audit", "quota", "watch"),
	} {
		n += m.Run(t, w)
	}
	t.Logf("%d calls of %d ways to call, as %d actors", n, len(authztest.Calls(t)), len(m.Actors))
	if after := s.picture(t); after != before {
		t.Errorf("the calls changed the world\nbefore %s\nafter  %s", before, after)
	}
	t.Run("absent for strangers as for operators", func(t *testing.T) { s.sameAbsence(t, m) })
	t.Run("a role on an organisation", s.narrowed)
	t.Run("tenants are listed to those who see them", s.listed)
	t.Run("methods for services", s.internal)
	t.Run("an admin makes no owners", s.owners)
	t.Run("rows are seen by their tenant alone", s.rows)
	t.Run("the decision holds without the rows' wall", func(t *testing.T) { s.withoutRows(t, m) })
}

// picture is what there is, as far as a call could have changed it.
func (s *secured) picture(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, w := range []authztest.World{s.own, s.foreign} {
		tenant := "tenants/" + w["tenants"]
		got, err := tenantv1.NewTenantServiceClient(s.conn).GetTenant(s.operator, &tenantv1.GetTenantRequest{Name: tenant})
		if err != nil {
			t.Fatal(err)
		}
		organisations, err := tenantv1.NewOrganisationServiceClient(s.conn).ListOrganisations(s.operator, &tenantv1.ListOrganisationsRequest{Parent: tenant, ShowDeleted: true})
		if err != nil {
			t.Fatal(err)
		}
		vpcs, err := networkv1.NewVpcServiceClient(s.conn).ListVpcs(s.operator, &networkv1.ListVpcsRequest{Parent: tenant + "/organisations/-"})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(&out, got.GetEtag(), got.GetState())
		for _, o := range organisations.GetOrganisations() {
			fmt.Fprint(&out, " ", o.GetName(), o.GetEtag(), o.GetState())
		}
		for _, v := range vpcs.GetVpcs() {
			fmt.Fprint(&out, " ", v.GetName(), v.GetEtag(), v.GetState())
		}
	}
	return out.String()
}

// sameAbsence compares what an operator, who may see everything, is told of what does not exist with what a stranger is told.
// Some RPCs tell an operator first that what lies above is missing, or what else the request names; strangers are told of what
// they named, whether it is there or not. That is no difference a stranger can see.
func (s *secured) sameAbsence(t *testing.T, m authztest.Matrix) {
	wire := s.rest()
	var stranger, operator authztest.Actor
	for _, a := range m.Actors {
		switch {
		case a.Operator:
			operator = a
		case a.Elsewhere:
			stranger = a
		}
	}
	compared := 0
	for _, c := range authztest.Calls(t) {
		if !c.InTenant() {
			continue
		}
		request := c.Request(t, m.Absent, true)
		told := wire.Do(t, operator, c, request)
		if !strings.HasSuffix(told.Reason, "_NOT_FOUND") {
			t.Logf("%s says %s of what does not exist", c.Name(), told.Text)
			continue
		}
		got := wire.Do(t, stranger, c, request)
		switch named, missing := aboutOf(t, got), aboutOf(t, told); {
		case named == missing:
			compared++
			if got.Text != told.Text {
				t.Errorf("%s\na stranger is told %s\nan operator is told %s", c.Name(), got.Text, told.Text)
			}
		case !strings.HasSuffix(got.Reason, "_NOT_FOUND"):
			t.Errorf("%s: a stranger is told %s", c.Name(), got.Text)
		}
	}
	t.Logf("%d compared", compared)
	if compared < 35 {
		t.Errorf("only %d answers could be compared", compared)
	}
}

// aboutOf is the resource an error is about.
func aboutOf(t *testing.T, a authztest.Answer) string {
	t.Helper()
	_, text, _ := strings.Cut(a.Text, " ")
	var p struct{ Metadata struct{ Resource string } }
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&p); err != nil {
		t.Fatalf("%s: %v", a.Text, err)
	}
	return p.Metadata.Resource
}

// narrowed: who holds a role on one organisation sees that one, and of the tenant no more than its face.
func (s *secured) narrowed(t *testing.T) {
	tenant := "tenants/" + s.own["tenants"]
	organisation := tenant + "/organisations/" + s.own["organisations"]
	token := s.issuer.Token(t, "o", []string{"/" + organisation + "/operator"}, identitytest.SteppedUp())
	get := func(path string) (int, string) {
		code, body := s.ask(t, http.MethodGet, "/v1/"+path, "", token)
		return code, string(body)
	}
	for path, c := range map[string]struct {
		code      int
		has, hasn string
	}{
		tenant:                                           {200, tenant, "nothing"},
		tenant + "/organisations":                        {200, organisation, "side-own"},
		tenant + "/organisations/-/vpcs":                 {200, organisation + "/vpcs/" + s.own["vpcs"], "vpc-side"},
		organisation + "/vpcs":                           {200, s.own["vpcs"], "vpc-side"},
		tenant + "/operations":                           {200, organisation, "side-own"},
		tenant + "/operations?pageSize=1":                {200, organisation, "side-own"},
		tenant + "/organisations/side-own":               {404, "ORGANISATION_NOT_FOUND", "etag"},
		tenant + "/organisations/side-own/vpcs/vpc-side": {404, "VPC_NOT_FOUND", "etag"},
		tenant + "/peerings":                             {403, "PERMISSION_DENIED", "etag"},
		tenant + "/operations/" + s.own["operations"]:    {404, "OPERATION_NOT_FOUND", "metadata\":{\"@type"},
	} {
		code, body := get(path)
		if code != c.code || !strings.Contains(body, c.has) || strings.Contains(body, c.hasn) {
			t.Errorf("%s answers %d %s", path, code, body)
		}
	}
	// The organisation beside it, and one that does not exist, are told alike.
	_, beside := get(tenant + "/organisations/side-own")
	_, absent := get(tenant + "/organisations/side-abs")
	if x, y := authztest.OverREST(404, []byte(beside)).Text, authztest.OverREST(404, []byte(absent)).Text; strings.ReplaceAll(x, "side-own", "side-abs") != y {
		t.Errorf("they differ: %s, %s", x, y)
	}
}

func (s *secured) listed(t *testing.T) {
	list := func(groups ...string) []string {
		ctx := s.as(t, s.issuer.Token(t, "l"+fmt.Sprint(groups), groups))
		var names []string
		req := &tenantv1.ListTenantsRequest{PageSize: 1}
		for {
			page, err := tenantv1.NewTenantServiceClient(s.conn).ListTenants(ctx, req)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.GetTenants()) > 1 || (len(page.GetTenants()) == 0 && page.GetNextPageToken() != "") {
				t.Errorf("a page of %d tenants, and more: %q", len(page.GetTenants()), page.GetNextPageToken())
			}
			for _, tenant := range page.GetTenants() {
				names = append(names, tenant.GetName())
			}
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				return names
			}
		}
	}
	own, foreign := "/tenants/"+s.own["tenants"], "/tenants/"+s.foreign["tenants"]
	for want, groups := range map[string][]string{
		"":                                   nil,
		own[1:]:                              {own + "/viewer"},
		own[1:] + " ":                        {own + "/organisations/" + s.own["organisations"] + "/vpcs/" + s.own["vpcs"] + "/billing", "/tenants/none/owner"},
		foreign[1:] + " " + own[1:]:          {own + "/owner", foreign + "/billing"},
		foreign[1:] + " " + own[1:] + "    ": {"/platform/operator"},
	} {
		if got := strings.Join(list(groups...), " "); got != strings.TrimSpace(want) {
			t.Errorf("%v: got %q, want %q", groups, got, want)
		}
	}
}

// owners: whoever manages members is not an owner as soon as he likes, by no way round.
func (s *secured) owners(t *testing.T) {
	tenant := "tenants/" + s.own["tenants"]
	members, accounts := tenantv1.NewMemberServiceClient(s.conn), tenantv1.NewServiceAccountServiceClient(s.conn)
	owner := []tenantv1.Role{tenantv1.Role_OWNER}
	viewer := []tenantv1.Role{tenantv1.Role_VIEWER}
	robot, err := accounts.CreateServiceAccount(s.operator, &tenantv1.CreateServiceAccountRequest{
		Parent: tenant, ServiceAccountId: "robot", ServiceAccount: &tenantv1.ServiceAccount{Roles: owner},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := tenant + "/members/" + s.own["members"]
	ways := map[string]func(context.Context) error{
		"a new owner": func(ctx context.Context) error {
			_, err := members.CreateMember(ctx, &tenantv1.CreateMemberRequest{Parent: tenant, Member: &tenantv1.Member{Email: "eve@acme.test", Roles: owner}, ValidateOnly: true})
			return err
		},
		"an end to an owner": func(ctx context.Context) error {
			_, err := members.UpdateMember(ctx, &tenantv1.UpdateMemberRequest{Member: &tenantv1.Member{Name: first, Roles: viewer}, ValidateOnly: true})
			return err
		},
		"a removed owner": func(ctx context.Context) error {
			_, err := members.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: first, ValidateOnly: true})
			return err
		},
		"a program that owns": func(ctx context.Context) error {
			_, err := accounts.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
				Parent: tenant, ServiceAccountId: "mine", ServiceAccount: &tenantv1.ServiceAccount{Roles: owner}, ValidateOnly: true,
			})
			return err
		},
		"the secret of one": func(ctx context.Context) error {
			_, err := accounts.RotateServiceAccount(ctx, &tenantv1.RotateServiceAccountRequest{Name: robot.GetName(), ValidateOnly: true})
			return err
		},
		"the end of one": func(ctx context.Context) error {
			_, err := accounts.DeleteServiceAccount(ctx, &tenantv1.DeleteServiceAccountRequest{Name: robot.GetName(), ValidateOnly: true})
			return err
		},
	}
	admin := s.as(t, s.issuer.Token(t, "admin", []string{"/" + tenant + "/admin"}, identitytest.SteppedUp()))
	boss := s.as(t, s.issuer.Token(t, "boss", []string{"/" + tenant + "/owner"}, identitytest.SteppedUp()))
	for name, way := range ways {
		if err := way(admin); reason(err) != "OWNER_REQUIRED" {
			t.Errorf("%s: an admin gets %v", name, err)
		}
		if err := way(boss); err != nil && reason(err) != "LAST_OWNER" {
			t.Errorf("%s: an owner gets %v", name, err)
		}
	}
}

// reason is that of an error's details.
func reason(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// internal: no token whatever opens a method for services, and no certificate but that of a service it is listed for.
func (s *secured) internal(t *testing.T) {
	request := &networkinternalv1.DeleteHubRequest{Organisation: "tenants/tenant-own/organisations/org-own", RequestId: "3f6c1f0e-8f57-4d55-9f0b-8f7d3a1c2b4d"}
	absent := &networkinternalv1.DeleteHubRequest{Organisation: "tenants/tenant-own/organisations/org-absent", RequestId: "3f6c1f0e-8f57-4d55-9f0b-8f7d3a1c2b4e"}
	address := s.Addresses().Of("network")
	for name, c := range map[string]struct {
		conn    *grpc.ClientConn
		ctx     context.Context
		request *networkinternalv1.DeleteHubRequest
		code    codes.Code
		reason  string
	}{
		"an operator":              {s.DialService(t, access.Operator, "network", address), s.operator, request, codes.PermissionDenied, authz.ReasonDenied},
		"nobody":                   {s.DialService(t, access.Operator, "network", address), t.Context(), request, codes.Unauthenticated, identity.ReasonMissing},
		"the gateway for somebody": {s.DialService(t, access.Gateway, "network", address), s.operator, request, codes.PermissionDenied, authz.ReasonDenied},
		"another service":          {s.DialService(t, "network", "network", address), t.Context(), request, codes.PermissionDenied, access.ReasonPeerNotAllowed},
		"another with a token":     {s.DialService(t, "network", "network", address), s.operator, request, codes.PermissionDenied, access.ReasonPeerNotAllowed},
		"no certificate":           {stacktest.Dial(t, address), s.operator, request, codes.Unavailable, ""},
		"the tenant service":       {s.DialService(t, "tenant", "network", address), t.Context(), absent, codes.NotFound, "HUB_NOT_FOUND"},
	} {
		if _, err := networkinternalv1.NewFoundationServiceClient(c.conn).DeleteHub(c.ctx, c.request); status.Code(err) != c.code || reason(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
	code, body := s.ask(t, http.MethodGet, "/v1/tenants", "", "")
	var p struct{ Reason string }
	if err := json.Unmarshal(body, &p); err != nil || code != http.StatusUnauthorized || p.Reason != identity.ReasonMissing {
		t.Errorf("got %d %s", code, body)
	}
}

package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/authz/authztest"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity/identitytest"
	"github.com/low-layer/platform/services/gateway/internal/app"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// guarded is an edge that authenticates, before services that accept every call: the first wall alone.
func guarded(t *testing.T) (*edge, *identitytest.Issuer) {
	t.Helper()
	i := identitytest.Start(t)
	e := newEdge(t, append(generous(), "ISSUER="+i.URL)...)
	for _, f := range e.feeds {
		f.refuseWith(errs.New(errs.Unavailable, "PEER_UNAVAILABLE", "this service has no changes; ask another"))
	}
	return e, i
}

func authorizer(t *testing.T) *authz.Authorizer {
	t.Helper()
	methods, err := authz.LinkedMethods()
	if err != nil {
		t.Fatal(err)
	}
	a, err := authz.New(methods)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func world(mark string) authztest.World {
	return authztest.World{
		"tenants": "tenant-" + mark, "organisations": "org-" + mark, "vpcs": "vpc-" + mark, "peerings": "peer-" + mark,
		"operations": "op_network_" + strings.Repeat(mark[:1], 26), "receipts": "rcpt_network_" + strings.Repeat(mark[:1], 26),
		"members": "member-of-" + mark, "serviceAccounts": "account-of-" + mark, "quotas": "network.vpcs",
	}
}

func (e *edge) grpcWire() authztest.Wire {
	return authztest.Wire{Name: "gRPC", Do: func(t testing.TB, a authztest.Actor, c authztest.Call, request proto.Message) authztest.Answer {
		t.Helper()
		ctx := t.Context()
		if a.Token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+a.Token)
		}
		return c.OverGRPC(ctx, t, e.conn, request)
	}}
}

func (e *edge) restWire() authztest.Wire {
	return authztest.Wire{Name: "REST", Do: func(t testing.TB, a authztest.Actor, c authztest.Call, request proto.Message) authztest.Answer {
		t.Helper()
		path, body := c.REST(t, request)
		h := headers{}
		if a.Token != "" {
			h["Authorization"] = "Bearer " + a.Token
		}
		got := e.do(c.Verb, path, body, h)
		return authztest.OverREST(got.status, got.body)
	}}
}

// The edge alone refuses calls here: the services behind it authenticate no caller.
func TestEdge_servicesThatAcceptAll_refusesAlone(t *testing.T) {
	e, i := guarded(t)
	m := authztest.Matrix{
		Authorizer: authorizer(t), Actors: authztest.Actors(t, i, "tenant-own", "tenant-foreign"),
		Own: world("own"), Foreign: world("foreign"), Absent: world("absent"),
	}.Nest()
	n := m.Run(t, e.grpcWire()) + m.Run(t, e.restWire())
	if n < 1000 {
		t.Errorf("only %d calls were made", n)
	}
}

func TestEdge_unauthenticatedCaller_learnsNothing(t *testing.T) {
	e, i := guarded(t)
	for name, c := range map[string]struct {
		headers   headers
		challenge string
		reason    string
	}{
		"no token": {headers{}, `Bearer realm="lowlayer"`, "TOKEN_MISSING"},
		"rubbish":  {headers{"Authorization": "Bearer x.y.z"}, `Bearer realm="lowlayer", error="invalid_token"`, "TOKEN_INVALID"},
		"basic":    {headers{"Authorization": "Basic eDp5"}, `Bearer realm="lowlayer", error="invalid_token"`, "TOKEN_INVALID"},
		"expired": {
			headers{"Authorization": "Bearer " + i.Token(t, "x", nil, identitytest.Claims{"exp": 1000})},
			`Bearer realm="lowlayer", error="invalid_token", error_description="the token has expired"`, "TOKEN_EXPIRED",
		},
	} {
		bodies := make(map[string]bool)
		for _, path := range []string{"/v1/tenants", "/v1/tenants/acme", "/v1/nothing", "/v1/tenants/acme?bad=1", "/v1/tenants/BAD", "/v1/tenants/acme:explode"} {
			got := e.do("GET", path, "", c.headers)
			p := got.problem(t)
			if got.status != http.StatusUnauthorized || p["reason"] != c.reason || got.header.Get("Www-Authenticate") != c.challenge {
				t.Errorf("%s: %s answers %d %v %q", name, path, got.status, p["reason"], got.header.Get("Www-Authenticate"))
			}
			bodies[p["detail"].(string)] = true
		}
		if len(bodies) != 1 {
			t.Errorf("%s: nobody is told different things: %v", name, bodies)
		}
	}
	for _, method := range []string{tenantv1.TenantService_GetTenant_FullMethodName, "/lowlayer.none.v1.None/Do", networkinternalv1.FoundationService_EnsureHub_FullMethodName} {
		err := e.conn.Invoke(t.Context(), method, &tenantv1.GetTenantRequest{Name: "bad"}, &tenantv1.Tenant{})
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", method, err)
		}
	}
	if e.tenants.count() != 0 {
		t.Error("a call of nobody reached a service")
	}
	if got := e.do("GET", "/problems/TOKEN_MISSING", "", nil); got.status != http.StatusOK {
		t.Errorf("the page that explains it is not open: %d", got.status)
	}
	if _, err := healthpb.NewHealthClient(e.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health needs a token: %v", err)
	}
}

// Services see the caller's token, and no other claim of identity.
func TestEdge_identityHeaders_areStripped(t *testing.T) {
	e, i := guarded(t)
	token := "Bearer " + i.Token(t, "a", []string{"/tenants/acme/viewer"})
	smuggled := []string{
		"X-Lowlayer-Peer", "X-Lowlayer-Subject", "X-Forwarded-User", "X-Forwarded-For", "X-Remote-User", "Grpc-Metadata-X-Lowlayer-Peer",
		"Grpc-Metadata-Authorization", "Cookie", "X-Auth-Request-User", "Impersonate-User", "X-Http-Method-Override",
	}
	h := headers{"Authorization": token}
	md := metadata.Pairs("authorization", token)
	for _, name := range smuggled {
		h[name] = "tenant.99999999999.x"
		if !strings.HasPrefix(name, "Grpc-") {
			md.Set(name, "tenant.99999999999.x")
		}
	}
	check := func(wire string) {
		_, seen := e.tenants.last(t)
		for _, name := range smuggled {
			if len(seen.Get(name)) > 0 {
				t.Errorf("%s: %s reached the service", wire, name)
			}
		}
		if got := seen.Get("authorization"); len(got) != 1 || got[0] != token {
			t.Errorf("%s: the token arrived as %v", wire, got)
		}
	}
	if got := e.do("GET", "/v1/tenants/acme", "", h); got.status != http.StatusOK {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	check("REST")
	ctx := metadata.NewOutgoingContext(t.Context(), md)
	if _, err := tenantv1.NewTenantServiceClient(e.conn).GetTenant(ctx, &tenantv1.GetTenantRequest{Name: "tenants/acme"}); err != nil {
		t.Fatal(err)
	}
	check("gRPC")
	two := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": {token, token}})
	if _, err := tenantv1.NewTenantServiceClient(e.conn).GetTenant(two, &tenantv1.GetTenantRequest{Name: "tenants/acme"}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("two tokens: %v", err)
	}
}

func TestEdge_internalMethod_isRefused(t *testing.T) {
	e, i := guarded(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+i.Token(t, "op", []string{"/platform/operator"}, identitytest.SteppedUp()))
	_, err := networkinternalv1.NewFoundationServiceClient(e.conn).DeleteHub(ctx, &networkinternalv1.DeleteHubRequest{Organisation: "tenants/acme/organisations/core"})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("got %v", err)
	}
}

func TestEdge_stepUp_usesTheChallengeOfHTTP(t *testing.T) {
	e, i := guarded(t)
	got := e.do("DELETE", "/v1/tenants/acme", "", headers{"Authorization": "Bearer " + i.Token(t, "o", []string{"/tenants/acme/owner"})})
	p := got.problem(t)
	want := `Bearer realm="lowlayer", error="insufficient_user_authentication", acr_values="2"`
	if got.status != http.StatusUnauthorized || p["reason"] != "STEP_UP_REQUIRED" || got.header.Get("Www-Authenticate") != want || e.tenants.count() != 0 {
		t.Errorf("got %d %v %q", got.status, p, got.header.Get("Www-Authenticate"))
	}
}

func TestWhyDenied(t *testing.T) {
	e, i := guarded(t)
	token := "Bearer " + i.Token(t, "v", []string{"/tenants/acme/viewer"})
	ask := `{"permission":"network.vpcs.create","resource":"tenants/acme/organisations/core"}`
	got := e.do("POST", "/v1/authorization:whyDenied", ask, headers{"Authorization": token})
	want := `{"allowed":false, "stepUpRequired":false, "roles":[` +
		`{"role":"operator", "resource":"tenants/acme/organisations/core"}, {"role":"admin", "resource":"tenants/acme/organisations/core"}, {"role":"owner", "resource":"tenants/acme/organisations/core"}, ` +
		`{"role":"operator", "resource":"tenants/acme"}, {"role":"admin", "resource":"tenants/acme"}, {"role":"owner", "resource":"tenants/acme"}]}`
	if squeeze(string(got.body)) != squeeze(want) {
		t.Errorf("got %d %s", got.status, got.body)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", token)
	client := authzv1.NewAuthorizationServiceClient(e.conn)
	answer, err := client.WhyDenied(ctx, &authzv1.WhyDeniedRequest{Permission: "network.vpcs.get", Resource: "tenants/acme/organisations/core/vpcs/dev"})
	if err != nil || !answer.GetAllowed() || len(answer.GetRoles()) != 0 {
		t.Errorf("got %v, %v", answer, err)
	}
	if _, err := client.WhyDenied(ctx, &authzv1.WhyDeniedRequest{Permission: "network.vpcs.get", Resource: "tenants/other"}); status.Code(err) != codes.NotFound {
		t.Errorf("of another tenant: %v", err)
	}
	if _, err := client.WhyDenied(t.Context(), &authzv1.WhyDeniedRequest{Permission: "network.vpcs.get"}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("by nobody: %v", err)
	}
}

func squeeze(s string) string { return strings.ReplaceAll(s, " ", "") }

func TestConfig_issuer_allowsAnyAddress(t *testing.T) {
	for address, ok := range map[string]bool{"0.0.0.0:8080": true, ":8080": true, "127.0.0.1:8080": true, "8080": false} {
		_, err := config.Load[app.Config](app.Prefix, []string{app.Prefix + "LISTEN=" + address, app.Prefix + "ISSUER=https://id.example.com/realms/lowlayer", app.Prefix + "TLS_DIR=/tls"})
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	// Under every name: a caller with a token is no page of another site.
	e, i := guarded(t)
	if got := e.do("GET", "/v1/tenants", "", headers{"Host": "api.example.com", "Authorization": "Bearer " + i.Token(t, "x", nil)}); got.status != http.StatusOK {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if _, err := access.New(access.Settings{}, quiet, nil); err != nil {
		t.Error(err)
	}
}

package access_test

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/identity/identitytest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func newGuard(t testing.TB) (*access.Guard, *identitytest.Issuer) {
	t.Helper()
	i := identitytest.Start(t)
	g, err := access.New(access.Settings{Issuer: i.URL, Audience: identitytest.Audience}, slog.New(slog.DiscardHandler), clock.Real())
	if err != nil {
		t.Fatal(err)
	}
	return g, i
}

const (
	getTenant = tenantv1.TenantService_GetTenant_FullMethodName
	ensureHub = networkinternalv1.FoundationService_EnsureHub_FullMethodName
)

func TestGuard(t *testing.T) {
	g, i := newGuard(t)
	request := &tenantv1.GetTenantRequest{Name: "tenants/acme"}
	for name, c := range map[string]struct {
		headers []string
		reason  string
	}{
		"a member":   {[]string{"Bearer " + i.Token(t, "a", []string{"/tenants/acme/viewer"})}, ""},
		"a stranger": {[]string{"Bearer " + i.Token(t, "b", nil)}, "TENANT_NOT_FOUND"},
		"nobody":     {nil, identity.ReasonMissing},
		"rubbish":    {[]string{"Bearer x"}, identity.ReasonInvalid},
	} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": c.headers})
		ctx, err := g.Authenticate(ctx, getTenant)
		if err == nil {
			_, err = g.Authorize(ctx, getTenant, request)
		}
		if errs.ReasonOf(err) != c.reason {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// An unidentified caller does not pass because a hook was forgotten.
	if _, err := g.Authorize(t.Context(), getTenant, request); errs.CodeOf(err) != errs.Unauthenticated {
		t.Errorf("without an identity: %v", err)
	}
	operator := metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {"Bearer " + i.Token(t, "op", []string{"/platform/operator"}, identitytest.SteppedUp())}})
	operator, err := g.Authenticate(operator, ensureHub)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Authorize(operator, ensureHub, &networkinternalv1.EnsureHubRequest{}); errs.ReasonOf(err) != authz.ReasonDenied {
		t.Errorf("an internal method with the best token there is: %v", err)
	}
	for _, open := range []string{"/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"} {
		if _, err := g.Authenticate(t.Context(), open); err != nil {
			t.Errorf("%s: %v", open, err)
		}
	}
	for _, closed := range []string{"/grpc.health.v1.Healthy/Check", "/lowlayer.x/Y", "", "/grpc.channelz.v1.Channelz/GetServers"} {
		if _, err := g.Authenticate(t.Context(), closed); err == nil {
			t.Errorf("%q is open", closed)
		}
	}
}

// asPeer is the context of a call over a connection with the certificate of that path.
func asPeer(ctx context.Context, service string) context.Context {
	return peer.NewContext(ctx, &peer.Peer{AuthInfo: credentials.TLSInfo{SPIFFEID: &url.URL{Scheme: "spiffe", Host: "x.test", Path: "/" + service}}})
}

// TestGuard_service_callsListedMethods is the matrix of services × methods, from the descriptors.
func TestGuard_service_callsListedMethods(t *testing.T) {
	g, i := newGuard(t)
	methods, err := authz.LinkedMethods()
	if err != nil {
		t.Fatal(err)
	}
	token := metadata.MD{"authorization": {"Bearer " + i.Token(t, "op", []string{"/platform/operator"}, identitytest.SteppedUp())}}
	services := []string{"tenant", "network", "bastion", "cluster", "catalog", "metering", access.Gateway, access.Operator, "", "Tenant", "tenant/x"}
	listed, calls := 0, 0
	for full, m := range methods {
		for _, caller := range services {
			calls++
			ctx := asPeer(t.Context(), caller)
			_, before := g.Authenticate(ctx, full)
			_, after := g.Authorize(ctx, full, nil)
			may := slices.Contains(m.Callers, caller)
			if may {
				listed++
			}
			want := errs.PermissionDenied
			if caller == access.Gateway || caller == access.Operator {
				want = errs.Unauthenticated
			}
			for _, err := range []error{before, after} {
				if may != (err == nil) || (err != nil && errs.CodeOf(err) != want) {
					t.Errorf("%s by %q without a token: %v", full, caller, err)
				}
			}
			// A service is none that passes on what users call, whatever token it got hold of.
			if _, err := g.Authenticate(metadata.NewIncomingContext(ctx, token), full); !may && want == errs.PermissionDenied && errs.ReasonOf(err) != access.ReasonPeerNotAllowed {
				t.Errorf("%s by %q with a token: %v", full, caller, err)
			}
		}
	}
	if listed == 0 {
		t.Error("no service may call anything")
	}
	t.Logf("%d pairs, of which %d are listed", calls, listed)
}

func TestGuard_noIssuer_isNil(t *testing.T) {
	g, err := access.New(access.Settings{}, nil, nil)
	if g != nil || err != nil {
		t.Fatalf("got %v, %v", g, err)
	}
	ctx, err := g.Authenticate(t.Context(), getTenant)
	if err != nil || ctx != t.Context() {
		t.Error(err)
	}
	if ctx, err = g.Authorize(ctx, getTenant, nil); err != nil || ctx == nil {
		t.Error(err)
	}
	if e, err := g.Explain(ctx, "x", ""); err != nil || !e.Allowed {
		t.Error(e, err)
	}
	if err := g.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	type settings struct {
		Access access.Settings
	}
	const prefix = "LOWLAYER_X_"
	for name, c := range map[string]struct {
		environ []string
		wrong   string
	}{
		"none":                     {nil, ""},
		"all":                      {[]string{"ISSUER=https://id/realms/lowlayer", "TLS_DIR=/tls"}, ""},
		"no certificates":          {[]string{"ISSUER=https://id/realms/lowlayer"}, "TLS_DIR"},
		"no address":               {[]string{"ISSUER=lowlayer", "TLS_DIR=/tls"}, "ISSUER"},
		"a password in it":         {[]string{"ISSUER=https://u:p@id/realms/lowlayer", "TLS_DIR=/tls"}, "ISSUER"},
		"an issuer anybody can be": {[]string{"ISSUER=http://id.example.com/realms/lowlayer", "TLS_DIR=/tls"}, "ISSUER"},
		"keys anybody can give":    {[]string{"ISSUER=https://id/realms/lowlayer", "JWKS_URL=http://id/keys", "TLS_DIR=/tls"}, "JWKS_URL"},
		"on this machine":          {[]string{"ISSUER=http://127.0.0.1:5200/realms/lowlayer", "JWKS_URL=http://localhost:5200/keys", "TLS_DIR=/tls"}, ""},
		"keys alone":               {[]string{"JWKS_URL=https://id/keys"}, "ISSUER"},
		"no audience":              {[]string{"ISSUER=https://id/realms/lowlayer", "AUDIENCE=", "TLS_DIR=/tls"}, ""}, // empty takes the default
	} {
		var environ []string
		for _, e := range c.environ {
			environ = append(environ, prefix+e)
		}
		cfg, err := config.Load[settings](prefix, environ)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var wrong []string
		for _, p := range cfg.Access.Problems() {
			wrong = append(wrong, p.Variable)
		}
		if strings.Join(wrong, " ") != c.wrong {
			t.Errorf("%s: got %v", name, wrong)
		}
	}
}

// BenchmarkWarm is what every call costs once its token was seen: no SQL, no call to anybody.
func BenchmarkWarm(b *testing.B) {
	g, i := newGuard(b)
	ctx := metadata.NewIncomingContext(b.Context(), metadata.MD{"authorization": {"Bearer " + i.Token(b, "a", []string{"/tenants/acme/operator"})}})
	request := &networkv1.CreateVpcRequest{Parent: "tenants/acme/organisations/core"}
	b.ReportAllocs()
	for b.Loop() {
		caller, err := g.Authenticate(ctx, networkv1.VpcService_CreateVpc_FullMethodName)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := g.Authorize(caller, networkv1.VpcService_CreateVpc_FullMethodName, request); err != nil {
			b.Fatal(err)
		}
	}
}

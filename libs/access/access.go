// Package access joins authentication (libs/identity) and authorization (libs/authz) to the hooks of a server.
//
// A Guard works in this order. It identifies the caller first: an unknown caller learns nothing, not even whether the
// request was well formed. Then the server validates the request, and the guard decides. A service of the platform
// (rpc.Peer) may call the methods whose rule lists it under callers, without a user's token. The gateway forwards calls
// of users, and operators call by hand with their own certificate: both need a token. No other service may call
// anything. Health checks and reflection show nothing of any tenant and need no token. Methods of `*.internal.*`
// packages are only for the listed services, whatever the token.
//
// Without an issuer there is no Guard. A nil Guard lets every call pass: the platform then serves this machine only.
package access

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/loopback"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/pg/scope"
	"github.com/low-layer/platform/libs/rpc"
)

// Settings are those that every program has that users' calls reach.
type Settings struct {
	// Issuer is the URL of the realm that signs trusted tokens. Without one, callers are not authenticated.
	Issuer string `env:"ISSUER"`
	// Audience is what tokens must be for.
	Audience string `env:"AUDIENCE" envDefault:"lowlayer-api"`
	// JWKSURL is where the issuer's keys are; below the issuer, where Keycloak has them, when empty.
	JWKSURL string `env:"JWKS_URL"`
	// TLSDir is a folder with tls.crt, tls.key and ca.crt, by which services authenticate one another (libs/mtls). It is
	// required with an issuer.
	TLSDir string `env:"TLS_DIR"`
}

// Identity reads what the service of that name shows of itself; nil without a folder.
func (s Settings) Identity(service string, logger *slog.Logger) (*mtls.Identity, error) {
	if s.TLSDir == "" {
		return nil, nil //nolint:nilnil // see above
	}
	return mtls.Open(s.TLSDir, service, logger)
}

// Problems are what is wrong beyond the form of the values.
func (s Settings) Problems() []config.Problem {
	var out []config.Problem
	for variable, value := range map[string]string{"ISSUER": s.Issuer, "JWKS_URL": s.JWKSURL} {
		if value == "" {
			continue
		}
		switch u, err := url.Parse(value); {
		case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil:
			out = append(out, config.Problem{Variable: variable, Text: "is not an address: give for example https://id.example.com/realms/lowlayer"})
		case !loopback.Secure(u):
			out = append(out, config.Problem{Variable: variable, Text: "is http to another machine, so whoever is on the way could give out signing keys: give an https address"})
		}
	}
	if s.Issuer != "" && s.Audience == "" {
		out = append(out, config.Problem{Variable: "AUDIENCE", Text: "is empty, so tokens for anything would do: give for example lowlayer-api"})
	}
	if s.Issuer == "" && s.JWKSURL != "" {
		out = append(out, config.Problem{Variable: "ISSUER", Text: "is not set beside JWKS_URL, so nobody would be authenticated: set both or neither"})
	}
	if s.Issuer != "" && s.TLSDir == "" {
		out = append(out, config.Problem{
			Variable: "TLS_DIR",
			Text: "is not set beside ISSUER, so services could not show one another who they are: give a folder with tls.crt, tls.key and ca.crt, " +
				"in which the certificate names this service as spiffe://your.domain/service",
		})
	}
	return out
}

// ReasonPeerNotAllowed is that of a call of a service that the method is not for.
const ReasonPeerNotAllowed = "PEER_NOT_ALLOWED"

const (
	// Gateway is the service that passes on what users call.
	Gateway = "gateway"
	// Operator is the subject of the operators' client certificate. Operators call services by hand, with a token of
	// their own.
	Operator = "operator"
)

// identifyLimit bounds what has no deadline of its own.
const identifyLimit = 10 * time.Second

// Guard decides about calls. It is safe for use by several goroutines.
type Guard struct {
	verifier   *identity.Verifier
	authorizer *authz.Authorizer
	methods    authz.Methods
}

// New makes the guard of the settings; nil when they name no issuer. Run keeps its keys.
func New(s Settings, logger *slog.Logger, c clock.Clock) (*Guard, error) {
	if s.Issuer == "" {
		return nil, nil //nolint:nilnil // see the package's comment
	}
	methods, err := authz.LinkedMethods()
	if err != nil {
		return nil, err
	}
	authorizer, err := authz.New(methods)
	if err != nil {
		return nil, err
	}
	return &Guard{
		verifier: identity.NewVerifier(identity.Config{
			Issuer: s.Issuer, Audience: s.Audience, JWKSURL: s.JWKSURL, Logger: logger, Clock: c,
		}),
		authorizer: authorizer, methods: methods,
	}, nil
}

// Run keeps the issuer's keys until ctx ends.
func (g *Guard) Run(ctx context.Context) error {
	if g == nil {
		return nil
	}
	return g.verifier.Run(ctx)
}

// Identify returns the context of the caller with these authorization headers. Limit bounds the time it may take when
// the issuer must be asked; the returned context has no such limit.
func (g *Guard) Identify(ctx context.Context, headers []string, limit time.Duration) (context.Context, error) {
	if g == nil {
		return ctx, nil
	}
	token, err := identity.Bearer(headers)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p, err := g.verifier.Verify(bounded, token)
	if err != nil {
		return nil, err
	}
	ctx = identity.With(ctx, p)
	if tenants, all := authz.Tenants(p); !all {
		ctx = scope.With(ctx, tenants)
	}
	return ctx, nil
}

// Authenticate is a server's hook before a request is looked at.
func (g *Guard) Authenticate(ctx context.Context, method string) (context.Context, error) {
	if g == nil || open(method) {
		return ctx, nil
	}
	if listed, err := g.service(ctx, method); listed || err != nil {
		return ctx, err
	}
	return g.Identify(ctx, metadata.ValueFromIncomingContext(ctx, "authorization"), identifyLimit)
}

// Authorize is a server's hook once a request is valid.
func (g *Guard) Authorize(ctx context.Context, method string, request proto.Message) (context.Context, error) {
	if g == nil || open(method) {
		return ctx, nil
	}
	if listed, err := g.service(ctx, method); listed || err != nil {
		return ctx, err
	}
	p, ok := identity.From(ctx)
	if !ok {
		return nil, errs.New(errs.Unauthenticated, identity.ReasonMissing, "the call has no caller; log in with `lowlayer login`")
	}
	return g.decide(ctx, p, method, request)
}

// service reports whether a service of the platform makes the call by itself, and may. The gateway, and a caller without
// a certificate, need a user's token.
func (g *Guard) service(ctx context.Context, method string) (listed bool, err error) {
	caller, ok := rpc.Peer(ctx)
	if !ok || caller == Gateway || caller == Operator {
		return false, nil
	}
	if m := g.methods[method]; m != nil && slices.Contains(m.Callers, caller) {
		return true, nil
	}
	return false, errs.New(errs.PermissionDenied, ReasonPeerNotAllowed, "the service %q may not call %s; its rule lists who may", caller, method)
}

// Explain says what the caller lacks for a permission on a resource.
func (g *Guard) Explain(ctx context.Context, permission, resource string) (authz.Explanation, error) {
	if g == nil {
		return authz.Explanation{Allowed: true}, nil
	}
	p, ok := identity.From(ctx)
	if !ok {
		return authz.Explanation{}, errs.New(errs.Unauthenticated, identity.ReasonMissing, "the call has no caller; log in with `lowlayer login`")
	}
	return g.authorizer.Explain(p, permission, resource)
}

// open are methods without a token: they show nothing of any tenant.
func open(method string) bool {
	return strings.HasPrefix(method, "/grpc.health.v1.Health/") || strings.HasPrefix(method, "/grpc.reflection.")
}

// Package gate authenticates, authorizes and limits every call of the API at the edge.
//
// Budgets come last. Only authorized calls spend a tenant's budget, so that no stranger can spend it. Refused calls
// count against the caller alone, and unauthenticated ones against their address. So every caller has a limit, and a
// refusal is the same for existing and absent resources. The address is the connection's; headers are not trusted.
package gate

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/services/gateway/internal/api/refusal"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"
	"github.com/low-layer/platform/services/gateway/internal/limit"

	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"
)

// Gate lets calls pass. A nil one lets everything pass.
type Gate struct {
	timeout time.Duration
	guard   *access.Guard
	limits  *limit.Limiter
	methods map[string]method
	// refusals has what is refused recorded.
	refusals *refusal.Recorder
}

// method is how calls of an RPC are counted.
type method struct {
	class limit.Class
	// tenant is where a request says which tenant it concerns.
	tenant path
}

// New makes a gate; without a guard, which is nil, everybody may do everything. Timeout is what a call has.
func New(guard *access.Guard, limits *limit.Limiter, routes *route.Table, refusals *refusal.Recorder, timeout time.Duration) (*Gate, error) {
	declared, err := authz.LinkedMethods()
	if err != nil {
		return nil, err
	}
	g := &Gate{guard: guard, limits: limits, methods: make(map[string]method), refusals: refusals, timeout: timeout}
	for name, d := range declared {
		if m, ok := routes.Method(d.Full); ok {
			g.methods[name] = method{classOf(m.Rule.GetRate()), pathTo(m.Descriptor.Input(), d.Field)}
		}
	}
	return g, nil
}

func classOf(r authzv1.RateClass) limit.Class {
	switch r {
	case authzv1.RateClass_LIST:
		return limit.List
	case authzv1.RateClass_MUTATE:
		return limit.Mutate
	case authzv1.RateClass_STREAM:
		return limit.Stream
	default:
		return limit.Get
	}
}

// Guarded is true when callers are identified.
func (g *Gate) Guarded() bool { return g != nil && g.guard != nil }

// Identify returns the context of the caller, within the call's time. After an error Refuse must count the call.
func (g *Gate) Identify(ctx context.Context, tokens []string) (context.Context, error) {
	if g == nil {
		return ctx, nil
	}
	return g.guard.Identify(ctx, tokens, g.timeout)
}

// Admit decides whether the caller may make a call, and counts it. Remote is where a REST request comes from; of a gRPC call
// the context knows.
func (g *Gate) Admit(ctx context.Context, full, remote string, request proto.Message) (context.Context, limit.Answer, error) {
	if g == nil {
		return ctx, limit.Answer{}, nil
	}
	admitted, err := g.guard.Authorize(ctx, full, request)
	if err != nil {
		answer, err := g.Refuse(ctx, full, remote, err)
		return ctx, answer, err
	}
	m := g.methods[full]
	answer, over := g.limits.Take(ctx, m.class, m.tenant.in(request.ProtoReflect()), caller(ctx, remote))
	return admitted, answer, orNil(over)
}

// Record has a call recorded that Admit refused with an error. The context is that of a call to a service on behalf of the
// caller.
func (g *Gate) Record(ctx context.Context, full string, request proto.Message, err error) {
	if g != nil {
		g.refusals.Record(ctx, full, request, err)
	}
}

// Count counts a call by its raw request. It is for a gate without a guard.
func (g *Gate) Count(ctx context.Context, full string, request []byte) (limit.Answer, error) {
	if g == nil {
		return limit.Answer{}, nil
	}
	m := g.methods[full]
	answer, over := g.limits.Take(ctx, m.class, m.tenant.inBytes(request), caller(ctx, ""))
	return answer, orNil(over)
}

// Refuse counts a call refused for another reason, and returns that reason unless there were too many.
func (g *Gate) Refuse(ctx context.Context, full, remote string, reason error) (limit.Answer, error) {
	if g == nil {
		return limit.Answer{}, reason
	}
	var answer limit.Answer
	var over *errs.Error
	if _, known := identity.From(ctx); g.guard != nil && !known {
		answer, over = g.limits.TakeStranger(ctx, address(ctx, remote))
	} else {
		answer, over = g.limits.Take(ctx, g.methods[full].class, "", caller(ctx, remote))
	}
	if over != nil {
		return answer, over
	}
	return answer, reason
}

func orNil(e *errs.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// caller is the owner of the budget of a call.
func caller(ctx context.Context, remote string) string {
	if p, ok := identity.From(ctx); ok {
		return p.Subject
	}
	return address(ctx, remote)
}

// network is the prefix of an IPv6 address that identifies a customer.
const network = 64

// address is where a call comes from: an IPv4 address, or the network of an IPv6 one.
func address(ctx context.Context, remote string) string {
	var at netip.Addr
	if p, ok := peer.FromContext(ctx); ok && remote == "" {
		if tcp, ok := p.Addr.(*net.TCPAddr); ok {
			at = tcp.AddrPort().Addr()
		}
	} else if parsed, err := netip.ParseAddrPort(remote); err == nil {
		at = parsed.Addr()
	}
	at = at.Unmap().WithZone("")
	if at.Is6() {
		if prefix, err := at.Prefix(network); err == nil {
			at = prefix.Addr()
		}
	}
	return at.String()
}

const tenants = "tenants/"

// tenantOf is the id of the tenant that a resource lies in; empty when it lies in none.
func tenantOf(resource string) string {
	rest, ok := strings.CutPrefix(resource, tenants)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	// No tenant has such a name, so it gets no budget.
	if len(id) > maxTenant {
		return ""
	}
	return id
}

const maxTenant = 40

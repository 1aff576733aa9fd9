package trail

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/rpc"
)

// call is what is known of a call that is to be recorded.
type call struct {
	// id is that of its record: there is one at most.
	id       string
	method   *authz.Method
	full     string
	resource string
	plans    bool
	actor    audit.Actor
	behalf   *audit.Actor
	// stranger is true for an actor without a role in the tenant.
	stranger bool
	request  string
	trace    string
	// appended is true once a transaction holds its record, which may yet be rolled back.
	appended atomic.Bool
	// replayed is true when the call repeats an earlier response.
	replayed atomic.Bool
}

type contextKey struct{}

func of(ctx context.Context) *call {
	c, _ := ctx.Value(contextKey{}).(*call)
	return c
}

// Begin notes the caller and the method. rpc.Server calls it once the caller is known.
func (t *Trail) Begin(ctx context.Context, method string, request proto.Message) context.Context {
	m := t.methods[method]
	if m == nil || !m.Audited() {
		return ctx
	}
	c := &call{
		id: ids.New("aud_" + t.cfg.Service), method: m, full: strings.ReplaceAll(strings.TrimPrefix(m.Full, "/"), "/", "."),
		resource: m.Concerned(request), plans: m.Plans(request), actor: actorOf(ctx), request: rpc.RequestID(ctx),
	}
	c.stranger = c.actor.Kind == audit.Anonymous
	if p, ok := identity.From(ctx); ok {
		tenants, all := authz.Tenants(p)
		c.stranger = !all && !slices.Contains(tenants, tenantOf(c.resource))
	}
	if said, ok := behalf.Said(ctx); ok {
		c.behalf = &said
	}
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		c.trace = sc.TraceID().String()
	}
	return context.WithValue(ctx, contextKey{}, c)
}

func actorOf(ctx context.Context) audit.Actor {
	if a, ok := behalf.User(ctx); ok {
		return a
	}
	// A service that calls by itself is known by its certificate; the gateway passes on what others call.
	if service, ok := behalf.Service(ctx); ok {
		return audit.Actor{Kind: audit.Service, Subject: service}
	}
	return audit.Actor{Kind: audit.Anonymous, Subject: "anonymous"}
}

// Replayed notes that the call gets the response of an earlier one.
func Replayed(ctx context.Context) {
	if c := of(ctx); c != nil {
		c.replayed.Store(true)
	}
}

// End records a call that left no record with a change, and returns when the record is committed. rpc.Server calls it before it
// responds, with the error it responds with, nil for success.
func (t *Trail) End(ctx context.Context, failure *errs.Error) {
	c := of(ctx)
	if c == nil || c.plans || (failure == nil && (c.appended.Load() || c.replayed.Load())) {
		return
	}
	r := lateRecord{call: c, code: codeOK}
	if failure != nil {
		r.code, r.reason = codeName(failure.Code), failure.Reason
	}
	t.record(ctx, r)
}

// whole is true when the record shows resources whole.
func (c *call) whole() bool { return c.method.Audit == authzv1.AuditClass_SENSITIVE }

// record is what the record of the call says in any case.
func (c *call) record() audit.Record {
	return audit.Record{
		Actor: c.actor, OnBehalfOf: c.behalf, Method: c.full, Permission: c.method.Permission, Resource: c.resource, RequestID: c.request, TraceID: c.trace,
	}
}

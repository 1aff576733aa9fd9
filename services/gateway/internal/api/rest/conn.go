package rest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/low-layer/platform/gen/gateway"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/plaintext"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/services/gateway/internal/api/gate"
	"github.com/low-layer/platform/services/gateway/internal/api/local"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Register makes the routes of a backend known: those of the services in its proto packages.
func (h *Handler) Register(ctx context.Context, b client.Backend) error {
	return h.register(ctx, b, func(service string) bool { return strings.HasPrefix(service, "lowlayer."+b.Name+".") })
}

// Own makes the routes of a service known that the edge serves itself.
func (h *Handler) Own(ctx context.Context, s interface{ Register(r grpc.ServiceRegistrar) }) error {
	r := &registrar{ctx: ctx, handler: h}
	s.Register(r)
	return r.err
}

func (h *Handler) register(ctx context.Context, b client.Backend, its func(service string) bool) error {
	for _, s := range gateway.Services {
		if !its(s.Name) {
			continue
		}
		if err := s.Register(ctx, h.mux, &conn{ClientConnInterface: b.Conn, backend: b.Name, gate: h.cfg.Gate}); err != nil {
			return fmt.Errorf("register the routes of %s: %w", s.Name, err)
		}
	}
	return nil
}

// registrar registers the routes of services in this process.
type registrar struct {
	ctx     context.Context //nolint:containedctx // that of one registration
	handler *Handler
	err     error
}

// RegisterService makes the routes of one service known.
func (r *registrar) RegisterService(d *grpc.ServiceDesc, server any) {
	b := client.Backend{Name: registry.Gateway, Conn: local.New(*d, server)}
	r.err = errors.Join(r.err, r.handler.register(r.ctx, b, func(service string) bool { return service == d.ServiceName }))
}

// conn is a connection to a backend on behalf of a REST caller.
type conn struct {
	grpc.ClientConnInterface
	backend string
	gate    *gate.Gate
}

// admit decides whether the caller may, and counts the call. Services decide again by themselves: this is the first of two
// walls.
func (n *conn) admit(ctx context.Context, method string, args any) (context.Context, error) {
	request, ok := args.(proto.Message)
	if !ok {
		return nil, errs.Internal(fmt.Errorf("authorize %s: a %T is no message", method, args)) //nolint:err113 // for the log
	}
	remote, c := "", callOf(ctx)
	if c != nil {
		remote = c.remote
	}
	ctx, answer, err := n.gate.Admit(ctx, method, remote, request)
	if c != nil && !c.counted {
		c.counted = true
		answer.Header(c.header)
	}
	return ctx, err //nolint:wrapcheck // an error of the API
}

// Invoke completes the request with what its headers say and sends it.
func (n *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	c := callOf(ctx)
	if c == nil {
		return client.Error(n.ClientConnInterface.Invoke(ctx, method, args, reply, opts...), n.backend, "")
	}
	c.sent = true
	if request, ok := args.(proto.Message); ok && c.verb != "GET" {
		if e := c.complete(request.ProtoReflect()); e != nil {
			return e
		}
	}
	if request, ok := args.(proto.Message); ok {
		if fields := plaintext.Check(request); len(fields) > 0 {
			return errs.Invalid(fields...)
		}
	}
	admitted, err := n.admit(ctx, method, args)
	if err != nil {
		if request, ok := args.(proto.Message); ok {
			n.gate.Record(client.Outgoing(ctx, c.tokens, c.id), method, request, err)
		}
		return err
	}
	ctx = client.Outgoing(admitted, c.tokens, c.id)
	return client.Error(n.ClientConnInterface.Invoke(ctx, method, args, reply, opts...), n.backend, c.id)
}

// complete puts what headers say into the fields they stand for. A field that says something else is an error: which of
// the two was meant cannot be known.
func (c *call) complete(m protoreflect.Message) error {
	if c.idempotencyKey != "" && !set(m, []protoreflect.FieldDescriptor{c.route.RequestID}, c.idempotencyKey) {
		return errs.InvalidAs(problem.InvalidHeader, errs.Field(idempotencyKey, "differs from request_id; give one of them"))
	}
	if c.ifMatch != "" && !set(m, c.route.Etag, c.ifMatch) {
		return errs.InvalidAs(problem.InvalidHeader, errs.Field(ifMatch, "differs from the etag in the body or query; give one of them"))
	}
	if f := m.Descriptor().Fields().ByName(route.ValidateOnly); f != nil && c.validateOnly {
		m.Set(f, protoreflect.ValueOfBool(true))
	}
	if c.route.Verb == "PATCH" && !c.masked {
		c.trim(m)
	}
	return nil
}

// set fills a field that is empty; false when it holds something else.
func set(m protoreflect.Message, path []protoreflect.FieldDescriptor, value string) bool {
	for _, f := range path[:len(path)-1] {
		m = m.Mutable(f).Message()
	}
	last := path[len(path)-1]
	if old := m.Get(last).String(); old != "" {
		return old == value
	}
	m.Set(last, protoreflect.ValueOfString(value))
	return true
}

// trim takes fields that callers cannot change out of a mask that was made from the body, so that a resource can be sent
// back as it was read with one field changed.
func (c *call) trim(m protoreflect.Message) {
	f := m.Descriptor().Fields().ByName("update_mask")
	if f == nil || !m.Has(f) || c.route.BodyMessage == nil {
		return
	}
	mask, ok := m.Mutable(f).Message().Interface().(*fieldmaskpb.FieldMask)
	if !ok {
		return
	}
	mask.Paths = slices.DeleteFunc(mask.GetPaths(), func(p string) bool { return fixed(c.route.BodyMessage, p) })
}

func fixed(m protoreflect.MessageDescriptor, path string) bool {
	top, _, _ := cut(path)
	f := m.Fields().ByName(protoreflect.Name(top))
	if f == nil {
		return false
	}
	behaviours, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return top == "etag" || slices.ContainsFunc(behaviours, func(b annotations.FieldBehavior) bool {
		return b == annotations.FieldBehavior_OUTPUT_ONLY || b == annotations.FieldBehavior_IDENTIFIER
	})
}

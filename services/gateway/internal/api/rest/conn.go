package rest

import (
	"context"
	"fmt"
	"slices"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/api/gate"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Registration makes the routes of one service known.
type Registration func(ctx context.Context, h *Handler, conn grpc.ClientConnInterface) error

// Service is the registration of a service from its two generated functions: that makes a client of a connection, and
// that registers the client's routes with the mux.
func Service[C any](newClient func(grpc.ClientConnInterface) C, register func(context.Context, *runtime.ServeMux, C) error) Registration {
	return func(ctx context.Context, h *Handler, conn grpc.ClientConnInterface) error {
		return register(ctx, h.mux, newClient(conn))
	}
}

// Register makes the routes of a backend's services known.
func (h *Handler) Register(ctx context.Context, b client.Backend, services ...Registration) error {
	for _, register := range services {
		if err := register(ctx, h, &conn{ClientConnInterface: b.Conn, backend: b.Name, gate: h.cfg.Gate}); err != nil {
			return fmt.Errorf("register the routes of %s: %w", b.Name, err)
		}
	}
	return nil
}

// Mux is where services that the edge answers itself register.
func (h *Handler) Mux() *runtime.ServeMux { return h.mux }

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

package proxy

import (
	"context"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Guard says who is calling and what he may. Services decide again by themselves: this is the first of two walls.
type Guard interface {
	Identify(ctx context.Context, headers []string) (context.Context, error)
	Authorize(ctx context.Context, method string, request proto.Message) (context.Context, error)
}

// Refusals has what the edge refuses recorded. The context is that of a call to a service on behalf of the caller.
type Refusals interface {
	Record(ctx context.Context, method string, request proto.Message)
}

// admit decides about a message before it is passed on, with the context out. It is read for that, which is the one thing that
// needs a guard.
func (p *Proxy) admit(ctx, out context.Context, m *route.Method, f *frame) error {
	if p.guard == nil {
		return nil
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Descriptor.Input().FullName())
	if err != nil {
		return errs.Internal(err)
	}
	request := kind.New().Interface()
	if err := proto.Unmarshal(f.data.Materialize(), request); err != nil {
		return errs.InvalidAs(errs.ReasonInvalidFields, errs.Field("(request)", "is not a %s; send one", m.Descriptor.Input().Name()))
	}
	if _, err = p.guard.Authorize(ctx, m.Full, request); err != nil {
		p.refusals.Record(out, m.Full, request)
	}
	return err //nolint:wrapcheck // an error of the API
}

// admitted is a stream of which only messages pass that the caller may send.
type admitted struct {
	grpc.ServerStream
	proxy  *Proxy
	method *route.Method
	ctx    context.Context //nolint:containedctx // that of the identified caller
	out    context.Context //nolint:containedctx // that of the call to the service
}

// RecvMsg receives a frame.
func (s *admitted) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err //nolint:wrapcheck // a status already
	}
	f, ok := m.(*frame)
	if !ok {
		return nil
	}
	err := s.proxy.admit(s.ctx, s.out, s.method, f)
	if err != nil {
		f.free()
	}
	return err
}

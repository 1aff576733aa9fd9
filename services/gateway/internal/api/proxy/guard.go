package proxy

import (
	"context"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/plaintext"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"
	"github.com/low-layer/platform/services/gateway/internal/limit"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// admit authorizes and counts a message before it is passed on with the context out. Without a guard it only searches
// the message for its tenant.
func (p *Proxy) admit(ctx, out context.Context, m *route.Method, f *frame) (limit.Answer, error) {
	if p.gate == nil {
		return limit.Answer{}, nil
	}
	data := f.bytes()
	if !p.gate.Guarded() {
		return p.gate.Count(ctx, m.Full, data)
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Descriptor.Input().FullName())
	if err != nil {
		return limit.Answer{}, errs.Internal(err)
	}
	request := kind.New().Interface()
	if err := plaintext.Unmarshal(data, request); err != nil {
		return p.gate.Refuse(ctx, m.Full, "", errs.InvalidAs(errs.ReasonInvalidFields,
			errs.Field("(request)", "is not a %s; send one", m.Descriptor.Input().Name())))
	}
	if fields := plaintext.Check(request); len(fields) > 0 {
		return p.gate.Refuse(ctx, m.Full, "", errs.Invalid(fields...))
	}
	_, answer, err := p.gate.Admit(ctx, m.Full, "", request)
	if err != nil {
		p.gate.Record(out, m.Full, request, err)
	}
	return answer, err
}

// admitted is a stream of which only messages pass that the caller may send.
type admitted struct {
	grpc.ServerStream
	proxy  *Proxy
	method *route.Method
	ctx    context.Context //nolint:containedctx // that of the identified caller
	out    context.Context //nolint:containedctx // that of the call to the service
}

// RecvMsg receives a frame. The response's headers hold the remaining budget, unless they were sent already, as on a
// stream.
func (s *admitted) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err //nolint:wrapcheck // a status already
	}
	f, ok := m.(*frame)
	if !ok {
		return nil
	}
	answer, err := s.proxy.admit(s.ctx, s.out, s.method, f)
	_ = s.SetHeader(answer.Metadata(metadata.MD{}))
	if err != nil {
		f.free()
	}
	return err
}

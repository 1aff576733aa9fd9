// Package proxy passes gRPC calls on to their service, without changing the messages.
//
// A call arrives as it was sent, and its response as the service sent it, with headers, trailers and the details of its
// status. Only public methods pass, all others are UNIMPLEMENTED. Of the caller's metadata only the token, the request
// id and the trace go on.
package proxy

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/gate"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// RequestIDKey is the metadata key of request ids.
const RequestIDKey = "x-request-id"

// Backends find the service of a method.
type Backends interface {
	Find(name string) (client.Backend, bool)
}

// Proxy passes calls on.
type Proxy struct {
	routes   *route.Table
	backends Backends
	codec    Codec
	gate     *gate.Gate
}

// New makes a proxy; without a gate, which is nil, it passes on what anybody sends.
func New(routes *route.Table, backends Backends, g *gate.Gate) *Proxy {
	return &Proxy{routes: routes, backends: backends, codec: NewCodec(), gate: g}
}

// Handle passes one call on; it is a handler for unknown services.
func (p *Proxy) Handle(_ any, in grpc.ServerStream) error {
	full, _ := grpc.MethodFromServerStream(in)
	id := RequestID(in.Context())
	// This comes first: an unauthenticated caller does not learn which methods exist.
	caller, err := p.gate.Identify(in.Context(), client.Tokens(in.Context()))
	if err != nil {
		return p.refuse(in.Context(), in, full, id, err)
	}
	method, ok := p.routes.Method(full)
	if !ok {
		return p.refuse(caller, in, full, id, errUnknown())
	}
	backend, ok := p.backends.Find(method.Backend)
	if !ok {
		return p.refuse(caller, in, full, id, errUnknown())
	}
	// A header that is set goes out with the first message or the status.
	if err := in.SetHeader(metadata.MD{RequestIDKey: {id}}); err != nil {
		return client.Error(err, backend.Name, id)
	}
	ctx := client.Outgoing(in.Context(), client.Tokens(in.Context()), id)
	in = &admitted{in, p, method, caller, ctx}
	if method.Streaming() {
		return client.Error(p.stream(ctx, in, backend, full), backend.Name, id)
	}
	return client.Error(p.unary(ctx, in, backend, full), backend.Name, id)
}

// RequestID is the id of a call: its present one, the caller's if it can be logged, else a new one.
func RequestID(ctx context.Context) string {
	if id := rpc.RequestID(ctx); id != "" {
		return id
	}
	if v := metadata.ValueFromIncomingContext(ctx, RequestIDKey); len(v) == 1 && rpc.ValidRequestID(v[0]) {
		return v[0]
	}
	return rpc.NewRequestID()
}

// refuse ends a call that is not even looked at, and counts it.
func (p *Proxy) refuse(caller context.Context, in grpc.ServerStream, full, id string, reason error) error {
	answer, err := p.gate.Refuse(caller, full, "", reason)
	// It fails only after headers were sent.
	_ = in.SetHeader(answer.Metadata(metadata.MD{RequestIDKey: {id}}))
	return grpcerr.Status(grpcerr.Mask(err), id).Err() //nolint:wrapcheck // a status is what gRPC sends
}

func errUnknown() error {
	return errs.New(errs.Unimplemented, problem.MethodNotFound,
		"the edge serves no such method; list the services it serves by reflection and check the name")
}

// unary passes one message each way.
func (p *Proxy) unary(ctx context.Context, in grpc.ServerStream, b client.Backend, method string) error {
	var request, response frame
	if err := in.RecvMsg(&request); err != nil {
		return err //nolint:wrapcheck // a status already
	}
	var header, trailer metadata.MD
	err := b.Conn.Invoke(ctx, method, &request, &response,
		grpc.ForceCodecV2(p.codec), grpc.Header(&header), grpc.Trailer(&trailer))
	request.free()
	in.SetTrailer(passable(trailer))
	if err != nil {
		return err //nolint:wrapcheck // a status already
	}
	defer response.free()
	if h := passable(header); len(h) > 0 {
		if err := in.SetHeader(h); err != nil {
			return err //nolint:wrapcheck // a status already
		}
	}
	return in.SendMsg(&response) //nolint:wrapcheck // a status already
}

// stream passes messages both ways until the service ends the call.
func (p *Proxy) stream(ctx context.Context, in grpc.ServerStream, b client.Backend, method string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	desc := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	out, err := b.Conn.NewStream(ctx, desc, method, grpc.ForceCodecV2(p.codec))
	if err != nil {
		cancel(nil)
		return err //nolint:wrapcheck // a status already
	}
	go upload(in, out, cancel)
	err = download(in, out)
	if refused, ok := errs.As(context.Cause(ctx)); ok {
		err = refused // a message of the caller, on account of which the call was cancelled
	}
	in.SetTrailer(passable(out.Trailer()))
	// Receiving from the caller ends with the handler, which the goroutine therefore cannot be waited for; cancelling
	// ends what it sends.
	cancel(nil)
	return err
}

// upload passes the caller's messages on. A caller that breaks off cancels the call.
func upload(in grpc.ServerStream, out grpc.ClientStream, cancel context.CancelCauseFunc) {
	for {
		var f frame
		err := in.RecvMsg(&f)
		if errors.Is(err, io.EOF) {
			if err := out.CloseSend(); err != nil {
				cancel(err)
			}
			return
		}
		if err != nil {
			cancel(err)
			return
		}
		err = out.SendMsg(&f)
		f.free()
		if err != nil {
			// The service has ended the call; why is what download receives.
			return
		}
	}
}

// download passes the service's messages on, and returns its status.
func download(in grpc.ServerStream, out grpc.ClientStream) error {
	header, err := out.Header()
	if err != nil {
		return err //nolint:wrapcheck // a status already
	}
	if header != nil {
		// Sent now, not with the first message: a stream may be silent for long.
		if err := in.SendHeader(passable(header)); err != nil {
			return err //nolint:wrapcheck // a status already
		}
	}
	for {
		var f frame
		err := out.RecvMsg(&f)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err //nolint:wrapcheck // a status already
		}
		err = in.SendMsg(&f)
		f.free()
		if err != nil {
			return err //nolint:wrapcheck // a status already
		}
	}
}

// passable is the metadata of a service without what the edge sets itself.
func passable(md metadata.MD) metadata.MD {
	for k := range md {
		if k == RequestIDKey || k == "content-type" || strings.HasPrefix(k, "grpc-") {
			delete(md, k)
		}
	}
	return md
}

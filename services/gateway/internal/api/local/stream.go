package local

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/low-layer/platform/libs/errs"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// NewStream opens a stream of a method with one request and many responses. The server runs from CloseSend to its end,
// or to that of the context, and is never ahead by more than one message.
func (l *Conn) NewStream(ctx context.Context, d *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	m, ok := l.streams[method]
	if !ok || d.ClientStreams {
		return nil, status.Errorf(codes.Unimplemented, "no stream %s", method)
	}
	if md, ok := metadata.FromOutgoingContext(ctx); ok {
		ctx = metadata.NewIncomingContext(ctx, md)
	}
	return &stream{ctx: ctx, server: l.server, handler: m.Handler, answers: make(chan any), ended: make(chan struct{})}, nil
}

// stream is the client's end.
type stream struct {
	ctx     context.Context //nolint:containedctx // it is the stream's
	server  any
	handler grpc.StreamHandler
	request any
	answers chan any
	// ended is closed once err is set.
	ended chan struct{}
	err   error
}

// Header is empty.
func (*stream) Header() (metadata.MD, error) { return nil, nil }

// Trailer is empty.
func (*stream) Trailer() metadata.MD { return nil }

// Context is that of the call.
func (s *stream) Context() context.Context { return s.ctx }

// SendMsg takes the request.
func (s *stream) SendMsg(m any) error {
	s.request = m
	return nil
}

// CloseSend has the server begin.
func (s *stream) CloseSend() error {
	go func() {
		defer close(s.ended)
		defer func() {
			if cause := recover(); cause != nil {
				s.err = errs.Internal(fmt.Errorf("panic: %v\n%s", cause, debug.Stack())) //nolint:err113 // for the log
			}
		}()
		if s.err = s.handler(s.server, &serving{s}); s.err == nil {
			s.err = io.EOF
		}
	}()
	return nil
}

// RecvMsg receives a message.
func (s *stream) RecvMsg(m any) error {
	select {
	case answer := <-s.answers:
		return merged(m, answer)
	case <-s.ended:
		return s.err
	}
}

// serving is the server's end.
type serving struct{ *stream }

// SetHeader and SendHeader do nothing: the response has REST's headers.
func (serving) SetHeader(metadata.MD) error { return nil }

// SendHeader does nothing; see SetHeader.
func (serving) SendHeader(metadata.MD) error { return nil }

// SetTrailer does nothing; see SetHeader.
func (serving) SetTrailer(metadata.MD) {}

// SendMsg waits until the client takes the message.
func (s serving) SendMsg(m any) error {
	select {
	case s.answers <- m:
		return nil
	case <-s.ctx.Done():
		if e, ok := errs.As(context.Cause(s.ctx)); ok {
			return e
		}
		return s.ctx.Err() //nolint:wrapcheck // the client is gone
	}
}

// RecvMsg returns the request.
func (s serving) RecvMsg(m any) error { return merged(m, s.request) }

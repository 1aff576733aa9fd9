package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"

	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// eventStream is the media type of Server-Sent Events.
const eventStream = "text/event-stream"

// Life is that of a stream: it ends when Ended is done, and is no request in flight once Leave was called, so that a drain does
// not wait for it.
type Life struct {
	Ended context.Context //nolint:containedctx // it is what this is for
	Leave func()
}

type lifeKey struct{}

// WithLife gives a request that may be a stream its life.
func WithLife(r *http.Request, l Life) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), lifeKey{}, l))
}

// MayStream is true for requests that may be streams, which are read with a verb.
func MayStream(r *http.Request) bool {
	path := r.URL.Path
	return r.Method == http.MethodGet && strings.LastIndexByte(path, ':') > strings.LastIndexByte(path, '/')
}

// stream serves a stream until the caller goes, the time is over or the server drains.
func (h *Handler) stream(caller context.Context, w *recorder, r *http.Request, c *call) {
	over := errs.New(errs.DeadlineExceeded, grpcerr.ReasonDeadline,
		"the stream reached its deadline, which is %s at most; open it again from where it ended", h.cfg.StreamTimeout)
	bounded, done := context.WithTimeoutCause(context.WithValue(caller, callKey{}, c), h.cfg.StreamTimeout, over)
	defer done()
	ctx, cancel := context.WithCancelCause(bounded)
	defer cancel(nil)
	if life, ok := r.Context().Value(lifeKey{}).(Life); ok {
		life.Leave()
		defer context.AfterFunc(life.Ended, func() {
			cancel(errs.New(errs.Unavailable, rpc.ReasonDraining, "the gateway is stopping; call again to reach another one"))
		})()
	}
	// The deadlines of the connection are for requests. A reader is given time for each write instead.
	controller := http.NewResponseController(w.ResponseWriter)
	_ = controller.SetReadDeadline(time.Time{}) // where it cannot be set there is none
	w.patient = func() { _ = controller.SetWriteDeadline(time.Now().Add(h.cfg.StreamPatience)) }
	w.patient()

	wants := strings.Contains(strings.Join(r.Header.Values("Accept"), ","), eventStream)
	r = r.WithContext(ctx)
	r.Header.Del("Accept")
	if wants {
		r.Header.Set("Accept", eventStream)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep what it is sent
	h.mux.ServeHTTP(w, r)
}

// NewStream opens a stream of responses.
func (n *conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	c := callOf(ctx)
	if c == nil {
		c = &call{}
	}
	c.sent = true
	ctx = client.Outgoing(ctx, c.tokens, c.id)
	s, err := n.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, client.Error(err, n.backend, c.id)
	}
	return &guardedStream{ClientStream: s, conn: n, call: c, method: method}, nil
}

// guardedStream is a stream to a service that passes only messages that the caller may send. The response waits for its
// first message: a refusal is then a problem, and no stream.
type guardedStream struct {
	grpc.ClientStream
	conn   *conn
	call   *call
	method string
	first  proto.Message
}

// SendMsg sends a message. Where a browser was is newer than what the address says, which it calls again as it was.
func (s *guardedStream) SendMsg(m any) error {
	if request, ok := m.(*watchv1.WatchTenantRequest); ok && s.call.lastEventID != "" {
		request.ResumeToken = s.call.lastEventID
	}
	if _, err := s.conn.admit(s.Context(), s.method, m); err != nil {
		return err
	}
	return s.ClientStream.SendMsg(m) //nolint:wrapcheck // a status already
}

var errNoAnswer = errors.New("the method has no answer that is known")

// Header waits for the first message. The services' headers are not passed on.
func (s *guardedStream) Header() (metadata.MD, error) {
	service, method, _ := strings.Cut(strings.TrimPrefix(s.method, "/"), "/")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + method))
	if err != nil {
		return nil, errs.Internal(err)
	}
	d, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, errs.Internal(errNoAnswer)
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.Output().FullName())
	if err != nil {
		return nil, errs.Internal(err)
	}
	first := kind.New().Interface()
	if err := s.RecvMsg(first); err != nil {
		return nil, err
	}
	s.first = first
	return nil, nil
}

// RecvMsg receives a message.
func (s *guardedStream) RecvMsg(m any) error {
	if s.first != nil {
		if to, ok := m.(proto.Message); ok {
			proto.Merge(to, s.first)
			s.first = nil
			return nil
		}
	}
	return ended(s.ClientStream.RecvMsg(m), s.conn.backend, s.call.id)
}

// ended leaves the end of a stream as it is, and explains everything else.
func ended(err error, backend, id string) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return client.Error(err, backend, id)
}

// failureIn is the error that ended a stream, which the mux has as a status.
func failureIn(v any) (problem.Problem, bool) {
	parts, ok := v.(map[string]proto.Message)
	if !ok {
		return problem.Problem{}, false
	}
	st, ok := parts["error"].(*spb.Status)
	if !ok {
		return problem.Problem{}, false
	}
	err := status.ErrorProto(st)
	return problem.New(grpcerr.FromError(err), 0, grpcerr.RequestID(err)), true
}

// events writes a stream as Server-Sent Events: the message is `data`, its resume token `id`.
type events struct{ *codec }

// StreamContentType is that of the stream.
func (events) StreamContentType(any) string { return eventStream }

// Delimiter is part of each event.
func (events) Delimiter() []byte { return nil }

// Marshal writes an event.
func (e events) Marshal(v any) ([]byte, error) {
	if p, ok := failureIn(v); ok {
		data, err := json.Marshal(p)
		return event("error", "", data), err //nolint:wrapcheck // the mux masks it
	}
	parts, ok := v.(map[string]any)
	if !ok {
		return e.codec.Marshal(v)
	}
	m, ok := parts["result"].(proto.Message)
	if !ok {
		return e.codec.Marshal(v)
	}
	data, err := e.codec.Marshal(m)
	if err != nil {
		return nil, err
	}
	name, id := "message", ""
	if w, ok := m.(*watchv1.WatchTenantResponse); ok {
		name, id = "change", w.GetResumeToken()
		if w.GetKind() == watchv1.WatchTenantResponse_BOOKMARK {
			name = "bookmark"
		}
	}
	return event(name, id, data), nil
}

// event is one event. An empty id would have the reader forget the one before, so it is left out.
func event(name, id string, data []byte) []byte {
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", name, data)
	return b.Bytes()
}

// Package watch is WatchService at the edge: the changes of all services in one stream.
//
// It opens a stream to each service and merges them. The changes of a service come in its order; the resume token holds
// the place in each. A message is read from a service once the one before was sent; unread messages fill the stream's
// window, so streams are bounded in number. When one service's stream ends, the whole stream ends with its error, and
// the caller resumes from the last token without a gap. A stream of the remaining services would look whole.
package watch

import (
	"context"
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/libs/watch/resume"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/client"

	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// heartbeat is how long a stream is silent at most.
const heartbeat = 8 * time.Second

// Backends are the services that keep changes.
type Backends interface {
	All() []client.Backend
}

// Server streams the changes of all backends.
type Server struct {
	watchv1.UnimplementedWatchServiceServer
	backends Backends
	seats    *seats
}

// New makes a server, which keeps so many streams at once open for a caller and in a tenant.
func New(backends Backends, ofCaller, ofTenant, ofAll int) *Server {
	return &Server{backends: backends, seats: newSeats(ofCaller, ofTenant, ofAll)}
}

// Register makes the server known.
func (s *Server) Register(r grpc.ServiceRegistrar) { watchv1.RegisterWatchServiceServer(r, s) }

// WatchTenant merges the streams of all services.
func (s *Server) WatchTenant(r *watchv1.WatchTenantRequest, to watchv1.WatchService_WatchTenantServer) error {
	tenant, err := resourcename.ParseTenant(r.GetName())
	if err != nil {
		return err //nolint:wrapcheck // an error of the API
	}
	m := &merged{request: r, tenant: tenant.Tenant, to: to, backends: s.backends.All(), at: make(map[string]resume.Place)}
	if r.GetResumeToken() != "" {
		if m.from, err = resume.Parse(r.GetResumeToken(), tenant.Tenant); err != nil {
			return err //nolint:wrapcheck // an error of the API
		}
	}
	caller := ""
	if p, known := identity.From(to.Context()); known {
		caller = p.Subject
	}
	leave, err := s.seats.take(caller, tenant.Tenant)
	if err != nil {
		return err
	}
	defer leave()
	return m.run(to.Context())
}

// merged is one stream.
type merged struct {
	request  *watchv1.WatchTenantRequest
	tenant   string
	from     resume.Token
	to       watchv1.WatchService_WatchTenantServer
	backends []client.Backend
	// at is the place in each service from which its token is known.
	at map[string]resume.Place
}

// arrival is a message of a service, or the end of its stream.
type arrival struct {
	backend string
	message *watchv1.WatchTenantResponse
	err     error
}

func (m *merged) run(ctx context.Context) error {
	out, cancel := context.WithCancel(merge.Outgoing(ctx))
	arrivals, ended := make(chan arrival), make(chan struct{}, len(m.backends))
	begun := 0
	defer func() {
		cancel()
		for range begun {
			<-ended
		}
	}()
	streams, err := m.open(ctx, out)
	if err != nil {
		return err
	}
	if err := m.send(bookmark(m.token(), false)); err != nil {
		return err
	}
	for i, stream := range streams {
		begun++
		go func() {
			defer func() { ended <- struct{}{} }()
			receive(out, m.backends[i].Name, stream, arrivals)
		}()
	}
	return m.pass(ctx, arrivals)
}

// open opens a stream to each service and waits until each has begun, so that a refusal is the response.
func (m *merged) open(ctx, out context.Context) ([]watchv1.WatchService_WatchTenantClient, error) {
	var streams []watchv1.WatchService_WatchTenantClient
	for _, b := range m.backends {
		request := proto.CloneOf(m.request)
		if m.request.GetResumeToken() != "" {
			p, known := m.from.Of(b.Name)
			if !known {
				return nil, resume.Expired() //nolint:wrapcheck // an error of the API
			}
			request.ResumeToken = resume.New(m.tenant, map[string]resume.Place{b.Name: p}).String()
		}
		stream, err := watchv1.NewWatchServiceClient(b.Conn).WatchTenant(out, request)
		if err != nil {
			return nil, client.Error(err, b.Name, rpc.RequestID(ctx))
		}
		streams = append(streams, stream)
	}
	for i, stream := range streams {
		first, err := stream.Recv()
		if err != nil {
			return nil, m.failure(ctx, m.backends[i].Name, err)
		}
		if err := m.note(m.backends[i].Name, first); err != nil {
			return nil, err
		}
	}
	return streams, nil
}

// receive passes on what a service sends, until it ends or the context does.
func receive(ctx context.Context, backend string, from watchv1.WatchService_WatchTenantClient, to chan<- arrival) {
	for {
		message, err := from.Recv()
		select {
		case to <- arrival{backend, message, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// pass passes on what arrives, and bookmarks while nothing does.
func (m *merged) pass(ctx context.Context, arrivals <-chan arrival) error {
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return cause(ctx)
		case <-timer.C:
			if err := m.send(bookmark(m.token(), false)); err != nil {
				return err
			}
		case a := <-arrivals:
			if a.err != nil {
				return m.failure(ctx, a.backend, a.err)
			}
			sent, err := m.arrived(a)
			if err != nil {
				return err
			}
			if !sent {
				continue
			}
		}
		timer.Reset(heartbeat)
	}
}

// arrived passes a message on with the token of all services; bookmarks are made here. It returns true when it sent a
// message.
func (m *merged) arrived(a arrival) (sent bool, err error) {
	whole := m.whole()
	if err := m.note(a.backend, a.message); err != nil {
		return false, err
	}
	if a.message.GetKind() != watchv1.WatchTenantResponse_BOOKMARK {
		a.message.ResumeToken = m.token()
		return true, m.send(a.message)
	}
	if whole || !m.whole() {
		return false, nil
	}
	return true, m.send(bookmark(m.token(), true))
}

// note keeps the place that a message is at.
func (m *merged) note(backend string, message *watchv1.WatchTenantResponse) error {
	if message.GetResumeToken() == "" {
		return nil
	}
	token, err := resume.Parse(message.GetResumeToken(), m.tenant)
	if err != nil {
		return errs.Internal(err)
	}
	if p, ok := token.Of(backend); ok {
		m.at[backend] = p
	}
	return nil
}

// whole is true once every service has said what there is.
func (m *merged) whole() bool { return len(m.at) == len(m.backends) }

// token goes on behind everything that went out; there is none before everything that is there did.
func (m *merged) token() string {
	if !m.whole() {
		return ""
	}
	return resume.New(m.tenant, m.at).String()
}

func (m *merged) send(message *watchv1.WatchTenantResponse) error {
	return m.to.Send(message) //nolint:wrapcheck // a status already
}

// failure is the caller's error for the end of a service's stream.
func (m *merged) failure(ctx context.Context, backend string, err error) error {
	if ctx.Err() != nil {
		return cause(ctx)
	}
	return client.Error(err, backend, rpc.RequestID(ctx))
}

// cause is why a stream was ended, in words of the API where there are any.
func cause(ctx context.Context) error {
	if e, ok := errs.As(context.Cause(ctx)); ok {
		return e
	}
	return ctx.Err() //nolint:wrapcheck // made a status by the server
}

func bookmark(token string, done bool) *watchv1.WatchTenantResponse {
	return &watchv1.WatchTenantResponse{Kind: watchv1.WatchTenantResponse_BOOKMARK, ResumeToken: token, SnapshotDone: done}
}

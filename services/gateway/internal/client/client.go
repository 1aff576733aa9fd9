// Package client holds the edge's connections to the services behind it.
//
// A service that is away costs only its own callers an UNAVAILABLE: connections open at their first use and reconnect by
// themselves. A service's error is passed on unchanged; an error of the connection is reworded, because it holds
// addresses.
package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/libs/telemetry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// retryAfter is how long a service that is away usually needs to be back: a restart.
const retryAfter = 2 * time.Second

// authorization is the only header of a caller that services see as it came; requestIDKey is that of request ids.
const (
	authorization = "authorization"
	requestIDKey  = "x-request-id"
)

// Backend is one service behind the edge.
type Backend struct {
	// Name of the service, for example `network`.
	Name string
	// Conn calls it.
	Conn grpc.ClientConnInterface
}

// Backends are the services behind the edge, in a fixed order.
type Backends struct {
	list  []Backend
	conns []*grpc.ClientConn
}

// Target is where a service is.
type Target struct{ Name, Address string }

// Dial prepares a connection to every target, with the gateway's identity; without one it is plain. No connection opens
// before the first call.
func Dial(targets []Target, identity *mtls.Identity, tel *telemetry.Telemetry) (*Backends, error) {
	b := &Backends{}
	for _, t := range targets {
		conn, err := rpc.Dial(rpc.ClientConfig{Target: t.Address, Name: "gateway", Telemetry: tel, Identity: identity, Service: t.Name})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("reach the %s service: %w", t.Name, err), b.Close())
		}
		b.conns = append(b.conns, conn)
		b.list = append(b.list, Backend{Name: t.Name, Conn: conn})
	}
	return b, nil
}

// All are the backends.
func (b *Backends) All() []Backend { return slices.Clone(b.list) }

// Find is the backend of a name.
func (b *Backends) Find(name string) (Backend, bool) {
	i := slices.IndexFunc(b.list, func(c Backend) bool { return c.Name == name })
	if i < 0 {
		return Backend{}, false
	}
	return b.list[i], true
}

// Names are the names of the backends.
func (b *Backends) Names() []string {
	names := make([]string, len(b.list))
	for i, c := range b.list {
		names[i] = c.Name
	}
	return names
}

// Close ends the connections.
func (b *Backends) Close() error {
	var all []error
	for _, c := range b.conns {
		all = append(all, c.Close())
	}
	return errors.Join(all...)
}

// Outgoing makes the context in which a backend is called on behalf of a caller. Of what the caller sent, the token and
// the request id go on; the trace goes on by itself, and nothing else does.
func Outgoing(ctx context.Context, tokens []string, requestID string) context.Context {
	// The client would put the id of ctx there by itself, in a copy of all this.
	md := metadata.MD{requestIDKey: {requestID}}
	if len(tokens) > 0 {
		md[authorization] = tokens
	}
	ctx = metadata.NewOutgoingContext(ctx, md)
	if rpc.RequestID(ctx) == requestID {
		return ctx
	}
	return rpc.WithRequestID(ctx, requestID)
}

// Tokens are the tokens of a caller over gRPC.
func Tokens(ctx context.Context) []string {
	return metadata.ValueFromIncomingContext(ctx, authorization)
}

// Error is the caller's error for a call to the service that ended with err. Statuses with details are the service's and
// stay unchanged.
func Error(err error, service, requestID string) error {
	if err == nil {
		return nil
	}
	st, ok := status.FromError(err)
	if !ok {
		return grpcerr.Status(grpcerr.Mask(err), requestID).Err() //nolint:wrapcheck // a status is what gRPC sends
	}
	if len(st.Proto().GetDetails()) > 0 {
		return st.Err() //nolint:wrapcheck // see above
	}
	e := explain(err, st.Code(), service)
	if e == nil {
		return st.Err() //nolint:wrapcheck // see above
	}
	return grpcerr.Status(e, requestID).Err() //nolint:wrapcheck // see above
}

func explain(err error, code codes.Code, service string) *errs.Error {
	switch code { //nolint:exhaustive // the others are responses of the service
	case codes.Unavailable:
		e := errs.Wrap(err, errs.Unavailable, grpcerr.ReasonPeerUnavailable,
			"the %s service cannot be reached at the moment; try again in a few seconds", service).With("service", service)
		e.Retry = retryAfter
		return e
	case codes.DeadlineExceeded:
		return errs.Wrap(err, errs.DeadlineExceeded, grpcerr.ReasonDeadline,
			"the %s service did not answer in time; send the request again, with the same request id when it changes something",
			service).With("service", service)
	case codes.Canceled, codes.Internal, codes.Unknown, codes.Unimplemented:
		return grpcerr.Mask(err)
	default:
		return nil
	}
}

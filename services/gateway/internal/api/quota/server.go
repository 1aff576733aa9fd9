// Package quota answers for the quotas of all services under one name: it is QuotaService at the edge.
//
// The name of a quota says which service keeps count of it, so one quota is asked of that service alone. A list is made of the
// lists of all services. Whether a tenant or an organisation is there is what the tenant service says: another service that
// does not know it has made nothing for it yet, and has no quotas of it.
package quota

import (
	"context"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/client"

	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	"google.golang.org/grpc"
)

// registry is the service that knows which tenants and organisations there are.
const registry = "tenant"

// Backends are the services that keep count.
type Backends interface {
	Find(name string) (client.Backend, bool)
	All() []client.Backend
}

// Server answers for the quotas of all backends.
type Server struct {
	quotav1.UnimplementedQuotaServiceServer
	backends Backends
}

// New makes a server.
func New(backends Backends) *Server { return &Server{backends: backends} }

// Register makes the server known.
func (s *Server) Register(r grpc.ServiceRegistrar) { quotav1.RegisterQuotaServiceServer(r, s) }

// owner is the service that keeps count of a quota.
func (s *Server) owner(name string) (client.Backend, error) {
	parsed, err := resourcename.ParseQuota(name)
	if err != nil {
		return client.Backend{}, err //nolint:wrapcheck // an error of the API
	}
	b, ok := s.backends.Find(parsed.Service())
	if !ok {
		return client.Backend{}, errs.NotFound("quota", name)
	}
	return b, nil
}

// GetQuota asks the service that keeps count of the quota.
func (s *Server) GetQuota(ctx context.Context, r *quotav1.GetQuotaRequest) (*quotav1.Quota, error) {
	b, err := s.owner(r.GetName())
	if err != nil {
		return nil, err
	}
	got, err := quotav1.NewQuotaServiceClient(b.Conn).GetQuota(merge.Outgoing(ctx), r)
	if err != nil {
		return nil, client.Error(err, b.Name, rpc.RequestID(ctx))
	}
	return got, nil
}

// UpdateQuota has the service that keeps count of the quota change it.
func (s *Server) UpdateQuota(ctx context.Context, r *quotav1.UpdateQuotaRequest) (*quotav1.Quota, error) {
	b, err := s.owner(r.GetQuota().GetName())
	if err != nil {
		return nil, err
	}
	got, err := quotav1.NewQuotaServiceClient(b.Conn).UpdateQuota(merge.Outgoing(ctx), r)
	if err != nil {
		return nil, client.Error(err, b.Name, rpc.RequestID(ctx))
	}
	return got, nil
}

// ListQuotas puts the quotas of all services together.
func (s *Server) ListQuotas(ctx context.Context, r *quotav1.ListQuotasRequest) (*quotav1.ListQuotasResponse, error) {
	out := &quotav1.ListQuotasResponse{}
	for _, b := range s.order() {
		got, err := quotav1.NewQuotaServiceClient(b.Conn).ListQuotas(merge.Outgoing(ctx), r)
		if err == nil {
			out.Quotas = append(out.Quotas, got.GetQuotas()...)
			continue
		}
		err = client.Error(err, b.Name, rpc.RequestID(ctx))
		switch code := grpcerr.FromError(err).Code; {
		case code == errs.CodeNotFound && b.Name != registry:
		case r.GetReturnPartialSuccess() && (code == errs.Unavailable || code == errs.DeadlineExceeded):
			out.Unreachable = append(out.Unreachable, "services/"+b.Name)
		default:
			return nil, err
		}
	}
	slices.SortFunc(out.GetQuotas(), func(a, b *quotav1.Quota) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// order has the service first that knows what there is.
func (s *Server) order() []client.Backend {
	all := s.backends.All()
	slices.SortStableFunc(all, func(a, b client.Backend) int {
		switch {
		case a.Name == registry && b.Name != registry:
			return -1
		case b.Name == registry && a.Name != registry:
			return 1
		default:
			return 0
		}
	})
	return all
}

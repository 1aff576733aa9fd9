// Package audit answers for the audit trails of all services under one name: it is AuditService at the edge.
//
// Each service keeps a chain of its own for a tenant. Lists are merged, newest first; an export is one chain after the
// other, as each service answers it: the edge signs nothing and changes nothing. Which tenant a name means is what the
// tenant service says, and all services are asked for the trail of that very one.
package audit

import (
	"context"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/client"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	"google.golang.org/grpc"
)

// registry is the service that knows the unique ids of tenants.
const registry = "tenant"

// Backends are the services that keep trails.
type Backends interface {
	Find(name string) (client.Backend, bool)
	All() []client.Backend
}

// Server answers for the trails of all backends.
type Server struct {
	auditv1.UnimplementedAuditServiceServer
	backends Backends
	tokens   *paging.Token
}

// New makes a server; tokens sign its page tokens.
func New(backends Backends, tokens *paging.Token) *Server {
	return &Server{backends: backends, tokens: tokens}
}

// Register makes the server known.
func (s *Server) Register(r grpc.ServiceRegistrar) { auditv1.RegisterAuditServiceServer(r, s) }

// ListAuditEvents merges the trails of all services, newest first.
func (s *Server) ListAuditEvents(ctx context.Context, r *auditv1.ListAuditEventsRequest) (*auditv1.ListAuditEventsResponse, error) {
	if _, err := resourcename.ParseTenant(r.GetParent()); err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	uid, err := s.tenant(ctx, r)
	if err != nil {
		return nil, err
	}
	page, err := merge.List[*auditv1.AuditEvent]{
		Backends: s.backends.All(), Tokens: s.tokens,
		Made:     func(m *auditv1.AuditEvent) time.Time { return m.GetCreateTime().AsTime() },
		Binding:  paging.Binding{Method: "ListAuditEvents", Parent: r.GetParent() + " " + uid, Filter: r.GetFilter()},
		PageSize: r.GetPageSize(), PageToken: r.GetPageToken(), Partial: r.GetReturnPartialSuccess(),
		Fetch: func(ctx context.Context, b client.Backend, size int32, token string) (merge.Page[*auditv1.AuditEvent], error) {
			p, err := auditv1.NewAuditServiceClient(b.Conn).ListAuditEvents(ctx, &auditv1.ListAuditEventsRequest{
				Parent: r.GetParent(), TenantUid: uid, Filter: r.GetFilter(), PageToken: token, PageSize: size,
			})
			return merge.Page[*auditv1.AuditEvent]{Items: p.GetAuditEvents(), Next: p.GetNextPageToken()}, err //nolint:wrapcheck // merge does
		},
	}.Page(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	return &auditv1.ListAuditEventsResponse{
		AuditEvents: page.Items, NextPageToken: page.NextPageToken, Unreachable: page.Unreachable, TenantUid: uid,
	}, nil
}

// tenant is the unique id of the tenant that is meant. When the service that knows it is away and a part will do, each
// service says by itself whom it knows by the name.
func (s *Server) tenant(ctx context.Context, r *auditv1.ListAuditEventsRequest) (string, error) {
	b, ok := s.backends.Find(registry)
	if !ok || r.GetTenantUid() != "" {
		return r.GetTenantUid(), nil
	}
	got, err := auditv1.NewAuditServiceClient(b.Conn).ListAuditEvents(merge.Outgoing(ctx), &auditv1.ListAuditEventsRequest{
		Parent: r.GetParent(), PageSize: 1,
	})
	if err == nil {
		return got.GetTenantUid(), nil
	}
	err = client.Error(err, b.Name, rpc.RequestID(ctx))
	if code := grpcerr.FromError(err).Code; r.GetReturnPartialSuccess() && (code == errs.Unavailable || code == errs.DeadlineExceeded) {
		return "", nil
	}
	return "", err
}

// ExportAuditEvents answers the chains one after the other, that of the service that knows the tenant first.
func (s *Server) ExportAuditEvents(ctx context.Context, r *auditv1.ExportAuditEventsRequest) (*auditv1.ExportAuditEventsResponse, error) {
	if _, err := resourcename.ParseTenant(r.GetParent()); err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	binding := paging.Binding{Method: "ExportAuditEvents", Parent: r.GetParent() + " " + r.GetTenantUid()}
	values, err := s.tokens.Decode(r.GetPageToken(), binding)
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	order := s.order()
	at := place{uid: r.GetTenantUid(), service: order[0].Name}
	if len(values) > 0 {
		at = readPlace(values)
	}
	for i, b := range order {
		if b.Name != at.service {
			continue
		}
		got, err := auditv1.NewAuditServiceClient(b.Conn).ExportAuditEvents(merge.Outgoing(ctx), &auditv1.ExportAuditEventsRequest{
			Parent: r.GetParent(), TenantUid: at.uid, PageSize: r.GetPageSize(), PageToken: at.token,
		})
		if err != nil {
			return nil, client.Error(err, b.Name, rpc.RequestID(ctx))
		}
		at.token = got.GetNextPageToken()
		if at.uid == "" {
			at.uid = got.GetTenantUid()
		}
		out := &auditv1.ExportAuditEventsResponse{Records: got.GetRecords(), Checkpoint: got.GetCheckpoint(), TenantUid: at.uid}
		if at.token == "" {
			if i+1 == len(order) {
				return out, nil
			}
			at.service = order[i+1].Name
		}
		if out.NextPageToken, err = s.tokens.Encode(binding, at.uid, at.service, at.token); err != nil {
			return nil, errs.Internal(err)
		}
		return out, nil
	}
	return nil, errs.Invalid(errs.Field("page_token", "is of a service that is not there any more; leave it out to begin anew"))
}

// order is that of the chains in an export.
func (s *Server) order() []client.Backend {
	all := s.backends.All()
	for i, b := range all {
		if b.Name == registry {
			copy(all[1:i+1], all[:i])
			all[0] = b
		}
	}
	return all
}

// place is where in an export a page begins.
type place struct{ uid, service, token string }

// readPlace reads what was signed, so it has the form.
func readPlace(values []any) place {
	var p place
	for i, to := range []*string{&p.uid, &p.service, &p.token} {
		if i < len(values) {
			*to, _ = values[i].(string)
		}
	}
	return p
}

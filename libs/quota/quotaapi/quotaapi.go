// Package quotaapi serves the quotas that one service counts: lowlayer.quota.v1.QuotaService. It reads the service's own records only.
package quotaapi

import (
	"context"
	"math"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/types/known/timestamppb"

	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/convert"
)

// Known reports whether a tenant exists and, unless it is empty, the organisation. With hold the tenant stays until the transaction
// ends.
type Known func(ctx context.Context, q quota.Querier, tenant, organisation string, hold bool) (bool, error)

// Server implements the service.
type Server struct {
	quotav1.UnimplementedQuotaServiceServer
	service string
	pool    *pgxpool.Pool
	ledger  *quota.Ledger
	known   Known
	changes *accept.Changes
}

// New serves the quotas of a service's ledger. The trail records changes.
func New(service string, pool *pgxpool.Pool, l *quota.Ledger, known Known, t *trail.Trail, c clock.Clock) *Server {
	return &Server{
		service: service, pool: pool, ledger: l, known: known,
		changes: accept.New(accept.Config{Service: service, DB: pool, Trail: t, Clock: c}),
	}
}

// present refuses a place that does not exist.
func (s *Server) present(ctx context.Context, q quota.Querier, tenant, organisation string, hold bool) error {
	ok, err := s.known(ctx, q, tenant, organisation, hold)
	switch {
	case err != nil:
		return err
	case !ok && organisation != "":
		return errs.NotFound("organisation", resourcename.Organisation{Tenant: tenant, Organisation: organisation}.String())
	case !ok:
		return errs.NotFound("tenant", resourcename.Tenant{Tenant: tenant}.String())
	default:
		return nil
	}
}

// GetQuota reads one quota.
func (s *Server) GetQuota(ctx context.Context, req *quotav1.GetQuotaRequest) (*quotav1.Quota, error) {
	name, err := resourcename.ParseQuota(req.GetName())
	if err != nil {
		return nil, err
	}
	if err := s.present(ctx, s.pool, name.Tenant, name.Organisation, false); err != nil {
		return nil, err
	}
	found, err := s.ledger.Get(ctx, s.pool, name)
	if err != nil {
		return nil, err
	}
	return s.toProto(found), nil
}

// ListQuotas lists the quotas of a tenant and its organisations, or of one organisation.
func (s *Server) ListQuotas(ctx context.Context, req *quotav1.ListQuotasRequest) (*quotav1.ListQuotasResponse, error) {
	var organisation string
	place := ""
	tenant, err := resourcename.ParseTenant(req.GetParent())
	if err != nil {
		name, err := resourcename.ParseOrganisation(req.GetParent())
		if err != nil {
			return nil, err
		}
		tenant, organisation, place = name.Parent(), name.Organisation, name.String()
	}
	if err := s.present(ctx, s.pool, tenant.Tenant, organisation, false); err != nil {
		return nil, err
	}
	found, err := s.ledger.List(ctx, s.pool, tenant.Tenant, place)
	if err != nil {
		return nil, err
	}
	out := &quotav1.ListQuotasResponse{Quotas: make([]*quotav1.Quota, len(found))}
	for i, q := range found {
		out.Quotas[i] = s.toProto(q)
	}
	return out, nil
}

// UpdateQuota sets or removes the override of a tenant's quota.
func (s *Server) UpdateQuota(ctx context.Context, req *quotav1.UpdateQuotaRequest) (*quotav1.Quota, error) {
	c, err := changeOf(req)
	if err != nil {
		return nil, err
	}
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	var now quota.Standing
	err = s.changes.Record(ctx, id, c.Name.Tenant, func(ctx context.Context, tx *accept.Tx) error {
		if err := s.present(ctx, tx, c.Name.Tenant, c.Name.Organisation, true); err != nil {
			return err
		}
		earlier, err := tx.Replayed(ctx)
		if err != nil {
			return err
		}
		if earlier != "" {
			now, err = s.ledger.Get(ctx, tx, c.Name)
			return err
		}
		before, after, err := s.ledger.Update(ctx, tx, c)
		if err != nil {
			return err
		}
		now = after
		tx.Before(c.Name.String(), s.toProto(before))
		tx.After(c.Name.String(), s.toProto(after))
		return tx.Keep(ctx, c.Name.String())
	})
	if err != nil {
		return nil, err
	}
	return s.toProto(now), nil
}

func changeOf(req *quotav1.UpdateQuotaRequest) (quota.Change, error) {
	name, err := resourcename.ParseQuota(req.GetQuota().GetName())
	if err != nil {
		return quota.Change{}, err
	}
	if slices.ContainsFunc(req.GetUpdateMask().GetPaths(), func(p string) bool { return p != "override" && p != "*" }) {
		return quota.Change{}, errs.Invalid(errs.Field("update_mask", "only override of a quota can change; name that, or leave the mask out"))
	}
	c := quota.Change{Name: name, Etag: req.GetQuota().GetEtag()}
	if req.GetQuota().Override != nil {
		limit := int64(req.GetQuota().GetOverride())
		c.Override = &limit
	}
	return c, nil
}

func (s *Server) toProto(q quota.Standing) *quotav1.Quota {
	out := &quotav1.Quota{
		Name: q.Name(), Limit: -1, DefaultLimit: -1, InUse: count(q.InUse), Reserved: count(q.Reserved), Service: s.service, Etag: q.Etag(),
	}
	if limit, known := q.Limit(); known {
		out.Limit = count(limit)
	}
	if q.Platform != nil {
		out.DefaultLimit = count(*q.Platform)
	}
	if q.Override != nil {
		override := count(*q.Override)
		out.Override = &override
	}
	// A row of the first revision only counts; its limit was never set.
	if !q.UpdateTime.IsZero() && q.Revision > 1 {
		out.UpdateTime = timestamppb.New(q.UpdateTime)
	}
	return out
}

func count(n int64) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

// Package quotaapi serves the quotas one service keeps count of: lowlayer.quota.v1.QuotaService.
//
// It answers from the service's own records alone. Errors are errs.Error values, for the server's interceptor to convert.
package quotaapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/quota"
)

// Known tells whether the service knows a tenant, or an organisation when that is not empty; with hold it stays until the
// transaction ends.
type Known func(ctx context.Context, q quota.Querier, tenant, organisation string, hold bool) (bool, error)

// Server implements the service.
type Server struct {
	quotav1.UnimplementedQuotaServiceServer
	service string
	pool    *pgxpool.Pool
	ledger  *quota.Ledger
	known   Known
	trail   *trail.Trail
}

// New serves the quotas of a ledger; service is the name of who keeps it, and the trail records changes.
func New(service string, pool *pgxpool.Pool, l *quota.Ledger, known Known, t *trail.Trail) *Server {
	return &Server{service: service, pool: pool, ledger: l, known: known, trail: t}
}

// present is nil for a place the service knows.
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

// GetQuota answers one quota.
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

// ListQuotas answers the quotas of a tenant with those of its organisations, or of one organisation.
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

// errPlanned rolls a change back that was only asked for as a plan.
var errPlanned = errors.New("the change was asked for as a plan only")

// UpdateQuota sets or takes away the override of a tenant's quota.
func (s *Server) UpdateQuota(ctx context.Context, req *quotav1.UpdateQuotaRequest) (*quotav1.Quota, error) {
	c, err := changeOf(req)
	if err != nil {
		return nil, err
	}
	var done quota.Changed
	err = pg.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.present(ctx, tx, c.Name.Tenant, c.Name.Organisation, true); err != nil {
			return err
		}
		if done, err = s.ledger.Update(ctx, tx, c); err != nil {
			return err
		}
		if req.GetValidateOnly() {
			return errPlanned
		}
		if done.Replayed {
			trail.Replayed(ctx)
			return nil
		}
		var changes audit.Changes
		changes.Before(c.Name.String(), s.toProto(done.Before))
		changes.After(c.Name.String(), s.toProto(done.After))
		return s.trail.Append(ctx, tx, c.Name.String(), &changes)
	})
	if err != nil && !errors.Is(err, errPlanned) {
		return nil, err
	}
	return s.toProto(done.After), nil
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
	if req.GetValidateOnly() || req.GetRequestId() == "" {
		return c, nil
	}
	body := &quotav1.UpdateQuotaRequest{Quota: req.GetQuota(), UpdateMask: req.GetUpdateMask()}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		return quota.Change{}, fmt.Errorf("digest request: %w", err)
	}
	digest := sha256.Sum256(raw)
	c.RequestID, c.Digest = req.GetRequestId(), digest[:]
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
	// A row that only ever counted was never set.
	if !q.UpdateTime.IsZero() && q.Revision > 1 {
		out.UpdateTime = timestamppb.New(q.UpdateTime)
	}
	return out
}

func count(n int64) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

package usecase

import (
	"context"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/replay"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
	"github.com/low-layer/platform/services/network/internal/store"
)

// Settlements records the ends of operations and of events of other services.
type Settlements struct {
	*store.Store
	messages Messages
	quota    *quota.Ledger
}

// NewSettlements makes Settlements, which keep the quota ledger true.
func NewSettlements(s *store.Store, m Messages, l *quota.Ledger) *Settlements {
	return &Settlements{Store: s, messages: m, quota: l}
}

// SettleBoundary records the end of an operation on a boundary.
func (s *Settlements) SettleBoundary(ctx context.Context, tx pgx.Tx, end provision.Settlement, cloud boundary.Cloud) error {
	if !end.Removed {
		if end.Outcome != provision.Done {
			return nil
		}
		return s.SetBoundaryCloud(ctx, tx, end.UID, cloud)
	}
	if err := s.RemoveBoundary(ctx, tx, end.UID); err != nil {
		return err
	}
	if err := replay.Forget(ctx, tx, end.Tenant); err != nil {
		return err
	}
	return s.forget(ctx, tx, end.Tenant, resourcename.Tenant{Tenant: end.Tenant}.String())
}

// forget drops the suspension and the limits of a tenant or an organisation.
func (s *Settlements) forget(ctx context.Context, tx pgx.Tx, tenant, place string) error {
	if err := s.Resume(ctx, tx, place); err != nil {
		return err
	}
	return s.quota.Forget(ctx, tx, tenant, place)
}

// SettleHub records the end of an operation on a hub.
func (s *Settlements) SettleHub(ctx context.Context, tx pgx.Tx, end provision.Settlement, cloud hub.Cloud) error {
	return accept.End[hub.Hub]{
		Source: Source, Kind: hub.Kind, Quota: s.quota, Load: s.LoadHub, Message: s.messages.Hub,
		Remove: func(ctx context.Context, tx pgx.Tx, uid string) error {
			h, err := s.LoadHub(ctx, tx, uid)
			if err != nil {
				return err
			}
			if err := s.RemoveHub(ctx, tx, uid); err != nil {
				return err
			}
			return s.forget(ctx, tx, end.Tenant, h.Name.Parent().String())
		},
		Done: func(ctx context.Context, tx pgx.Tx, h *hub.Hub) error {
			h.Cloud = cloud
			return s.SetHubCloud(ctx, tx, h.UID, cloud)
		},
		Meta: func(h *hub.Hub) *resource.Meta { return &h.Meta },
	}.Record(ctx, tx, end)
}

// SettleVpc records the end of an operation on a VPC.
func (s *Settlements) SettleVpc(ctx context.Context, tx pgx.Tx, end provision.Settlement, cloud vpc.Cloud) error {
	return accept.End[vpc.Vpc]{
		Source: Source, Kind: vpc.Kind, Quota: s.quota, Load: s.LoadVpc, Message: s.messages.Vpc, Remove: s.RemoveVpc,
		Done: func(ctx context.Context, tx pgx.Tx, v *vpc.Vpc) error {
			v.Cloud = cloud
			return s.SetVpcCloud(ctx, tx, v.UID, cloud)
		},
		Meta: func(v *vpc.Vpc) *resource.Meta { return &v.Meta },
	}.Record(ctx, tx, end)
}

// SettlePeering records the end of an operation on a peering.
func (s *Settlements) SettlePeering(ctx context.Context, tx pgx.Tx, end provision.Settlement) error {
	return accept.End[peering.Peering]{
		Source: Source, Kind: peering.Kind, Quota: s.quota, Load: s.LoadPeering, Message: s.messages.Peering, Remove: s.RemovePeering,
		Pending: func(p peering.Peering) bool { return p.Acceptance != peering.Accepted },
		Meta:    func(p *peering.Peering) *resource.Meta { return &p.Meta },
	}.Record(ctx, tx, end)
}

// PublishIsolation appends the event of a hub or VPC whose isolation was verified or violated. Call it last.
func (s *Settlements) PublishIsolation(ctx context.Context, tx pgx.Tx, site isolation.Site, verified bool) error {
	kind := site.Kind + ".isolation_violated"
	if verified {
		kind = site.Kind + ".isolation_verified"
	}
	var m proto.Message
	if site.Kind == hub.Kind {
		h, err := s.LoadHub(ctx, tx, site.UID)
		if err != nil {
			return err
		}
		m = s.messages.Hub(h)
	} else {
		v, err := s.LoadVpc(ctx, tx, site.UID)
		if err != nil {
			return err
		}
		m = s.messages.Vpc(v)
	}
	return event.Publish(ctx, tx, Source, site.Tenant, kind, site.Resource, m)
}

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
	h, err := s.LoadHub(ctx, tx, end.UID)
	if err != nil {
		return err
	}
	if err := accept.Settled(ctx, s.quota, tx, end); err != nil {
		return err
	}
	switch {
	case end.Removed:
		if err = s.RemoveHub(ctx, tx, end.UID); err == nil {
			err = s.forget(ctx, tx, end.Tenant, h.Name.Parent().String())
		}
	case end.Outcome == provision.Done:
		h.Cloud = cloud
		err = s.SetHubCloud(ctx, tx, end.UID, cloud)
	}
	if err != nil {
		return err
	}
	h.Meta = after(h.Meta, end)
	return publish(ctx, tx, hub.Kind, end, s.messages.Hub(h))
}

// SettleVpc records the end of an operation on a VPC.
func (s *Settlements) SettleVpc(ctx context.Context, tx pgx.Tx, end provision.Settlement, cloud vpc.Cloud) error {
	v, err := s.LoadVpc(ctx, tx, end.UID)
	if err != nil {
		return err
	}
	if err := accept.Settled(ctx, s.quota, tx, end); err != nil {
		return err
	}
	switch {
	case end.Removed:
		err = s.RemoveVpc(ctx, tx, end.UID)
	case end.Outcome == provision.Done:
		v.Cloud = cloud
		err = s.SetVpcCloud(ctx, tx, end.UID, cloud)
	}
	if err != nil {
		return err
	}
	v.Meta = after(v.Meta, end)
	return publish(ctx, tx, vpc.Kind, end, s.messages.Vpc(v))
}

// SettlePeering records the end of an operation on a peering.
func (s *Settlements) SettlePeering(ctx context.Context, tx pgx.Tx, end provision.Settlement) error {
	p, err := s.LoadPeering(ctx, tx, end.UID)
	if err != nil {
		return err
	}
	// A pending peering has no objects yet: its quotas stay reserved.
	if end.Removed || p.Acceptance == peering.Accepted {
		if err := accept.Settled(ctx, s.quota, tx, end); err != nil {
			return err
		}
	}
	if end.Removed {
		if err := s.RemovePeering(ctx, tx, end.UID); err != nil {
			return err
		}
	}
	p.Meta = after(p.Meta, end)
	return publish(ctx, tx, peering.Kind, end, s.messages.Peering(p))
}

// after is the metadata after a transition that the row may not show yet.
func after(m resource.Meta, end provision.Settlement) resource.Meta {
	m.Status.State, m.Status.Blockage = end.State, end.Blockage
	return m
}

// publish appends the event of a transition.
func publish(ctx context.Context, tx pgx.Tx, kind string, end provision.Settlement, m proto.Message) error {
	suffix := end.Outcome.String()
	switch {
	case end.Removed:
		suffix = "deleted"
	case end.Outcome == provision.Done:
		suffix = "settled"
	}
	return event.Publish(ctx, tx, Source, end.Tenant, kind+"."+suffix, end.Name, m)
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

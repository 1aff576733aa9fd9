package usecase

import (
	"context"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

// Settlements records the ends of operations, in the engine's transactions.
type Settlements struct {
	*store.Store
	messages Messages
	quota    *quota.Ledger
	clock    clock.Clock
}

// NewSettlements makes Settlements, which keep the quota ledger true.
func NewSettlements(s *store.Store, m Messages, l *quota.Ledger, c clock.Clock) *Settlements {
	return &Settlements{Store: s, messages: m, quota: l, clock: c}
}

// SettleTenant records the end of an operation on a tenant; ready reports whether all of it exists.
func (s *Settlements) SettleTenant(ctx context.Context, tx pgx.Tx, end provision.Settlement, domainID string, ready bool) error {
	t, err := s.LoadTenant(ctx, tx, end.UID)
	if err != nil {
		return err
	}
	if end.Removed {
		if err := s.RemoveTenant(ctx, tx, end.UID); err != nil {
			return err
		}
		if err := s.quota.Forget(ctx, tx, t.ID, resourcename.Tenant{Tenant: t.ID}.String()); err != nil {
			return err
		}
		return s.publish(ctx, tx, end, s.messages.Tenant(t), tenancy.TenantPurged)
	}
	t.DomainID = domainID
	events := blockage(tenancy.KindTenant, end)
	if end.Outcome == provision.Done {
		if ready && t.ReadyTime.IsZero() {
			t.ReadyTime = s.clock.Now()
		}
		events = t.Settle()
	}
	if err := s.SetTenantCloud(ctx, tx, t); err != nil {
		return err
	}
	return s.publish(ctx, tx, end, s.messages.Tenant(t), events...)
}

// SettleOrganisation records the end of an operation on an organisation; ready reports whether all of it exists.
func (s *Settlements) SettleOrganisation(ctx context.Context, tx pgx.Tx, end provision.Settlement, projectID string, ready bool) error {
	o, err := s.LoadOrganisation(ctx, tx, end.UID)
	if err != nil {
		return err
	}
	if end.Removed {
		if err := s.RemoveOrganisation(ctx, tx, end.UID); err != nil {
			return err
		}
		if err := s.quota.Release(ctx, tx, end.UID); err != nil {
			return err
		}
		return s.publish(ctx, tx, end, s.messages.Organisation(o), tenancy.OrganisationPurged)
	}
	o.ProjectID = projectID
	events := blockage(tenancy.KindOrganisation, end)
	if end.Outcome == provision.Done {
		if ready && o.ReadyTime.IsZero() {
			o.ReadyTime = s.clock.Now()
		}
		events = o.Settle()
	}
	if err := s.SetOrganisationCloud(ctx, tx, o); err != nil {
		return err
	}
	if !o.ReadyTime.IsZero() {
		if err := s.quota.Commit(ctx, tx, end.UID); err != nil {
			return err
		}
	}
	return s.publish(ctx, tx, end, s.messages.Organisation(o), events...)
}

// blockage is the event of a blockage or its end.
func blockage(kind tenancy.Kind, end provision.Settlement) []string {
	if end.Outcome == provision.Blocked || end.Outcome == provision.Unblocked {
		return []string{string(kind) + "." + end.Outcome.String()}
	}
	return nil
}

func (s *Settlements) publish(ctx context.Context, tx pgx.Tx, end provision.Settlement, m proto.Message, events ...string) error {
	for _, e := range events {
		if err := event.Publish(ctx, tx, Source, end.Tenant, e, end.Name, m); err != nil {
			return err
		}
	}
	return nil
}

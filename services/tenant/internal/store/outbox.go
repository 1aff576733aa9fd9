package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// source is the service's name in its events.
const source = "tenant"

// Outbox appends events that show a resource.
type Outbox struct{ render Renderer }

// NewOutbox makes an outbox whose events carry what the renderer makes.
func NewOutbox(r Renderer) Outbox { return Outbox{render: r} }

// Tenant appends an event of a tenant in the transaction.
func (o Outbox) Tenant(ctx context.Context, tx pgx.Tx, kind string, t tenancy.Tenant) error {
	return appendEvent(ctx, tx, kind, t.Name(), t.Name(), o.render.Tenant(t))
}

// Organisation appends an event of an organisation in the transaction.
func (o Outbox) Organisation(ctx context.Context, tx pgx.Tx, kind string, v tenancy.Organisation) error {
	return appendEvent(ctx, tx, kind, v.Name(), v.TenantName(), o.render.Organisation(v))
}

func appendEvent(ctx context.Context, tx pgx.Tx, kind, subject, tenant string, data proto.Message) error {
	packed, err := anypb.New(data)
	if err != nil {
		return fmt.Errorf("pack event %s of %s: %w", kind, subject, err)
	}
	e := &eventv1.Event{Type: kind, Subject: subject, Tenant: tenant, Data: packed}
	if err := event.Append(ctx, tx, source, e); err != nil {
		return fmt.Errorf("append event %s of %s: %w", kind, subject, err)
	}
	return nil
}

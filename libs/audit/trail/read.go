package trail

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/receipt"
)

const selectHead = `SELECT h.tenant_uid, h.tenant, h.sequence, h.hash FROM audit_heads h`

// Head is where the chain of a tenant ends, or of the last tenant of that name when there is none now. It is nil when
// there never was a record.
func (t *Trail) Head(ctx context.Context, tenant string) (*audit.Checkpoint, error) {
	uid, err := t.cfg.Owner(ctx, t.cfg.Pool, tenant)
	if err != nil {
		return nil, fmt.Errorf("read the audit trail of %s: %w", tenant, err)
	}
	if uid == "" {
		return t.head(ctx, selectHead+` WHERE h.tenant = $1 ORDER BY h.create_time DESC LIMIT 1`, tenant)
	}
	h, err := t.head(ctx, selectHead+` WHERE h.tenant_uid = $1`, uid)
	if h == nil && err == nil {
		h = &audit.Checkpoint{Service: t.cfg.Service, Tenant: "tenants/" + tenant, TenantUID: uid, Time: t.now()}
	}
	return h, err
}

func (t *Trail) head(ctx context.Context, sql string, arg any) (*audit.Checkpoint, error) {
	c := &audit.Checkpoint{Service: t.cfg.Service, Time: t.now()}
	err := t.cfg.Pool.QueryRow(ctx, sql, arg).Scan(&c.TenantUID, &c.Tenant, &c.Sequence, &c.Hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the head of the audit trail: %w", err)
	}
	c.Tenant = "tenants/" + c.Tenant
	return c, nil
}

// Sign signs a checkpoint; false when the service signs nothing.
func (t *Trail) Sign(c audit.Checkpoint) (receipt.Envelope, bool, error) {
	if t.cfg.Signer == nil {
		return receipt.Envelope{}, false, nil
	}
	e, err := c.Sign(t.cfg.Signer)
	return e, err == nil, err
}

// After answers the records of a chain after a number and not after another, in their order.
func (t *Trail) After(ctx context.Context, uid string, after, until int64, limit int) ([]audit.Entry, error) {
	return t.entries(ctx, `SELECT a.payload, a.hash FROM audit_records a
		WHERE a.tenant_uid = $1 AND a.sequence > $2 AND a.sequence <= $3 ORDER BY a.sequence LIMIT $4`, uid, after, until, limit)
}

func (t *Trail) entries(ctx context.Context, sql string, args ...any) ([]audit.Entry, error) {
	rows, err := t.cfg.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit records: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (audit.Entry, error) {
		var e audit.Entry
		err := row.Scan(&e.Payload, &e.Hash)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read audit records: %w", err)
	}
	return list, nil
}

package trail

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/errs"
)

const codeOK = "OK"

func codeName(c errs.Code) string { return code.Code(c).String() } //nolint:gosec // the codes are below 17

const (
	// lockHead makes the head of a tenant's first record, and locks it: from here on the tenant's other records wait.
	lockHead = `INSERT INTO audit_heads AS h (tenant_uid, tenant, sequence, hash, create_time, update_time) VALUES ($1, $2, 0, '', $3, $3)
		ON CONFLICT (tenant_uid) DO UPDATE SET update_time = h.update_time RETURNING sequence, hash, update_time`
	insertRecord = `INSERT INTO audit_records (id, tenant_uid, sequence, create_time, actor, email, method, resource, code, reason, request_id,
		payload, hash, on_behalf_of) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	moveHead = `UPDATE audit_heads SET sequence = $2, hash = $3, update_time = $4 WHERE tenant_uid = $1`
)

// Append records the call of the context in the transaction that carries it out: last, because the tenant's other changes
// wait from here to its end. resource is what the call was about. Without a call that is to be recorded, in work of the
// platform's own, it does nothing. A nil trail records nothing.
func (t *Trail) Append(ctx context.Context, tx pgx.Tx, resource string, changes *audit.Changes) error {
	c := of(ctx)
	if t == nil || c == nil || c.plans {
		return nil
	}
	tenant := tenantOf(resource)
	uid, err := t.cfg.Owner(ctx, tx, tenant)
	if err != nil {
		return fmt.Errorf("append audit record: %w", err)
	}
	if uid == "" {
		return fmt.Errorf("append audit record: there is no tenant %q", tenant)
	}
	r := c.record()
	r.Resource, r.Code = resource, codeOK
	if r.Changes, err = changes.List(c.whole()); err != nil {
		return fmt.Errorf("append audit record: %w", err)
	}
	c.appended.Store(true)
	t.seen.Store(tenant, struct{}{})
	return t.append(ctx, tx, c.id, tenant, uid, r)
}

// append gives the record its place in the chain.
func (t *Trail) append(ctx context.Context, tx pgx.Tx, id, tenant, uid string, r audit.Record) error {
	now := t.now()
	var last time.Time
	if err := tx.QueryRow(ctx, lockHead, uid, tenant, now).Scan(&r.Sequence, &r.Previous, &last); err != nil {
		return fmt.Errorf("lock the audit trail of %s: %w", tenant, err)
	}
	r.Name, r.Service, r.Tenant, r.TenantUID = "tenants/"+tenant+"/auditEvents/"+id, t.cfg.Service, "tenants/"+tenant, uid
	r.Sequence++
	// Clocks of replicas differ; time does not go back in a chain.
	if r.Time = now; last.After(now) {
		r.Time = last.UTC()
	}
	e, err := audit.Write(r)
	if err != nil {
		return err
	}
	onBehalfOf := ""
	if r.OnBehalfOf != nil {
		onBehalfOf = r.OnBehalfOf.Subject
	}
	var b pgx.Batch
	b.Queue(insertRecord, id, uid, r.Sequence, r.Time, r.Actor.Subject, r.Actor.Email, r.Method, r.Resource, r.Code, r.Reason,
		r.RequestID, e.Payload, e.Hash, onBehalfOf)
	b.Queue(moveHead, uid, r.Sequence, e.Hash, r.Time)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("append audit record of %s: %w", tenant, err)
	}
	return nil
}

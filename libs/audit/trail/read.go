package trail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/receipt"
)

// Asked names the chain to read.
type Asked struct {
	// Tenant is the id of the tenant, UID its unique id: empty for that of the tenant there is now.
	Tenant, UID string
	// Past includes chains of tenants that no longer exist.
	Past bool
}

const selectHead = `SELECT h.tenant_uid, h.tenant, h.sequence, h.hash FROM audit_heads h WHERE h.tenant = $1`

// Head is the end of a tenant's chain. It is nil without such a tenant, and when the caller may not see the chain. A tenant
// without records has an empty chain.
func (t *Trail) Head(ctx context.Context, a Asked) (*audit.Checkpoint, error) {
	present, err := t.cfg.Owner(ctx, t.cfg.Pool, a.Tenant)
	if err != nil {
		return nil, fmt.Errorf("read the audit trail of %s: %w", a.Tenant, err)
	}
	uid := a.UID
	if uid == "" {
		uid = present
	}
	if uid == "" {
		if !a.Past {
			return nil, nil //nolint:nilnil // see above
		}
		return t.head(ctx, selectHead+` ORDER BY h.create_time DESC LIMIT 1`, a.Tenant)
	}
	h, err := t.head(ctx, selectHead+` AND h.tenant_uid = $2`, a.Tenant, uid)
	switch {
	case err != nil:
		return nil, err
	case h == nil && uid != present:
		return nil, nil //nolint:nilnil // nobody had that unique id under this name
	case h == nil:
		return &audit.Checkpoint{Service: t.cfg.Service, Tenant: "tenants/" + a.Tenant, TenantUID: uid, Time: t.now()}, nil
	case uid != present && !a.Past:
		return nil, nil //nolint:nilnil // see above
	default:
		return h, nil
	}
}

func (t *Trail) head(ctx context.Context, sql string, args ...any) (*audit.Checkpoint, error) {
	c := &audit.Checkpoint{Service: t.cfg.Service, Time: t.now()}
	err := t.cfg.Pool.QueryRow(ctx, sql, args...).Scan(&c.TenantUID, &c.Tenant, &c.Sequence, &c.Hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // there is none
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

// Row is a record with where it stands in lists.
type Row struct {
	audit.Entry
	// Record is the record that was read; List fills it in.
	Record   audit.Record
	ID       string
	Sequence int64
	Time     time.Time
}

const (
	selectRows = `SELECT a.payload, a.hash, a.id, a.sequence, a.create_time FROM audit_records a`
	// selectChecked has the columns too that filters read.
	selectChecked = `SELECT a.payload, a.hash, a.id, a.sequence, a.create_time, a.tenant_uid, a.actor, a.email, a.method, a.resource, a.code,
		a.reason, a.request_id, a.on_behalf_of FROM audit_records a`
)

// scan reads a row.
func scan(row pgx.CollectableRow) (r Row, err error) {
	err = row.Scan(&r.Payload, &r.Hash, &r.ID, &r.Sequence, &r.Time)
	return r, err
}

// scanChecked reads a row and its record. It fails when a column that filters read differs from the record, or the record from its
// hash.
func scanChecked(row pgx.CollectableRow) (Row, error) {
	var r Row
	var column [9]string
	if err := row.Scan(&r.Payload, &r.Hash, &r.ID, &r.Sequence, &r.Time, &column[0], &column[1], &column[2], &column[3], &column[4], &column[5],
		&column[6], &column[7], &column[8]); err != nil {
		return r, err
	}
	var err error
	if r.Record, err = audit.Parse(r.Payload); err != nil {
		return r, err
	}
	said := r.Record
	onBehalfOf := ""
	if said.OnBehalfOf != nil {
		onBehalfOf = said.OnBehalfOf.Subject
	}
	if audit.Hash(r.Payload) != r.Hash || !strings.HasSuffix(said.Name, "/auditEvents/"+r.ID) || said.Sequence != r.Sequence || !said.Time.Equal(r.Time) ||
		column != [...]string{
			said.TenantUID, said.Actor.Subject, said.Actor.Email, said.Method, said.Resource, said.Code, said.Reason, said.RequestID, onBehalfOf,
		} {
		return r, fmt.Errorf("%w: %s, number %d of its chain", errEdited, r.ID, r.Sequence)
	}
	return r, nil
}

var errEdited = errors.New("the row of an audit record was edited in the database: its columns differ from the record")

// After returns the records of a chain between two numbers, in order.
func (t *Trail) After(ctx context.Context, uid string, after, until int64, limit int) ([]Row, error) {
	return t.rows(ctx, scan, selectRows+`
		WHERE a.tenant_uid = $1 AND a.sequence > $2 AND a.sequence <= $3 ORDER BY a.sequence LIMIT $4`, uid, after, until, limit)
}

// ListInput selects records of a chain, newest first.
type ListInput struct {
	UID string
	// Where is a condition on the alias `a` (audit_records), with Args numbered from $1.
	Where string
	Args  []any
	Limit int
	// BeforeTime and BeforeID are the last of the page before; zero for the first page.
	BeforeTime time.Time
	BeforeID   string
}

// List returns a page of records. It fails for a row whose columns were edited.
func (t *Trail) List(ctx context.Context, in ListInput) ([]Row, error) {
	args := append([]any(nil), in.Args...)
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	sql := selectChecked + ` WHERE (` + in.Where + `) AND a.tenant_uid = ` + arg(in.UID)
	if !in.BeforeTime.IsZero() {
		sql += ` AND (a.create_time, a.id) < (` + arg(in.BeforeTime) + `, ` + arg(in.BeforeID) + `)`
	}
	return t.rows(ctx, scanChecked, sql+` ORDER BY a.create_time DESC, a.id DESC LIMIT `+arg(in.Limit), args...)
}

func (t *Trail) rows(ctx context.Context, scan pgx.RowToFunc[Row], sql string, args ...any) ([]Row, error) {
	rows, err := t.cfg.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit records: %w", err)
	}
	list, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("read audit records: %w", err)
	}
	return list, nil
}

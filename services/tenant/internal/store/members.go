package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Members implements member.Store.
type Members struct {
	store    *Store
	turns    chan struct{}
	members  listing[member.Member]
	accounts listing[member.Account]
	trail    *trail.Trail
	messages MemberMessages
}

// MemberMessages are members and accounts as the API shows them, for the record of who changed them.
type MemberMessages struct {
	Member  func(member.Member) proto.Message
	Account func(member.Account) proto.Message
}

var _ member.Store = (*Members)(nil)

// NewMembers makes a store. A change holds a connection while the directory is asked, so only a third of the pool's may be
// in changes at once: the rest of the service goes on whatever the directory does.
func NewMembers(pool *pgxpool.Pool, pages *paging.Token, t *trail.Trail, messages MemberMessages) *Members {
	return &Members{
		store: &Store{pool: pool, pages: pages}, turns: make(chan struct{}, max(1, int(pool.Config().MaxConns)/3)),
		members: memberListing(), accounts: accountListing(), trail: t, messages: messages,
	}
}

func memberListing() listing[member.Member] {
	return listing[member.Member]{
		method: "ListMembers", sql: memberColumns,
		schema: filter.NewSchema(
			filter.String("name", "m.name"), filter.String("email", "m.email"), filter.String("display_name", "m.display_name"),
			filter.Timestamp("create_time", "m.create_time"),
		),
		last: paging.Order{Field: "name", SQL: "m.name"},
		scan: scanMember,
		key: func(m member.Member) map[string]any {
			return map[string]any{"name": m.Name(), "create_time": m.CreateTime}
		},
	}
}

func accountListing() listing[member.Account] {
	return listing[member.Account]{
		method: "ListServiceAccounts", sql: accountColumns,
		schema: filter.NewSchema(
			filter.String("name", "a.name"), filter.String("display_name", "a.display_name"), filter.Timestamp("create_time", "a.create_time"),
			filter.Timestamp("expire_time", "a.expire_time"), filter.Timestamp("last_use_time", "a.last_use_time"),
		),
		last: paging.Order{Field: "name", SQL: "a.name"},
		scan: scanAccount,
		key: func(a member.Account) map[string]any {
			return map[string]any{"name": a.Name(), "create_time": a.CreateTime}
		},
	}
}

func query(q member.List) tenancy.List {
	return tenancy.List{
		Tenant: q.Scope.Name(), PageSize: q.PageSize, PageToken: q.PageToken, Filter: q.Filter, OrderBy: q.OrderBy, ShowDeleted: true,
	}
}

// ListMembers answers a page of a scope's members.
func (s *Members) ListMembers(ctx context.Context, q member.List) (member.Page[member.Member], error) {
	p, err := page(ctx, s.store, s.members, query(q), "m.scope = $1", q.Scope.Name())
	return member.Page[member.Member](p), err
}

// ListAccounts answers a page of a scope's accounts, without those that are still being made.
func (s *Members) ListAccounts(ctx context.Context, q member.List) (member.Page[member.Account], error) {
	p, err := page(ctx, s.store, s.accounts, query(q), "a.external_id <> '' AND a.scope = $1", q.Scope.Name())
	return member.Page[member.Account](p), err
}

// Member answers one member.
func (s *Members) Member(ctx context.Context, k member.Key) (member.Member, error) {
	return oneMember(ctx, s.store.pool, k)
}

// Account answers one account.
func (s *Members) Account(ctx context.Context, k member.Key) (member.Account, error) {
	return oneAccount(ctx, s.store.pool, k)
}

// Exclusive runs fn under the tenant's lock.
func (s *Members) Exclusive(ctx context.Context, tenantUID string, fn func(context.Context, member.Tx) error) error {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn to change members: %w", ctx.Err())
	}
	return pg.InTx(ctx, s.store.pool, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('members/' || $1, 0))`, tenantUID); err != nil {
			return fmt.Errorf("lock members: %w", err)
		}
		t := &memberTx{tx: tx, messages: s.messages, names: map[string]string{}}
		if err := fn(ctx, t); err != nil || t.changes.Resource() == "" {
			return err
		}
		return s.trail.Append(ctx, tx, t.changes.Resource(), &t.changes)
	})
}

const (
	memberColumns = `SELECT m.uid, m.tenant_uid, m.scope, m.subject, m.email, m.display_name, m.roles, m.vouched, m.revision, m.create_time, m.update_time
  FROM members m`

	putMember = `INSERT INTO members (uid, tenant_uid, scope, subject, email, display_name, roles, vouched, revision, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (uid) DO UPDATE SET email = $5, display_name = $6, roles = $7, vouched = $8, revision = $9, update_time = $11`
)

func oneMember(ctx context.Context, q provision.Querier, k member.Key) (member.Member, error) {
	rows, err := q.Query(ctx, memberColumns+` WHERE m.scope = $1 AND m.subject = $2`, k.Scope.Name(), k.ID)
	if err != nil {
		return member.Member{}, fmt.Errorf("read member: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, scanMember)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, errs.NotFound("member", k.Scope.Name()+"/members/"+k.ID)
	}
	if err != nil {
		return m, fmt.Errorf("read member: %w", err)
	}
	return m, nil
}

func scanMember(row pgx.CollectableRow) (member.Member, error) {
	var m member.Member
	var scope string
	err := row.Scan(&m.UID, &m.TenantUID, &scope, &m.Subject, &m.Email, &m.DisplayName, &m.Roles, &m.Vouched, &m.Revision, &m.CreateTime, &m.UpdateTime)
	if err != nil {
		return m, err
	}
	m.CreateTime, m.UpdateTime = m.CreateTime.UTC(), m.UpdateTime.UTC()
	m.Scope, err = member.ParseScope(scope)
	return m, err
}

// memberTx implements member.Tx.
type memberTx struct {
	tx       pgx.Tx
	messages MemberMessages
	// changes is what was read and written, names the names of what was read, by unique id.
	changes audit.Changes
	names   map[string]string
}

// Member answers one member.
func (t *memberTx) Member(ctx context.Context, k member.Key) (member.Member, error) {
	m, err := oneMember(ctx, t.tx, k)
	if err == nil {
		t.names[m.UID] = m.Name()
		t.changes.Before(m.Name(), t.messages.Member(m))
	}
	return m, err
}

// removed notes that what was read under a unique id is gone.
func (t *memberTx) removed(uid string) {
	if name, ok := t.names[uid]; ok {
		t.changes.After(name, nil)
	}
}

// PutMember writes a member.
func (t *memberTx) PutMember(ctx context.Context, m member.Member) error {
	_, err := t.tx.Exec(ctx, putMember, m.UID, m.TenantUID, m.Scope.Name(), m.Subject, m.Email, m.DisplayName, m.Roles, m.Vouched, m.Revision,
		m.CreateTime, m.UpdateTime)
	if err != nil {
		return fmt.Errorf("write member: %w", err)
	}
	t.changes.After(m.Name(), t.messages.Member(m))
	return nil
}

// DeleteMember drops a member.
func (t *memberTx) DeleteMember(ctx context.Context, uid string) error {
	if _, err := t.tx.Exec(ctx, `DELETE FROM members WHERE uid = $1`, uid); err != nil {
		return fmt.Errorf("delete member: %w", err)
	}
	t.removed(uid)
	return nil
}

// VpcUID answers of which VPC the roles at a scope are.
func (t *memberTx) VpcUID(ctx context.Context, scope member.Scope) (string, error) {
	var uid string
	err := t.tx.QueryRow(ctx, `SELECT vpc_uid FROM member_vpcs WHERE scope = $1`, scope.Name()).Scan(&uid)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the VPC of roles: %w", err)
	}
	return uid, nil
}

// SetVpcUID notes it.
func (t *memberTx) SetVpcUID(ctx context.Context, tenantUID string, scope member.Scope, uid string) error {
	sql, args := `DELETE FROM member_vpcs WHERE scope = $1`, []any{scope.Name()}
	if uid != "" {
		sql = `INSERT INTO member_vpcs (scope, tenant_uid, vpc_uid) VALUES ($1, $2, $3) ON CONFLICT (scope) DO UPDATE SET vpc_uid = $3`
		args = append(args, tenantUID, uid)
	}
	if _, err := t.tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("note the VPC of roles: %w", err)
	}
	return nil
}

// Members answers every member of a tenant.
func (t *memberTx) Members(ctx context.Context, tenantUID string) ([]member.Member, error) {
	rows, err := t.tx.Query(ctx, memberColumns+` WHERE m.tenant_uid = $1`, tenantUID)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return pgx.CollectRows(rows, scanMember)
}

// Replayed answers what an earlier call ended with.
func (t *memberTx) Replayed(ctx context.Context, tenantUID string, r member.Request) (string, error) {
	if r.ID == "" {
		return "", nil
	}
	var name string
	var same bool
	err := t.tx.QueryRow(ctx, `SELECT name, digest = $4 FROM member_requests WHERE tenant_uid = $1 AND method = $2 AND request_id = $3`,
		tenantUID, r.Method, r.ID, r.Digest).Scan(&name, &same)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for an earlier call: %w", err)
	case !same:
		return "", errs.New(errs.AlreadyExists, errs.ReasonRequestIDReused,
			"request_id %q was used for another %s; use a new one for a new request", r.ID, r.Method)
	}
	trail.Replayed(ctx)
	return name, nil
}

// Remember keeps what a call ended with.
func (t *memberTx) Remember(ctx context.Context, tenantUID string, r member.Request, name string) error {
	if r.ID == "" {
		return nil
	}
	_, err := t.tx.Exec(ctx, `INSERT INTO member_requests (tenant_uid, method, request_id, digest, name, create_time) VALUES ($1, $2, $3, $4, $5, now())`,
		tenantUID, r.Method, r.ID, r.Digest, name)
	if err != nil {
		return fmt.Errorf("remember the call: %w", err)
	}
	return nil
}

// Forget drops what is kept of requests before a time.
func (s *Members) Forget(ctx context.Context, before time.Time) error {
	if _, err := s.store.pool.Exec(ctx, `DELETE FROM member_requests WHERE create_time < $1`, before); err != nil {
		return fmt.Errorf("forget requests: %w", err)
	}
	return nil
}

// Tenants answers the tenants there are.
func (s *Members) Tenants(ctx context.Context) (map[string]string, error) {
	rows, err := s.store.pool.Query(ctx, `SELECT id, uid FROM tenants`)
	if err != nil {
		return nil, fmt.Errorf("read tenants: %w", err)
	}
	out := map[string]string{}
	var id, uid string
	_, err = pgx.ForEachRow(rows, []any{&id, &uid}, func() error {
		out[id] = uid
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read tenants: %w", err)
	}
	return out, nil
}

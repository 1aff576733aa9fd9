package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

const (
	memberColumns = `SELECT m.uid, m.tenant_uid, m.scope, m.subject, m.email, m.display_name, m.roles, m.vouched, m.revision, m.create_time, m.update_time
  FROM members m`

	putMember = `INSERT INTO members (uid, tenant_uid, scope, subject, email, display_name, roles, vouched, revision, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (uid) DO UPDATE SET email = $5, display_name = $6, roles = $7, vouched = $8, revision = $9, update_time = $11`

	// inTenant is the condition that a scope is a tenant, by its name, or lies in it.
	inTenant = `(scope = $1 OR starts_with(scope, $1 || '/'))`

	lockMembers   = `SELECT pg_advisory_lock(hashtextextended('members/' || $1, 0))`
	unlockMembers = `SELECT pg_advisory_unlock(hashtextextended('members/' || $1, 0))`
	unlockTime    = 5 * time.Second
)

// Members is the rows of members and service accounts.
type Members struct {
	pool     *pgxpool.Pool
	pages    *paging.Token
	turns    chan struct{}
	members  rows.Listing[member.Member]
	accounts rows.Listing[member.Account]
}

// NewMembers makes a store. A change holds a connection for its lock while the directory is called, so at most a third of the
// pool's are in changes at once: the rest of the service goes on while the directory is slow.
func NewMembers(pool *pgxpool.Pool, pages *paging.Token) *Members {
	return &Members{
		pool: pool, pages: pages, turns: make(chan struct{}, max(1, int(pool.Config().MaxConns)/3)),
		members: rows.Listing[member.Member]{
			Kind: "member", Query: memberColumns, Scan: scanMember, Orders: orderable, Unique: paging.Order{Field: "name", SQL: "m.name"},
			Schema: filter.NewSchema(
				filter.String("name", "m.name"), filter.String("email", "m.email"), filter.String("display_name", "m.display_name"),
				filter.Timestamp("create_time", "m.create_time"),
			),
			Values: func(m member.Member) map[string]any {
				return map[string]any{"name": m.Name(), "create_time": m.CreateTime}
			},
		},
		accounts: rows.Listing[member.Account]{
			Kind: "service account", Query: accountColumns, Scan: scanAccount, Orders: orderable, Unique: paging.Order{Field: "name", SQL: "a.name"},
			Schema: filter.NewSchema(
				filter.String("name", "a.name"), filter.String("display_name", "a.display_name"), filter.Timestamp("create_time", "a.create_time"),
				filter.Timestamp("expire_time", "a.expire_time"), filter.Timestamp("last_use_time", "a.last_use_time"),
			),
			Values: func(a member.Account) map[string]any {
				return map[string]any{"name": a.Name(), "create_time": a.CreateTime}
			},
		},
	}
}

// Exclusive runs fn while no other change of a tenant's members runs. The lock is that of a session and no transaction: fn
// may call the directory. Postgres releases it when the connection ends.
func (s *Members) Exclusive(ctx context.Context, tenantUID string, fn func(context.Context) error) error {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn to change members: %w", ctx.Err())
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("lock members: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, lockMembers, tenantUID); err != nil {
		return fmt.Errorf("lock members: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTime)
		defer cancel()
		if _, err := conn.Exec(ctx, unlockMembers, tenantUID); err != nil {
			_ = conn.Conn().Close(ctx) // ends the lock; the pool drops a closed connection
		}
	}()
	return fn(ctx)
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

// Member reads one member.
func (s *Members) Member(ctx context.Context, k member.Key) (member.Member, error) {
	return rows.One(ctx, s.pool, "member", k.Scope.Name()+"/members/"+k.ID, scanMember, memberColumns+` WHERE m.scope = $1 AND m.subject = $2`, k.Scope.Name(), k.ID)
}

// ListMembers reads a page of a scope's members.
func (s *Members) ListMembers(ctx context.Context, scope member.Scope, q resource.List) (resource.Page[member.Member], error) {
	return s.members.Page(ctx, s.pool, s.pages, q, "m.scope = $1", scope.Name())
}

// Members reads every member of a tenant, at all levels.
func (s *Members) Members(ctx context.Context, tenantUID string) ([]member.Member, error) {
	return rows.Many(ctx, s.pool, "member", scanMember, memberColumns+` WHERE m.tenant_uid = $1`, tenantUID)
}

// MembersIn reads every member of a tenant, by its id.
func (s *Members) MembersIn(ctx context.Context, tenant string) ([]member.Member, error) {
	return rows.Many(ctx, s.pool, "member", scanMember, memberColumns+` WHERE `+inTenant+` ORDER BY scope, subject`, member.Scope{Tenant: tenant}.Name())
}

// PutMember writes a member, new or changed.
func (s *Members) PutMember(ctx context.Context, tx pgx.Tx, m member.Member) error {
	_, err := tx.Exec(ctx, putMember, m.UID, m.TenantUID, m.Scope.Name(), m.Subject, m.Email, m.DisplayName, m.Roles, m.Vouched, m.Revision,
		m.CreateTime, m.UpdateTime)
	if err != nil {
		return fmt.Errorf("write member: %w", err)
	}
	return nil
}

// DeleteMember removes a member.
func (s *Members) DeleteMember(ctx context.Context, tx pgx.Tx, uid string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM members WHERE uid = $1`, uid); err != nil {
		return fmt.Errorf("delete member: %w", err)
	}
	return nil
}

// VpcUID is the VPC that the roles at a scope are of, empty when there are none. Another VPC may have the id later.
func (s *Members) VpcUID(ctx context.Context, scope member.Scope) (string, error) {
	return rows.First[string](ctx, s.pool, "the VPC of roles", `SELECT vpc_uid FROM member_vpcs WHERE scope = $1`, scope.Name())
}

// SetVpcUID records it, and forgets the scope for an empty uid.
func (s *Members) SetVpcUID(ctx context.Context, tenantUID string, scope member.Scope, uid string) error {
	sql, args := `DELETE FROM member_vpcs WHERE scope = $1`, []any{scope.Name()}
	if uid != "" {
		sql = `INSERT INTO member_vpcs (scope, tenant_uid, vpc_uid) VALUES ($1, $2, $3) ON CONFLICT (scope) DO UPDATE SET vpc_uid = $3`
		args = append(args, tenantUID, uid)
	}
	if _, err := s.pool.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("record the VPC of roles: %w", err)
	}
	return nil
}

// Tenants reads the unique ids of all tenants by their ids.
func (s *Members) Tenants(ctx context.Context) (map[string]string, error) {
	all, err := rows.Many(ctx, s.pool, "tenant", pgx.RowTo[[2]string], `SELECT ARRAY[id, uid] FROM tenants`)
	out := make(map[string]string, len(all))
	for _, t := range all {
		out[t[0]] = t[1]
	}
	return out, err
}

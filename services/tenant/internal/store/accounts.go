package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

const (
	accountColumns = `SELECT a.uid, a.tenant_uid, a.scope, a.id, a.display_name, a.roles, a.client_id, a.external_id, a.subject, a.expired,
       a.expire_time, a.last_use_time, a.revision, a.create_time, a.update_time
  FROM service_accounts a`

	// Accounts that are being made are not there yet.
	accountByKey = accountColumns + ` WHERE a.scope = $1 AND a.id = $2`
	finished     = ` AND a.external_id <> ''`

	beginAccount = `INSERT INTO service_accounts (uid, tenant_uid, scope, id, display_name, roles, client_id, expire_time, revision, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (scope, id) DO NOTHING`

	finishAccount = `UPDATE service_accounts SET display_name = $2, roles = $3, external_id = $4, subject = $5, expired = $6, expire_time = $7,
       revision = $8, update_time = $9, create_time = $10
 WHERE uid = $1`

	// batch bounds what one pass takes on.
	batch = 100
)

func scanAccount(row pgx.CollectableRow) (member.Account, error) {
	var a member.Account
	var scope string
	var used *time.Time
	err := row.Scan(&a.UID, &a.TenantUID, &scope, &a.ID, &a.DisplayName, &a.Roles, &a.ClientID, &a.External, &a.Subject, &a.Expired,
		&a.ExpireTime, &used, &a.Revision, &a.CreateTime, &a.UpdateTime)
	if err != nil {
		return a, err
	}
	a.ExpireTime, a.LastUseTime, a.CreateTime, a.UpdateTime = a.ExpireTime.UTC(), orZero(used), a.CreateTime.UTC(), a.UpdateTime.UTC()
	a.Scope, err = member.ParseScope(scope)
	return a, err
}

// Account reads one account.
func (s *Members) Account(ctx context.Context, k member.Key) (member.Account, error) {
	return rows.One(ctx, s.pool, "service account", k.Scope.Name()+"/serviceAccounts/"+k.ID, scanAccount, accountByKey+finished, k.Scope.Name(), k.ID)
}

// ListAccounts reads a page of a scope's accounts.
func (s *Members) ListAccounts(ctx context.Context, scope member.Scope, q resource.List) (resource.Page[member.Account], error) {
	return s.accounts.Page(ctx, s.pool, s.pages, q, "a.external_id <> '' AND a.scope = $1", scope.Name())
}

// Accounts reads every account of a tenant, unfinished ones too.
func (s *Members) Accounts(ctx context.Context, tenantUID string) ([]member.Account, error) {
	return s.manyAccounts(ctx, ` WHERE a.tenant_uid = $1`, tenantUID)
}

// AccountsIn reads the accounts of a tenant, by its id.
func (s *Members) AccountsIn(ctx context.Context, tenant string) ([]member.Account, error) {
	return s.manyAccounts(ctx, ` WHERE a.external_id <> '' AND `+inTenant+` ORDER BY scope, id`, member.Scope{Tenant: tenant}.Name())
}

// Ended reads accounts that expired and are not disabled yet.
func (s *Members) Ended(ctx context.Context, now time.Time) ([]member.Account, error) {
	return s.manyAccounts(ctx, ` WHERE NOT a.expired AND a.expire_time <= $1 AND a.external_id <> '' ORDER BY a.expire_time LIMIT $2`, now, batch)
}

// Unfinished reads accounts that were begun before a time and never finished.
func (s *Members) Unfinished(ctx context.Context, before time.Time) ([]member.Account, error) {
	return s.manyAccounts(ctx, ` WHERE a.external_id = '' AND a.create_time < $1 LIMIT $2`, before, batch)
}

func (s *Members) manyAccounts(ctx context.Context, where string, args ...any) ([]member.Account, error) {
	return rows.Many(ctx, s.pool, "service account", scanAccount, accountColumns+where, args...)
}

// BeginAccount commits the intent of an account, before the directory makes its client. It returns an
// unfinished account of the id instead; a finished one is SERVICE_ACCOUNT_EXISTS.
func (s *Members) BeginAccount(ctx context.Context, a member.Account) (member.Account, error) {
	tag, err := s.pool.Exec(ctx, beginAccount, a.UID, a.TenantUID, a.Scope.Name(), a.ID, a.DisplayName, a.Roles, a.ClientID,
		a.ExpireTime, a.Revision, a.CreateTime, a.UpdateTime)
	if err != nil {
		return a, fmt.Errorf("begin service account: %w", err)
	}
	if tag.RowsAffected() == 1 {
		return a, nil
	}
	have, err := rows.One(ctx, s.pool, "service account", a.Name(), scanAccount, accountByKey, a.Scope.Name(), a.ID)
	if err == nil && have.External != "" {
		return a, member.AccountExists(a.Name())
	}
	return have, err
}

// FinishAccount writes an account whose client exists.
func (s *Members) FinishAccount(ctx context.Context, tx pgx.Tx, a member.Account) error {
	tag, err := tx.Exec(ctx, finishAccount, a.UID, a.DisplayName, a.Roles, a.External, a.Subject, a.Expired, a.ExpireTime, a.Revision,
		a.UpdateTime, a.CreateTime)
	if err != nil {
		return fmt.Errorf("write service account: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errs.NotFound("service account", a.Name())
	}
	return nil
}

// DeleteAccount removes an account.
func (s *Members) DeleteAccount(ctx context.Context, tx pgx.Tx, uid string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM service_accounts WHERE uid = $1`, uid); err != nil {
		return fmt.Errorf("delete service account: %w", err)
	}
	return nil
}

// Used records when clients logged in. The etag of an account stays.
func (s *Members) Used(ctx context.Context, at map[string]time.Time) error {
	// One by one: a change locks its tenant's log until the commit, and no two are locked at once here.
	for client, t := range at {
		_, err := s.pool.Exec(ctx, `UPDATE service_accounts SET last_use_time = $2
 WHERE client_id = $1 AND (last_use_time IS NULL OR last_use_time < $2)`, client, t)
		if err != nil {
			return fmt.Errorf("record last uses: %w", err)
		}
	}
	return nil
}

// LastUse is the latest login recorded.
func (s *Members) LastUse(ctx context.Context) (time.Time, error) {
	at, err := rows.First[*time.Time](ctx, s.pool, "the last use", `SELECT max(last_use_time) FROM service_accounts`)
	return orZero(at), err
}

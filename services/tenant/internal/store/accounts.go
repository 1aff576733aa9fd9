package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

const (
	accountColumns = `SELECT a.uid, a.tenant_uid, a.scope, a.id, a.display_name, a.roles, a.client_id, a.external_id, a.subject, a.expired,
       a.expire_time, a.last_use_time, a.revision, a.create_time, a.update_time
  FROM service_accounts a`

	beginAccount = `INSERT INTO service_accounts (uid, tenant_uid, scope, id, display_name, roles, client_id, expire_time, revision, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (scope, id) DO NOTHING`

	finishAccount = `UPDATE service_accounts SET display_name = $2, roles = $3, external_id = $4, subject = $5, expired = $6, expire_time = $7,
       revision = $8, update_time = $9, create_time = $10
 WHERE uid = $1`
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

func oneAccount(ctx context.Context, q provision.Querier, k member.Key) (member.Account, error) {
	a, err := findAccount(ctx, q, k)
	if err == nil && a.External == "" {
		err = pgx.ErrNoRows // not there before the directory has it
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return member.Account{}, errs.NotFound("service account", k.Scope.Name()+"/serviceAccounts/"+k.ID)
	}
	return a, err
}

func findAccount(ctx context.Context, q provision.Querier, k member.Key) (member.Account, error) {
	rows, err := q.Query(ctx, accountColumns+` WHERE a.scope = $1 AND a.id = $2`, k.Scope.Name(), k.ID)
	if err != nil {
		return member.Account{}, fmt.Errorf("read service account: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, scanAccount)
	if err != nil {
		return a, fmt.Errorf("read service account: %w", err)
	}
	return a, nil
}

// BeginAccount commits the intent of an account.
func (s *Members) BeginAccount(ctx context.Context, a member.Account) (member.Account, error) {
	tag, err := s.store.pool.Exec(ctx, beginAccount, a.UID, a.TenantUID, a.Scope.Name(), a.ID, a.DisplayName, a.Roles, a.ClientID,
		a.ExpireTime, a.Revision, a.CreateTime, a.UpdateTime)
	if err != nil {
		return a, fmt.Errorf("begin service account: %w", err)
	}
	if tag.RowsAffected() == 1 {
		return a, nil
	}
	have, err := findAccount(ctx, s.store.pool, member.Key{Scope: a.Scope, ID: a.ID})
	if err == nil && have.External != "" {
		return a, member.AccountExists(a.Name())
	}
	return have, err
}

// Account answers one account.
func (t *memberTx) Account(ctx context.Context, k member.Key) (member.Account, error) {
	a, err := oneAccount(ctx, t.tx, k)
	if err == nil {
		t.names[a.UID] = a.Name()
		t.changes.Before(a.Name(), t.messages.Account(a))
	}
	return a, err
}

// FinishAccount writes an account that the directory has.
func (t *memberTx) FinishAccount(ctx context.Context, a member.Account) error {
	_, err := t.tx.Exec(ctx, finishAccount, a.UID, a.DisplayName, a.Roles, a.External, a.Subject, a.Expired, a.ExpireTime, a.Revision,
		a.UpdateTime, a.CreateTime)
	if err != nil {
		return fmt.Errorf("write service account: %w", err)
	}
	t.changes.After(a.Name(), t.messages.Account(a))
	return nil
}

// DeleteAccount drops an account.
func (t *memberTx) DeleteAccount(ctx context.Context, uid string) error {
	if _, err := t.tx.Exec(ctx, `DELETE FROM service_accounts WHERE uid = $1`, uid); err != nil {
		return fmt.Errorf("delete service account: %w", err)
	}
	t.removed(uid)
	return nil
}

// Accounts answers every account of a tenant.
func (t *memberTx) Accounts(ctx context.Context, tenantUID string) ([]member.Account, error) {
	return collectAccounts(ctx, t.tx, ` WHERE a.tenant_uid = $1`, tenantUID)
}

func collectAccounts(ctx context.Context, q provision.Querier, where string, args ...any) ([]member.Account, error) {
	rows, err := q.Query(ctx, accountColumns+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read service accounts: %w", err)
	}
	out, err := pgx.CollectRows(rows, scanAccount)
	if err != nil {
		return nil, fmt.Errorf("read service accounts: %w", err)
	}
	return out, nil
}

const batch = 100

// Ended answers accounts whose secret has ended and which are not shut yet.
func (s *Members) Ended(ctx context.Context, now time.Time) ([]member.Account, error) {
	return collectAccounts(ctx, s.store.pool, ` WHERE NOT a.expired AND a.expire_time <= $1 AND a.external_id <> '' ORDER BY a.expire_time LIMIT $2`, now, batch)
}

// Unfinished answers accounts that were begun before a time and never finished.
func (s *Members) Unfinished(ctx context.Context, before time.Time) ([]member.Account, error) {
	return collectAccounts(ctx, s.store.pool, ` WHERE a.external_id = '' AND a.create_time < $1 LIMIT $2`, before, batch)
}

// Used notes when clients logged in. It is no change of the account: its etag stays.
func (s *Members) Used(ctx context.Context, at map[string]time.Time) error {
	// One by one: what is told of a change holds its tenant up until the commit, and none waits for another here.
	for client, t := range at {
		_, err := s.store.pool.Exec(ctx, `UPDATE service_accounts SET last_use_time = $2
 WHERE client_id = $1 AND (last_use_time IS NULL OR last_use_time < $2)`, client, t)
		if err != nil {
			return fmt.Errorf("note last uses: %w", err)
		}
	}
	return nil
}

// LastUse is the latest login that is noted.
func (s *Members) LastUse(ctx context.Context) (time.Time, error) {
	var at *time.Time
	if err := s.store.pool.QueryRow(ctx, `SELECT max(last_use_time) FROM service_accounts`).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("read the last use: %w", err)
	}
	return orZero(at), nil
}

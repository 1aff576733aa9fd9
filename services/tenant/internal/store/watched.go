package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

// inTenant is the condition that a scope is a tenant, by its name, or lies in it.
const inTenant = `(scope = $1 OR starts_with(scope, $1 || '/'))`

// MembersIn answers every member of a tenant, by its id, at all levels.
func (s *Members) MembersIn(ctx context.Context, tenant string) ([]member.Member, error) {
	return within(ctx, s, memberColumns+` WHERE `+inTenant+` ORDER BY scope, subject`, tenant, scanMember)
}

// AccountsIn answers every service account of a tenant, by its id, at all levels.
func (s *Members) AccountsIn(ctx context.Context, tenant string) ([]member.Account, error) {
	return within(ctx, s, accountColumns+` WHERE a.external_id <> '' AND `+inTenant+` ORDER BY scope, id`, tenant, scanAccount)
}

func within[T any](ctx context.Context, s *Members, sql, tenant string, scan pgx.RowToFunc[T]) ([]T, error) {
	rows, err := s.store.pool.Query(ctx, sql, resourcename.Tenant{Tenant: tenant}.String())
	if err != nil {
		return nil, fmt.Errorf("read what is in a tenant: %w", err)
	}
	out, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("read what is in a tenant: %w", err)
	}
	return out, nil
}

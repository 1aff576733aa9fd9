package quota

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

const (
	// lockLimits makes and locks the rows of limits in one order: transactions do not deadlock.
	lockLimits = `INSERT INTO quota_limits AS l (tenant, place, resource, platform_limit, update_time)
SELECT $1, c.place, c.resource, c.platform_limit, $5 FROM unnest($2::text[], $3::text[], $4::bigint[]) AS c (place, resource, platform_limit)
 ORDER BY c.place, c.resource
ON CONFLICT (tenant, place, resource) DO UPDATE SET platform_limit = coalesce(excluded.platform_limit, l.platform_limit)
RETURNING ` + columns

	// lockHeld locks the rows of a holder's limits, in the same order.
	lockHeld = `SELECT 1 FROM quota_limits l JOIN quota_reservations r USING (tenant, place, resource)
 WHERE r.holder = $1 ORDER BY place, resource FOR NO KEY UPDATE OF l`

	insertReservations = `INSERT INTO quota_reservations (holder, tenant, place, resource, amount, state, create_time)
SELECT $1, $2, c.place, c.resource, c.amount, 'RESERVED', $6 FROM unnest($3::text[], $4::text[], $5::bigint[]) AS c (place, resource, amount)
 ORDER BY c.place, c.resource`
)

// Reserve takes all claims of a resource, in the transaction of its order, or none. Its error names every limit in the way. A claim that
// the holder has already is not taken again.
func (l *Ledger) Reserve(ctx context.Context, tx pgx.Tx, tenant, holder string, claims []Claim) error {
	held, err := heldBy(ctx, tx, holder)
	if err != nil {
		return err
	}
	claims = slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool {
		return c.Amount == 0 || slices.ContainsFunc(held, func(h Claim) bool { return h.Place == c.Place && h.Resource == c.Resource })
	})
	if len(claims) == 0 {
		return nil
	}
	slices.SortFunc(claims, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Resource, b.Resource))
	})
	places, resources, amounts := make([]string, len(claims)), make([]string, len(claims)), make([]int64, len(claims))
	defaults := make([]*int64, len(claims))
	for i, c := range claims {
		places[i], resources[i], amounts[i] = c.Place, c.Resource, c.Amount
		if limit, ok := l.defaults[c.Resource]; ok && c.Place == tenantName(tenant) {
			defaults[i] = &limit
		}
	}
	now := l.clock.Now()
	standings, err := l.collect(tx.Query(ctx, lockLimits, tenant, places, resources, defaults, now))
	if err != nil {
		return err
	}
	if err := exceeded(claims, standings); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertReservations, holder, tenant, places, resources, amounts, now); err != nil {
		return fmt.Errorf("reserve quota: %w", err)
	}
	return nil
}

// Commit notes that a resource is complete: its reservations are in use.
func (l *Ledger) Commit(ctx context.Context, tx pgx.Tx, holder string) error {
	var waiting bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM quota_reservations WHERE holder = $1 AND state = 'RESERVED')`, holder).Scan(&waiting)
	if err != nil {
		return fmt.Errorf("look for reserved quota: %w", err)
	}
	if !waiting {
		return nil
	}
	if _, err := tx.Exec(ctx, lockHeld, holder); err != nil {
		return fmt.Errorf("lock quotas: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE quota_reservations SET state = 'IN_USE' WHERE holder = $1 AND state = 'RESERVED'`, holder); err != nil {
		return fmt.Errorf("use quota: %w", err)
	}
	return nil
}

// Release frees the reservations of a resource that is gone.
func (l *Ledger) Release(ctx context.Context, tx pgx.Tx, holder string) error {
	if _, err := tx.Exec(ctx, lockHeld, holder); err != nil {
		return fmt.Errorf("lock quotas: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM quota_reservations WHERE holder = $1`, holder); err != nil {
		return fmt.Errorf("release quota: %w", err)
	}
	return nil
}

// Room returns the error that Reserve would meet now.
func (l *Ledger) Room(ctx context.Context, q Querier, tenant string, claims []Claim) error {
	standings, err := l.List(ctx, q, tenant, "")
	if err != nil {
		return err
	}
	return exceeded(claims, standings)
}

// Holding is the share of a holder in one limit.
type Holding struct {
	Standing
	Amount int64
}

// Holdings are the shares of a holder, by place and resource.
func (l *Ledger) Holdings(ctx context.Context, q Querier, tenant, holder string) ([]Holding, error) {
	claims, err := heldBy(ctx, q, holder)
	if err != nil || len(claims) == 0 {
		return nil, err
	}
	standings, err := l.List(ctx, q, tenant, "")
	if err != nil {
		return nil, err
	}
	out := make([]Holding, 0, len(claims))
	for _, c := range claims {
		if i := slices.IndexFunc(standings, c.of); i >= 0 {
			out = append(out, Holding{standings[i], c.Amount})
		}
	}
	return out, nil
}

// of reports whether a claim is on a limit.
func (c Claim) of(s Standing) bool { return s.Place == c.Place && s.Resource == c.Resource }

func heldBy(ctx context.Context, q Querier, holder string) ([]Claim, error) {
	rows, err := q.Query(ctx, `SELECT place, resource, amount FROM quota_reservations WHERE holder = $1 ORDER BY place, resource`, holder)
	if err != nil {
		return nil, fmt.Errorf("read reservations: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Claim])
	if err != nil {
		return nil, fmt.Errorf("read reservations: %w", err)
	}
	return out, nil
}

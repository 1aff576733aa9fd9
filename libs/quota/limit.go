package quota

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
)

// requestMemory is how long a request id answers what it answered first.
const requestMemory = 24 * time.Hour

// List answers the limits of a tenant and of what is in it; with a place those of that place alone. Those that nothing has been
// taken of yet are there too.
func (l *Ledger) List(ctx context.Context, q Querier, tenant, place string) ([]Standing, error) {
	out, err := l.collect(q.Query(ctx, `SELECT `+columns+` FROM quota_limits l WHERE l.tenant = $1 AND ($2 = '' OR l.place = $2)`, tenant, place))
	if err != nil {
		return nil, err
	}
	if place == "" || place == tenantName(tenant) {
		for resource := range l.defaults {
			if !slices.ContainsFunc(out, Claim{Place: tenantName(tenant), Resource: resource}.of) {
				out = append(out, l.untouched(tenant, resource))
			}
		}
	}
	slices.SortFunc(out, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Resource, b.Resource))
	})
	return out, nil
}

// untouched is a limit of a tenant of which nothing was ever taken.
func (l *Ledger) untouched(tenant, resource string) Standing {
	limit := l.defaults[resource]
	return Standing{Tenant: tenant, Place: tenantName(tenant), Resource: resource, Service: l.service, Platform: &limit, Revision: 1}
}

// Get answers one limit, NOT_FOUND when this service has none of the name.
func (l *Ledger) Get(ctx context.Context, q Querier, name resourcename.Quota) (Standing, error) {
	all, err := l.List(ctx, q, name.Tenant, name.Place())
	if err != nil {
		return Standing{}, err
	}
	i := slices.IndexFunc(all, Claim{Place: name.Place(), Resource: name.Resource()}.of)
	if i < 0 || name.Service() != l.service {
		return Standing{}, errs.NotFound("quota", name.String())
	}
	return all[i], nil
}

// Change asks for another limit of a tenant.
type Change struct {
	Name resourcename.Quota
	// Override is nil for the platform's own limit.
	Override *int64
	Etag     string
	// RequestID and Digest tell a repeated call from a new one.
	RequestID string
	Digest    []byte
}

// Changed is what became of a limit.
type Changed struct {
	Before, After Standing
	// Replayed is true when an earlier call with the same request id had done it.
	Replayed bool
}

// Update sets the limit of a tenant. One below what is in use is allowed, and refuses more.
func (l *Ledger) Update(ctx context.Context, tx pgx.Tx, c Change) (Changed, error) {
	tenant, resource := c.Name.Tenant, c.Name.Resource()
	if c.Name.Organisation != "" {
		return Changed{}, errs.Failed("QUOTA_OF_PROJECT", "%q is what the organisation's own quota gives its project; change it with an update of %q",
			c.Name, c.Name.Place()).With("resource", c.Name.String())
	}
	platform, ok := l.defaults[resource]
	if !ok || c.Name.Service() != l.service {
		return Changed{}, errs.NotFound("quota", c.Name.String())
	}
	if done, err := l.replay(ctx, tx, c); err != nil || done != nil {
		return Changed{After: deref(done), Replayed: done != nil}, err
	}
	now := l.clock.Now()
	// One row, locked until the transaction ends.
	found, err := l.collect(tx.Query(ctx, lockLimits, tenant, []string{c.Name.Place()}, []string{resource}, []int64{platform}, now))
	if err != nil {
		return Changed{}, err
	}
	before := found[0]
	if err := etag.Check(c.Name.String(), c.Etag, before.Etag()); err != nil {
		return Changed{}, err
	}
	updated, err := l.collect(tx.Query(ctx, `UPDATE quota_limits l SET override_limit = $3, revision = revision + 1, update_time = $4
 WHERE tenant = $5 AND place = $1 AND resource = $2 RETURNING `+columns, c.Name.Place(), resource, c.Override, now, tenant))
	if err != nil {
		return Changed{}, err
	}
	return Changed{Before: before, After: updated[0]}, l.remember(ctx, tx, c, updated[0])
}

func deref(s *Standing) Standing {
	if s == nil {
		return Standing{}
	}
	return *s
}

// replay answers what an earlier call with the same request id answered; nil when there was none in the last 24 hours.
func (l *Ledger) replay(ctx context.Context, tx pgx.Tx, c Change) (*Standing, error) {
	if c.RequestID == "" {
		return nil, nil
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "quota\x1f"+c.Name.Tenant+"\x1f"+c.RequestID); err != nil {
		return nil, fmt.Errorf("lock request id: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM quota_requests WHERE tenant = $1 AND create_time <= $2`, c.Name.Tenant, l.clock.Now().Add(-requestMemory)); err != nil {
		return nil, fmt.Errorf("forget request ids: %w", err)
	}
	var digest, answer []byte
	err := tx.QueryRow(ctx, `SELECT digest, answer FROM quota_requests WHERE tenant = $1 AND request_id = $2`, c.Name.Tenant, c.RequestID).Scan(&digest, &answer)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up request id: %w", err)
	case !bytes.Equal(digest, c.Digest):
		return nil, errs.New(errs.AlreadyExists, errs.ReasonRequestIDReused,
			"request_id %q was used for another request within the last 24 hours; use a new one for a new request", c.RequestID)
	}
	var s Standing
	if err := json.Unmarshal(answer, &s); err != nil {
		return nil, fmt.Errorf("read what was answered: %w", err)
	}
	return &s, nil
}

func (l *Ledger) remember(ctx context.Context, tx pgx.Tx, c Change, s Standing) error {
	if c.RequestID == "" {
		return nil
	}
	answer, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write what is answered: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO quota_requests (tenant, request_id, digest, answer, create_time) VALUES ($1, $2, $3, $4, $5)`,
		c.Name.Tenant, c.RequestID, c.Digest, answer, l.clock.Now()); err != nil {
		return fmt.Errorf("remember request id: %w", err)
	}
	return nil
}

// Set notes the limits of a place as somebody else says they are.
func (l *Ledger) Set(ctx context.Context, tx pgx.Tx, tenant, place string, limits map[string]int64) error {
	resources := slices.Sorted(maps.Keys(limits))
	places, values := make([]string, len(resources)), make([]int64, len(resources))
	for i, r := range resources {
		places[i], values[i] = place, limits[r]
	}
	_, err := tx.Exec(ctx, `INSERT INTO quota_limits AS l (tenant, place, resource, platform_limit, update_time)
SELECT $1, c.place, c.resource, c.platform_limit, $5 FROM unnest($2::text[], $3::text[], $4::bigint[]) AS c (place, resource, platform_limit)
 ORDER BY c.place, c.resource
ON CONFLICT (tenant, place, resource) DO UPDATE SET platform_limit = excluded.platform_limit, revision = l.revision + 1, update_time = excluded.update_time
 WHERE l.platform_limit IS DISTINCT FROM excluded.platform_limit`, tenant, places, resources, values, l.clock.Now())
	if err != nil {
		return fmt.Errorf("set quotas of %s: %w", place, err)
	}
	return nil
}

// Forget removes the limits of a place that is gone, and of all there is in it. Nothing may hold anything of them any more.
func (l *Ledger) Forget(ctx context.Context, tx pgx.Tx, tenant, place string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM quota_limits WHERE tenant = $1 AND (place = $2 OR starts_with(place, $2 || '/'))`, tenant, place); err != nil {
		return fmt.Errorf("forget quotas of %s: %w", place, err)
	}
	if place == tenantName(tenant) {
		if _, err := tx.Exec(ctx, `DELETE FROM quota_requests WHERE tenant = $1`, tenant); err != nil {
			return fmt.Errorf("forget request ids: %w", err)
		}
	}
	return nil
}

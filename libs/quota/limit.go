package quota

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
)

// List returns the limits of a tenant and of its organisations, unused ones too; with a place, those of the place alone.
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

// untouched is a limit of a tenant that was never used.
func (l *Ledger) untouched(tenant, resource string) Standing {
	limit := l.defaults[resource]
	return Standing{Tenant: tenant, Place: tenantName(tenant), Resource: resource, Service: l.service, Platform: &limit, Revision: 1}
}

// Get returns one limit. A name that this service does not count is NOT_FOUND.
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
}

// Update sets the limit of a tenant, and returns it as it was and as it is. A limit below the use is allowed; it refuses more.
func (l *Ledger) Update(ctx context.Context, tx pgx.Tx, c Change) (before, after Standing, err error) {
	tenant, resource := c.Name.Tenant, c.Name.Resource()
	if c.Name.Organisation != "" {
		return before, after, errs.Failed("QUOTA_OF_PROJECT", "%q is what the organisation's own quota gives its project; change it with an update of %q",
			c.Name, c.Name.Place()).With("resource", c.Name.String())
	}
	platform, ok := l.defaults[resource]
	if !ok || c.Name.Service() != l.service {
		return before, after, errs.NotFound("quota", c.Name.String())
	}
	now := l.clock.Now()
	// The row stays locked until the transaction ends.
	found, err := l.collect(tx.Query(ctx, lockLimits, tenant, []string{c.Name.Place()}, []string{resource}, []int64{platform}, now))
	if err != nil {
		return before, after, err
	}
	if err := etag.Check(c.Name.String(), c.Etag, found[0].Etag()); err != nil {
		return before, after, err
	}
	updated, err := l.collect(tx.Query(ctx, `UPDATE quota_limits l SET override_limit = $3, revision = revision + 1, update_time = $4
 WHERE tenant = $5 AND place = $1 AND resource = $2 RETURNING `+columns, c.Name.Place(), resource, c.Override, now, tenant))
	if err != nil {
		return before, after, err
	}
	return found[0], updated[0], nil
}

// Set notes the limits of a place that another service gives.
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

// Forget removes the limits of a place that is gone, and of the places in it. No reservation may be left.
func (l *Ledger) Forget(ctx context.Context, tx pgx.Tx, tenant, place string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM quota_limits WHERE tenant = $1 AND (place = $2 OR starts_with(place, $2 || '/'))`, tenant, place); err != nil {
		return fmt.Errorf("forget quotas of %s: %w", place, err)
	}
	return nil
}

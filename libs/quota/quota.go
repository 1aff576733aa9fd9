// Package quota counts the limited resources of tenants, in the database of the service that owns them.
//
// A resource reserves its share in the transaction of its order (Reserve). The share is in use once the resource is complete (Commit),
// and free once it is gone (Release). Deleted resources that can come back, and blocked ones, count. The holder is the resource's uid,
// so each of the three can be repeated.
//
// No limit is oversold. The row of a limit is locked from the reservation to the end of the transaction. Triggers keep its counts from
// the reservations alone, and fail a count that grows beyond the limit. A limit may be lowered below the use; it refuses more. A
// refusal is RESOURCE_EXHAUSTED and names every limit in the way.
//
// A limit belongs to a place: a tenant or an organisation. A tenant's limit has a default of the platform and an override of its
// operators. An organisation's limit is the quota of its project in the cloud (Set); before Set it counts and refuses nothing.
package quota

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/pg"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations is the set of tables of the package.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	return pg.Migrations{Name: "quota", FS: files}
}

// Querier reads and writes: a pool or a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Ledger counts for one service. It is safe for use by several goroutines.
type Ledger struct {
	service  string
	clock    clock.Clock
	defaults map[string]int64
}

// New makes the ledger of a service; defaults are the limits of each tenant by resource, for example `vpcs`.
func New(service string, c clock.Clock, defaults map[string]int64) *Ledger {
	return &Ledger{service: service, clock: c, defaults: defaults}
}

// Claim is the share of a resource in one limit.
type Claim struct {
	// Place is the name of a tenant or an organisation.
	Place    string
	Resource string
	Amount   int64
}

// Standing is one limit and its counts.
type Standing struct {
	Tenant, Place, Resource string
	// Service keeps the count.
	Service string
	// Platform is the platform's limit, Override the operators'; nil when there is none.
	Platform, Override *int64
	InUse, Reserved    int64
	Revision           int64
	UpdateTime         time.Time
}

// Name is its resource name.
func (s Standing) Name() string {
	return s.Place + "/" + "quotas" + "/" + s.Service + "." + s.Resource
}

// Limit is the effective limit, false when none is known.
func (s Standing) Limit() (int64, bool) {
	switch {
	case s.Override != nil:
		return *s.Override, true
	case s.Platform != nil:
		return *s.Platform, true
	default:
		return 0, false
	}
}

// Taken is the amount in use or reserved.
func (s Standing) Taken() int64 { return s.InUse + s.Reserved }

// Fits reports whether an amount more can be reserved.
func (s Standing) Fits(amount int64) bool {
	limit, known := s.Limit()
	return !known || s.Taken()+amount <= limit
}

// OfTenant is true for a limit of a tenant, false for one of an organisation's project.
func (s Standing) OfTenant() bool { return s.Place == tenantName(s.Tenant) }

// Etag changes with every change of the limit, and not with use.
func (s Standing) Etag() string { return etag.Of(s.Name(), s.Revision) }

func tenantName(id string) string { return resourcename.Tenant{Tenant: id}.String() }

const columns = `l.tenant, l.place, l.resource, l.platform_limit, l.override_limit, l.in_use, l.reserved, l.revision, l.update_time`

// scan reads the columns. The platform's limit of a tenant is the current setting, not the row's.
func (l *Ledger) scan(row pgx.CollectableRow) (Standing, error) {
	s := Standing{Service: l.service}
	err := row.Scan(&s.Tenant, &s.Place, &s.Resource, &s.Platform, &s.Override, &s.InUse, &s.Reserved, &s.Revision, &s.UpdateTime)
	if limit, ok := l.defaults[s.Resource]; ok && s.OfTenant() {
		s.Platform = &limit
	}
	return s, err
}

func (l *Ledger) collect(rows pgx.Rows, err error) ([]Standing, error) {
	if err != nil {
		return nil, fmt.Errorf("read quotas: %w", err)
	}
	out, err := pgx.CollectRows(rows, l.scan)
	if err != nil {
		return nil, fmt.Errorf("read quotas: %w", err)
	}
	return out, nil
}

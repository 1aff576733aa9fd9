// Package quota keeps count of what tenants hold of what is limited, in the database of the service that owns it.
//
// What a resource takes is reserved in the transaction of its order (Reserve), becomes in use when the resource is what was
// ordered (Commit), and is given back when it is gone (Release): never before, so that what is deleted but can come back, and
// what is blocked on its way, still counts. The key is the resource's unique id, so each of the three bears repeating.
//
// It promises that no limit is oversold, whatever callers do at once: the row of a limit is locked from the reservation to the
// end of the transaction, its counts are kept by triggers of the database from the reservations alone, and a count that grows
// beyond its limit breaks the transaction. A limit that is lowered below what is in use is allowed, and refuses more. What does
// not fit is RESOURCE_EXHAUSTED with every limit that is in the way.
//
// A limit belongs to a place, which is a tenant or an organisation. Those of tenants have a default of the platform's, and an
// override that its operators set. Those of organisations are what others say they are (Set): the quota of its project in the
// cloud. One that nobody has told yet counts and refuses nothing.
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

// Migrations is the set of tables every service that keeps count has.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is a constant and the folder is embedded
	}
	return pg.Migrations{Name: "quota", FS: files}
}

// Querier reads and writes: a pool or a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Ledger keeps count for one service. It is safe for use by several goroutines.
type Ledger struct {
	service  string
	clock    clock.Clock
	defaults map[string]int64
}

// New makes the ledger of a service; defaults are the limits of each tenant, by what is limited, for example `vpcs`.
func New(service string, c clock.Clock, defaults map[string]int64) *Ledger {
	return &Ledger{service: service, clock: c, defaults: defaults}
}

// Claim is what a resource takes of one limit.
type Claim struct {
	// Place is the name of a tenant or an organisation.
	Place    string
	Resource string
	Amount   int64
}

// Standing is one limit and what is taken of it.
type Standing struct {
	Tenant, Place, Resource string
	// Service is who keeps count.
	Service string
	// Platform is the platform's limit, Override what was set instead; nil when there is none.
	Platform, Override *int64
	InUse, Reserved    int64
	Revision           int64
	UpdateTime         time.Time
}

// Name is its resource name.
func (s Standing) Name() string {
	return s.Place + "/" + "quotas" + "/" + s.Service + "." + s.Resource
}

// Limit is the limit that holds; false when none is known.
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

// Taken is what is in use or reserved.
func (s Standing) Taken() int64 { return s.InUse + s.Reserved }

// Fits tells whether so much more can be reserved.
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

// scan reads the columns; the platform's limit of a tenant is that of now, whatever the row says.
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

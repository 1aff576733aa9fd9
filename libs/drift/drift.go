// Package drift compares what a cloud holds with what the kinds of a service ask for, has the differences repaired, and lists them.
//
// A kind declares every attribute once, in the steps of its plan (libs/provision, Step.Check). A pass takes a snapshot of the cloud,
// has the engine inspect every resource, whatever its state, and records a finding for each object that differs. Steps put the
// object right: in a new operation, or in the one that works on the resource. An object of others is reported and never touched. A
// finding that is not seen again is resolved. A resource that a worker holds, or that changed a moment ago, is left to a later pass.
//
// Passes may run in every replica at once, and may stop anywhere. The failure of one resource does not keep a pass from the others.
package drift

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations is the set with the table of findings. It comes after the service's own.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is a constant and the folder is embedded
	}
	return pg.Migrations{Name: "drift", FS: files}
}

// Kind is how the cloud differs.
type Kind string

// The kinds.
const (
	// Missing is an object of ours that is gone.
	Missing Kind = "MISSING"
	// Changed is an object of ours that was changed.
	Changed Kind = "CHANGED"
	// Foreign is an object of others among ours. It is reported, never touched.
	Foreign Kind = "FOREIGN"
)

// kinds are the numbers of the kinds in both APIs.
var kinds = map[string]int32{string(Missing): 1, string(Changed): 2, string(Foreign): 3}

// Value is one attribute that differs.
type Value struct {
	Attribute string `json:"attribute"`
	Want      string `json:"want"`
	Actual    string `json:"actual"`
}

// Finding is one object that differs.
type Finding struct {
	UID, Tenant string
	// Resource is the name of the resource that the object belongs to, ResourceUID its unique id.
	Resource, ResourceUID string
	Kind                  Kind
	ObjectType, ObjectID  string
	Detail                string
	Values                []Value
	// Operation is the name of the one that puts it right; empty for Foreign.
	Operation                     string
	FirstSeen, LastSeen, Resolved time.Time

	steps []string
}

// key is equal for one finding that is seen twice.
type key struct {
	resourceUID          string
	kind                 Kind
	objectType, objectID string
}

func (f Finding) key() key { return key{f.ResourceUID, f.Kind, f.ObjectType, f.ObjectID} }

// findingsOf are the differences of a resource, one finding for each object.
func findingsOf(in provision.Inspected) []Finding {
	var out []Finding
	at := map[key]int{}
	for _, d := range in.Differences {
		f := Finding{
			Tenant: in.Tenant, Resource: in.Name, ResourceUID: in.UID, Kind: Changed, ObjectType: d.Type, ObjectID: d.ID, Detail: d.String(),
		}
		if d.Missing {
			f.Kind = Missing
		} else {
			f.Values = []Value{{Attribute: d.Attribute, Want: d.Want, Actual: d.Is}}
		}
		if d.Step != "" {
			f.steps = []string{d.Step}
		}
		i, known := at[f.key()]
		if !known {
			at[f.key()] = len(out)
			out = append(out, f)
			continue
		}
		out[i].Detail += "; " + f.Detail
		out[i].Values, out[i].steps = append(out[i].Values, f.Values...), append(out[i].steps, f.steps...)
	}
	return out
}

// Findings are the rows.
type Findings struct {
	pool   *pgxpool.Pool
	clock  clock.Clock
	tokens *paging.Token
}

// NewFindings returns the findings of a database. Lists need tokens.
func NewFindings(pool *pgxpool.Pool, c clock.Clock, tokens *paging.Token) *Findings {
	return &Findings{pool: pool, clock: c, tokens: tokens}
}

const selectFinding = `SELECT f.uid, f.tenant, f.resource, f.resource_uid, f.kind, f.object_type, f.object_id, f.detail, f.operation,
       f.first_seen, f.last_seen, f.resolve_time, f.differences FROM drift_findings f`

func scan(row pgx.CollectableRow) (f Finding, err error) {
	var resolved *time.Time
	var values []byte
	if err = row.Scan(&f.UID, &f.Tenant, &f.Resource, &f.ResourceUID, &f.Kind, &f.ObjectType, &f.ObjectID, &f.Detail, &f.Operation,
		&f.FirstSeen, &f.LastSeen, &resolved, &values); err != nil {
		return f, err
	}
	if resolved != nil {
		f.Resolved = *resolved
	}
	return f, json.Unmarshal(values, &f.Values)
}

// List lists the findings of a tenant, resolved ones only with in.All. The names of its times differ between the APIs.
func (s *Findings) List(ctx context.Context, tenant, first string, in resource.List) (resource.Page[Finding], error) {
	list := rows.Listing[Finding]{
		Kind: "drift finding", Query: selectFinding, Shown: "f.resolve_time IS NULL",
		Schema: filter.NewSchema(
			filter.String("resource", "f.resource"), filter.Enum("kind", "f.kind", kinds),
			filter.String("object_type", "f.object_type"), filter.String("object_id", "f.object_id"),
			filter.Timestamp(first, "f.first_seen"), filter.Timestamp("last_seen_time", "f.last_seen"),
			filter.Timestamp("resolve_time", "f.resolve_time")),
		Orders: []string{"last_seen_time", first}, Usual: []paging.Order{{Field: "last_seen_time", SQL: "f.last_seen", Desc: true}},
		Unique: paging.Order{Field: "uid", SQL: "f.uid", Desc: true}, Scan: scan,
		Values: func(f Finding) map[string]any {
			return map[string]any{"uid": f.UID, "last_seen_time": f.LastSeen, first: f.FirstSeen}
		},
	}
	return list.Page(ctx, s.pool, s.tokens, in, "f.tenant = $1", tenant)
}

// open reads every finding that lasts.
func (s *Findings) open(ctx context.Context) ([]Finding, error) {
	return rows.Many(ctx, s.pool, "drift finding", scan, selectFinding+` WHERE f.resolve_time IS NULL`)
}

// note records a finding that was seen, for the first time or again.
func (s *Findings) note(ctx context.Context, tx pgx.Tx, f Finding) error {
	values, err := json.Marshal(append([]Value{}, f.Values...))
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO drift_findings AS f (uid, tenant, resource, resource_uid, kind, object_type, object_id, detail,
				operation, differences, first_seen, last_seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
			ON CONFLICT (resource_uid, kind, object_type, object_id) WHERE resolve_time IS NULL
			DO UPDATE SET last_seen = excluded.last_seen, detail = excluded.detail, differences = excluded.differences,
			              operation = COALESCE(NULLIF(excluded.operation, ''), f.operation)`,
			ids.New("drift"), f.Tenant, f.Resource, f.ResourceUID, f.Kind, f.ObjectType, f.ObjectID, f.Detail, f.Operation, values, s.now())
	}
	if err != nil {
		return fmt.Errorf("note drift of %s: %w", f.Resource, err)
	}
	return nil
}

// resolve records that findings are gone.
func (s *Findings) resolve(ctx context.Context, tx pgx.Tx, uids []string) error {
	_, err := tx.Exec(ctx, `UPDATE drift_findings SET resolve_time = $2 WHERE uid = ANY($1) AND resolve_time IS NULL`, uids, s.now())
	if err != nil {
		return fmt.Errorf("resolve drift findings: %w", err)
	}
	return nil
}

func (s *Findings) now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }

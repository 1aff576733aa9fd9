package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/drift"
)

const selectFinding = `SELECT f.uid, f.tenant, f.resource, f.resource_uid, f.kind, f.object_type, f.object_id, f.detail, f.operation,
       f.first_seen, f.last_seen, f.resolve_time FROM drift_findings f`

type findingRow struct {
	UID         string
	Tenant      string
	Resource    string
	ResourceUID string `db:"resource_uid"`
	Kind        string
	ObjectType  string `db:"object_type"`
	ObjectID    string `db:"object_id"`
	Detail      string
	Operation   string
	FirstSeen   time.Time  `db:"first_seen"`
	LastSeen    time.Time  `db:"last_seen"`
	ResolveTime *time.Time `db:"resolve_time"`
}

func (r findingRow) finding() (drift.Finding, error) {
	f := drift.Finding{
		UID: r.UID, Tenant: r.Tenant, Resource: r.Resource, ResourceUID: r.ResourceUID, Kind: drift.FindingKind(r.Kind),
		ObjectType: r.ObjectType, ObjectID: r.ObjectID, Detail: r.Detail, Operation: r.Operation,
		FirstSeen: r.FirstSeen, LastSeen: r.LastSeen,
	}
	if r.ResolveTime != nil {
		f.Resolved = *r.ResolveTime
	}
	return f, nil
}

// OpenFindings reads every finding that lasts.
func (s *Store) OpenFindings(ctx context.Context) ([]drift.Finding, error) {
	return rows.Many(ctx, s.pool, "drift finding", rows.By(findingRow.finding), selectFinding+` WHERE f.resolve_time IS NULL`)
}

// NoteFinding records a finding that was seen, for the first time or again.
func (s *Store) NoteFinding(ctx context.Context, tx pgx.Tx, f drift.Finding) error {
	_, err := tx.Exec(ctx, `INSERT INTO drift_findings AS f (uid, tenant, resource, resource_uid, kind, object_type, object_id, detail,
			operation, first_seen, last_seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
		ON CONFLICT (resource_uid, kind, object_type, object_id) WHERE resolve_time IS NULL
		DO UPDATE SET last_seen = excluded.last_seen, detail = excluded.detail,
		              operation = COALESCE(NULLIF(excluded.operation, ''), f.operation)`,
		ids.New("drift"), f.Tenant, f.Resource, f.ResourceUID, string(f.Kind), f.ObjectType, f.ObjectID, f.Detail, f.Operation, s.Now())
	if err != nil {
		return fmt.Errorf("note drift of %s: %w", f.Resource, err)
	}
	return nil
}

// ResolveFindings records that findings are gone.
func (s *Store) ResolveFindings(ctx context.Context, tx pgx.Tx, uids []string) error {
	_, err := tx.Exec(ctx, `UPDATE drift_findings SET resolve_time = $2 WHERE uid = ANY($1) AND resolve_time IS NULL`, uids, s.Now())
	if err != nil {
		return fmt.Errorf("resolve drift findings: %w", err)
	}
	return nil
}

package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
)

// Repair has the named steps done again: each first looks for its object, then changes or makes it. Detail describes the
// drift for people. Repair returns the operation that does so: a new one of a resource at rest, and the present one of a resource
// that is being worked on. It returns nil while a worker holds the resource and for a deletion: a later pass looks again.
func (e *Engine) Repair(ctx context.Context, tx pgx.Tx, uid string, steps []string, detail string) (*Operation, error) {
	c := Change{UID: uid, Verb: "repair", Transient: Repairing}
	var current *string
	var held bool
	err := tx.QueryRow(ctx, `SELECT kind, name, tenant, state, current_operation, deleting OR
		(current_operation IS NOT NULL AND coalesce(lease_until > clock_timestamp(), false)) FROM provision_resources WHERE uid = $1 FOR NO KEY UPDATE`, uid).Scan(&c.Kind, &c.Name, &c.Tenant, &c.Final, &current, &held)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, errs.NotFound("resource", uid)
	case err != nil:
		return nil, fmt.Errorf("lock resource to repair: %w", err)
	case held, current == nil && c.Final != Active && c.Final != Suspended && c.Final != Deleted:
		return nil, nil
	}
	forgot, err := tx.Exec(ctx, `UPDATE provision_ledger SET digest = $3, open = true, missed_time = NULL, verified = false
		WHERE resource_uid = $1 AND step = ANY($2) AND state = 'PRESENT' AND digest <> $3`, uid, steps, digestUnknown)
	switch {
	case err != nil:
		return nil, fmt.Errorf("forget steps of %s: %w", c.Name, err)
	case current != nil && forgot.RowsAffected() == 0:
		return nil, nil
	case current != nil:
		return e.Hasten(ctx, tx, uid)
	}
	op, err := e.Accept(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `UPDATE provision_operations SET detail = $2 WHERE id = $1`, op.ID, clean(detail)); err != nil {
		return nil, fmt.Errorf("record what to repair: %w", err)
	}
	return op, nil
}

const objectsPage = 500

// Objects answers the ledger of one kind in pages, ordered by resource: what drift loops compare the cloud with.
func (e *Engine) Objects(ctx context.Context, kind string, page func([]OwnedObject) error) error {
	uid, step, id := "", "", ""
	for {
		rows, err := e.cfg.Pool.Query(ctx, `
			SELECT r.kind, r.uid, r.name, r.tenant, r.state, r.reconciling, l.step, l.object_type, l.external_id, l.external_name,
			       l.attributes, l.state IN ('SURPLUS', 'DELETING')
			  FROM provision_ledger l JOIN provision_resources r ON r.uid = l.resource_uid
			 WHERE r.kind = $1 AND l.external_id <> '' AND l.object_type <> '' AND l.state <> 'DOUBT'
			   AND (l.resource_uid, l.step, l.external_id) > ($2, $3, $4)
			 ORDER BY l.resource_uid, l.step, l.external_id LIMIT $5`, kind, uid, step, id, objectsPage)
		if err != nil {
			return fmt.Errorf("read ledger of kind %s: %w", kind, err)
		}
		objects, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (OwnedObject, error) {
			var o OwnedObject
			return o, row.Scan(&o.Kind, &o.ResourceUID, &o.Resource, &o.Tenant, &o.ResourceState, &o.Reconciling, &o.Step, &o.Type,
				&o.ID, &o.Name, &o.Attributes, &o.Surplus)
		})
		if err != nil {
			return fmt.Errorf("read ledger of kind %s: %w", kind, err)
		}
		if len(objects) == 0 {
			return nil
		}
		if err := page(objects); err != nil {
			return err
		}
		last := objects[len(objects)-1]
		uid, step, id = last.ResourceUID, last.Step, last.ID
	}
}

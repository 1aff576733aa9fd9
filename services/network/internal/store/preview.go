package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/request"
)

// errPreviewed rolls a change back that was made only to be planned.
var errPreviewed = errors.New("the change was asked for as a plan only")

// preview puts the plan in the place of an operation, and has the transaction rolled back, when only the plan was asked for.
func (s *Store) preview(ctx context.Context, tx pgx.Tx, id request.Identity, op **provision.Operation) error {
	if !id.ValidateOnly {
		return nil
	}
	planned, err := s.engine.Preview(ctx, tx, *op)
	if err != nil {
		return err
	}
	if err := s.effects(ctx, tx, planned); err != nil {
		return err
	}
	*op = planned
	return errPreviewed
}

// PreviewRemoval answers what goes with a tenant or an organisation, peerings that end with a VPC of it included.
func (s *Store) PreviewRemoval(ctx context.Context, name string) ([]provision.PlannedObject, error) {
	parts := strings.Split(name, "/")
	rows, err := s.pool.Query(ctx, `SELECT r.uid FROM provision_resources r WHERE r.tenant = $1 AND starts_with(r.name, $2)
		UNION SELECT p.uid FROM peerings p JOIN vpcs v ON v.uid IN (p.vpc_uid, p.peer_uid) WHERE starts_with(v.name, $2)`,
		parts[1], name+"/")
	if err != nil {
		return nil, fmt.Errorf("look for what is below %s: %w", name, err)
	}
	uids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for what is below %s: %w", name, err)
	}
	return s.engine.Removals(ctx, s.pool, uids)
}

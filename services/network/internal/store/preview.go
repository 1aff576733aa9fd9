package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
)

// PreviewRemoval answers what goes with a tenant or an organisation, peerings that end with a VPC of it included.
func (s *Store) PreviewRemoval(ctx context.Context, name string) ([]provision.PlannedObject, error) {
	parts := strings.Split(name, "/")
	found, err := s.pool.Query(ctx, `SELECT r.uid FROM provision_resources r WHERE r.tenant = $1 AND starts_with(r.name, $2)
		UNION SELECT p.uid FROM peerings p JOIN vpcs v ON v.uid IN (p.vpc_uid, p.peer_uid) WHERE starts_with(v.name, $2)`,
		parts[1], name+"/")
	if err != nil {
		return nil, fmt.Errorf("look for what is below %s: %w", name, err)
	}
	uids, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for what is below %s: %w", name, err)
	}
	return s.engine.Removals(ctx, s.pool, uids)
}

package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource/rows"
)

// Below are the uids of the resources below a tenant or an organisation, by its name, and of the peerings that end with a VPC of it.
func (s *Store) Below(ctx context.Context, tenant, name string) ([]string, error) {
	return rows.Many(ctx, s.pool, "resource", pgx.RowTo[string], `SELECT r.uid FROM provision_resources r WHERE r.tenant = $1 AND starts_with(r.name, $2)
		UNION SELECT p.uid FROM peerings p JOIN vpcs v ON v.uid IN (p.vpc_uid, p.peer_uid) WHERE starts_with(v.name, $2)`, tenant, name+"/")
}

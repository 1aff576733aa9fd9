package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Intent reads everything that was asked for, and which resources are being worked on, or were since a moment.
func (s *Store) Intent(ctx context.Context, settledBefore time.Time) (isolation.Intent, error) {
	w := isolation.Intent{Busy: map[string]bool{}}
	var err error
	if w.Hubs, err = rows.Many(ctx, s.pool, hub.Kind, rows.By(hubRow.hub), selectHub); err != nil {
		return w, err
	}
	if w.Vpcs, err = rows.Many(ctx, s.pool, vpc.Kind, rows.By(vpcRow.vpc), selectVpc); err != nil {
		return w, err
	}
	if w.Peerings, err = rows.Many(ctx, s.pool, peering.Kind, rows.By(peeringRow.peering), selectPeering); err != nil {
		return w, err
	}
	// After the resources: what began meanwhile is left alone too.
	found, err := s.pool.Query(ctx, `SELECT uid FROM provision_resources WHERE reconciling OR deleting OR state <> 'ACTIVE'
		UNION SELECT resource_uid FROM provision_operations WHERE end_time >= $1 OR end_time IS NULL`, settledBefore)
	if err != nil {
		return w, fmt.Errorf("read what is worked on: %w", err)
	}
	busy, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return w, fmt.Errorf("read what is worked on: %w", err)
	}
	for _, uid := range busy {
		w.Busy[uid] = true
	}
	return w, nil
}

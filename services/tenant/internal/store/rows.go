package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Rows is our own rows as the engine's work sees them: by unique id, in whatever transaction the engine is in.
type Rows struct {
	outbox Outbox
	quota  *quota.Ledger
}

// NewRows reads and writes rows whose changes are told through the outbox, and counted in the ledger of quotas.
func NewRows(outbox Outbox, l *quota.Ledger) *Rows { return &Rows{outbox: outbox, quota: l} }

// Made answers the steps of a resource that are done, and the digest of the inputs they were done with.
func (r *Rows) Made(ctx context.Context, q provision.Querier, uid string) (map[string]string, error) {
	rows, err := q.Query(ctx, `SELECT step, digest FROM provision_ledger WHERE resource_uid = $1 AND state = 'PRESENT'`, uid)
	if err != nil {
		return nil, fmt.Errorf("read what was made: %w", err)
	}
	made := map[string]string{}
	var step, digest string
	_, err = pgx.ForEachRow(rows, []any{&step, &digest}, func() error {
		made[step] = digest
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what was made: %w", err)
	}
	return made, nil
}

// AnnounceTenant appends an event that shows the tenant as it is in the transaction.
func (r *Rows) AnnounceTenant(ctx context.Context, tx pgx.Tx, kind string, t tenancy.Tenant) error {
	return r.outbox.Tenant(ctx, tx, kind, t)
}

// AnnounceOrganisation appends an event that shows the organisation as it is in the transaction.
func (r *Rows) AnnounceOrganisation(ctx context.Context, tx pgx.Tx, kind string, o tenancy.Organisation) error {
	return r.outbox.Organisation(ctx, tx, kind, o)
}

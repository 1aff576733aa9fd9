package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Hasten answers the operation that works on a resource, nil when none does, and has whatever waits in it for its next try
// tried at once. It is for a caller whose wish that operation fulfils already, perhaps with a spec that was made easier: a
// second operation would only supersede the first, and whoever follows that would hear that it was given up.
func (e *Engine) Hasten(ctx context.Context, tx pgx.Tx, uid string) (*Operation, error) {
	var tenant string
	var current *string
	err := tx.QueryRow(ctx, `SELECT tenant, current_operation FROM provision_resources WHERE uid = $1 FOR NO KEY UPDATE`, uid).
		Scan(&tenant, &current)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up the work on %s: %w", uid, err)
	case current == nil:
		return nil, nil
	}
	if _, err := tx.Exec(ctx, `UPDATE provision_steps SET retry_at = NULL WHERE operation = $1`, *current); err != nil {
		return nil, fmt.Errorf("hasten operation %s: %w", *current, err)
	}
	if err := wakeNow(ctx, tx, `$1`, uid); err != nil {
		return nil, err
	}
	return e.Read(ctx, tx, tenant, *current)
}

package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Hasten returns the operation that works on a resource, nil when none does, and ends the pauses of its steps. It is for a caller
// whose change that operation brings already, perhaps with a spec that was made easier. A second operation would only supersede
// the first, and a client that follows the first would learn that it was given up.
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

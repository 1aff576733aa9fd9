package accept

import (
	"context"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/rows"
)

// Removal is the operation that removes a resource already, nil when none does.
func (t *Tx) Removal(ctx context.Context, uid string) (*provision.Operation, error) {
	return t.operation(ctx, `SELECT current_operation FROM provision_resources WHERE uid = $1 AND deleting AND current_operation IS NOT NULL`, uid)
}

// Creation is the operation that made a resource, or makes it now; nil when it ended otherwise.
func (t *Tx) Creation(ctx context.Context, uid string) (*provision.Operation, error) {
	return t.operation(ctx, `SELECT id FROM provision_operations
		WHERE resource_uid = $1 AND verb = 'create' AND state IN ('RUNNING', 'SUCCEEDED') ORDER BY create_time DESC LIMIT 1`, uid)
}

func (t *Tx) operation(ctx context.Context, sql, uid string) (*provision.Operation, error) {
	id, err := rows.First[string](ctx, t, "operation of "+uid, sql, uid)
	if id == "" || err != nil {
		return nil, err
	}
	return t.cfg.Engine.Read(ctx, t, t.tenant, id)
}

package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource"
)

// heldPause is when to look again at a resource that another worker holds.
const heldPause = 500 * time.Millisecond

// held is a resource under our lease.
type held struct {
	uid, kind, name, tenant, verb string
	state, transient, final       State
	conditions                    Conditions
	inSync                        Condition // as the slice found it
	blockage                      *Blockage
	generation                    int64
	deleting                      bool
	operation                     string
	fence                         int64
}

// The database's clock decides about leases: those of the machines may differ.
const acquire = `
UPDATE provision_resources SET fence = fence + 1, lease_holder = $2, lease_until = clock_timestamp() + $3::interval
 WHERE uid = $1 AND current_operation IS NOT NULL
   AND (lease_until IS NULL OR lease_until < clock_timestamp() OR lease_holder = $2)
RETURNING uid, kind, name, tenant, verb, state, transient_state, final_state, conditions, blockage, generation, deleting,
       current_operation, fence`

// acquire takes the lease. It answers nil when there is nothing to do, or another worker has it: then the resource is
// looked at again soon.
func (e *Engine) acquire(ctx context.Context, uid string) (*held, error) {
	var h held
	var conditions, blockage []byte
	err := e.cfg.Pool.QueryRow(ctx, acquire, uid, e.id, e.cfg.Lease).Scan(&h.uid, &h.kind, &h.name, &h.tenant, &h.verb, &h.state,
		&h.transient, &h.final, &conditions, &blockage, &h.generation, &h.deleting, &h.operation, &h.fence)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, e.lookAgain(ctx, uid)
	}
	if err != nil {
		return nil, fmt.Errorf("take lease of %s: %w", uid, err)
	}
	if h.conditions, err = resource.ParseConditions(conditions); err == nil {
		h.blockage, err = resource.ParseBlockage(blockage)
	}
	if err != nil {
		return nil, fmt.Errorf("read state of %s: %w", uid, err)
	}
	h.inSync = h.conditions.Of(ConditionInSync)
	return &h, nil
}

func (e *Engine) lookAgain(ctx context.Context, uid string) error {
	var unfinished bool
	err := e.cfg.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM provision_resources WHERE uid = $1 AND current_operation IS NOT NULL)`,
		uid).Scan(&unfinished)
	if err != nil {
		return fmt.Errorf("look whether %s has work: %w", uid, err)
	}
	if unfinished {
		e.wakes.at(uid, e.now().Add(heldPause))
	}
	return nil
}

// renew keeps the lease until the answered function is called, and ends the slice with errLost when it cannot.
func (e *Engine) renew(ctx context.Context, h *held, lost context.CancelCauseFunc) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Real time: the lease is in the database's.
		tick := time.NewTicker(e.cfg.Lease / 4)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			switch held, err := e.renewOnce(ctx, h); {
			case held:
				last = time.Now()
			case ctx.Err() != nil:
				return
			case err == nil || time.Since(last) > e.cfg.Lease*3/4:
				lost(errLost)
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (e *Engine) renewOnce(ctx context.Context, h *held) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Lease/2)
	defer cancel()
	tag, err := e.cfg.Pool.Exec(ctx, `UPDATE provision_resources SET lease_until = clock_timestamp() + $3::interval
		WHERE uid = $1 AND fence = $2`, h.uid, h.fence, e.cfg.Lease)
	if err != nil {
		return false, fmt.Errorf("renew lease of %s: %w", h.name, err)
	}
	return tag.RowsAffected() == 1, nil
}

// release gives the lease back and says when to look again. A newer operation's own time stands.
const release = `
UPDATE provision_resources SET lease_holder = NULL, lease_until = NULL,
       wake_at = CASE WHEN current_operation = $3 THEN $4 ELSE wake_at END
 WHERE uid = $1 AND fence = $2`

func conditionsColumn(cs Conditions) ([]byte, error) {
	column, err := json.Marshal(cs)
	if err != nil {
		return nil, fmt.Errorf("write conditions: %w", err)
	}
	return column, nil
}

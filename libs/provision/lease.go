package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource"
)

// abandonPause is when to look again at a resource whose slice was broken off.
const abandonPause = 500 * time.Millisecond

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
	// wake is the wake_at of the claim: another one by now means that somebody asked for another look.
	wake time.Time
}

const heldColumns = `r.uid, r.kind, r.name, r.tenant, r.verb, r.state, r.transient_state, r.final_state, r.conditions, r.blockage,
       r.generation, r.deleting, coalesce(r.current_operation, ''), r.fence, r.wake_at`

func scanHeld(row pgx.CollectableRow) (*held, error) {
	var h held
	return &h, h.scan(row)
}

func (h *held) scan(row pgx.Row) error {
	var conditions, blockage []byte
	err := row.Scan(&h.uid, &h.kind, &h.name, &h.tenant, &h.verb, &h.state, &h.transient, &h.final, &conditions, &blockage,
		&h.generation, &h.deleting, &h.operation, &h.fence, &h.wake)
	if err != nil {
		return fmt.Errorf("read resource: %w", err)
	}
	if h.conditions, err = resource.ParseConditions(conditions); err == nil {
		h.blockage, err = resource.ParseBlockage(blockage)
	}
	if err != nil {
		return fmt.Errorf("read state of %s: %w", h.name, err)
	}
	h.inSync = h.conditions.Of(ConditionInSync)
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

func conditionsColumn(cs Conditions) ([]byte, error) {
	column, err := json.Marshal(cs)
	if err != nil {
		return nil, fmt.Errorf("write conditions: %w", err)
	}
	return column, nil
}

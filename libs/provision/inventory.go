package provision

import (
	"context"
	"fmt"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/receipt"
)

// takeInventory is the last look of a deletion: the ledger is empty, so nothing may be left in the cloud that bears the
// resource's uid. An object that is there all the same is in no ledger: it blocks the deletion, is named and is never removed.
func (s *slice) takeInventory(ctx context.Context) error {
	s.inventory = receipt.Inventory{Scope: receipt.ScopeLedger, Left: len(s.ledger.entries), Time: s.e.now()}
	if s.kind.Inventory == nil {
		return nil
	}
	run := &Run{Resource: s.resource, operation: s.op.id, step: stumbleSettle}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if s.e.cfg.StepContext != nil {
		ctx = s.e.cfg.StepContext(ctx, run)
	}
	var left []External
	err := guarded(func() (err error) {
		left, err = s.kind.Inventory(ctx, run)
		return err
	})
	if err != nil {
		return fmt.Errorf("take the last inventory of %s: %w", s.res.name, err)
	}
	s.inventory = receipt.Inventory{Scope: receipt.ScopeCloud, Left: len(left), Time: s.e.now()}
	if len(left) == 0 {
		return nil
	}
	names := make([]string, len(left))
	for i, x := range left {
		names[i] = strings.TrimSpace(x.Name + " " + x.ID)
	}
	return errs.New(errs.Aborted, "OBJECT_LEFT",
		"the cloud still has %s, which bears the name of %s and is in no ledger; remove it, or take its name away, and the deletion ends by itself",
		strings.Join(names, ", "), s.res.name).With("resource", s.res.name)
}

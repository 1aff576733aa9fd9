package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/low-layer/platform/libs/errs"
)

// errSuperseded rolls an end back that came too late: a newer operation was accepted meanwhile.
var errSuperseded = errors.New("a newer operation was accepted")

// blocked is the blockage of the resource: that of its first blocked step.
func (s *situation) blocked() *Blockage {
	var first *stepRow
	for _, r := range s.rows {
		if r.blockage != nil && (first == nil || r.ordinal < first.ordinal) {
			first = r
		}
	}
	if first == nil {
		return nil
	}
	return first.blockage
}

// blockageChange decides which transition is due. A new retry time alone is written on the way.
func (s *slice) blockageChange() Outcome {
	now, was := s.blocked(), s.res.blockage
	switch {
	case s.stop == stopSuperseded:
		// The newer operation has set the resource's state already.
	case now == nil && was == nil:
		return 0
	case now == nil:
		return Unblocked
	case was == nil || was.Reason != now.Reason || was.Step != now.Step:
		return Blocked
	case *was != *now:
		s.writeBlockage(now)
	}
	return 0
}

func (s *slice) writeBlockage(b *Blockage) {
	column, err := column(b)
	if err != nil {
		// Strings and times of our own always marshal.
		panic(fmt.Sprintf("write blockage of %s: %v", s.res.name, err))
	}
	s.writes.Queue(`UPDATE provision_resources SET blockage = $2, update_time = $3 WHERE uid = $1 AND current_operation = $4`,
		s.res.uid, column, s.e.now(), s.op.id)
	s.writes.Queue(`UPDATE provision_operations SET blockage = $2, update_time = $3 WHERE id = $1`, s.op.id, column, s.e.now())
	s.res.blockage = copyOf(b)
}

func copyOf(b *Blockage) *Blockage {
	if b == nil {
		return nil
	}
	c := *b
	return &c
}

// commitTransition writes what is queued together with the resource's becoming blocked or unblocked.
func (s *slice) commitTransition(ctx context.Context, outcome Outcome) error {
	b := s.blocked()
	state, condition := s.res.transient, Condition{
		Type: ConditionProvisioned, Status: ConditionFalse, Reason: camel(string(s.res.transient)), Message: "work is under way",
	}
	if b != nil {
		state = BlockedAt
		condition.Reason, condition.Message = camel(b.Reason), b.Message
	}
	s.writeBlockage(b)
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if s.stop == stopSuperseded {
			return errSuperseded
		}
		column, err := conditionsColumn(s.res.conditions.Set(condition, s.e.now()))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE provision_resources SET state = $2, conditions = $3 WHERE uid = $1`, s.res.uid, state, column)
		if err != nil {
			return fmt.Errorf("write state of %s: %w", s.res.name, err)
		}
		return s.tell(ctx, tx, Settlement{Outcome: outcome, State: state, Blockage: b})
	})
	if errors.Is(err, errSuperseded) {
		return s.commit(ctx)
	}
	if err != nil {
		return err
	}
	s.res.state = state
	return nil
}

func (s *slice) tell(ctx context.Context, tx pgx.Tx, t Settlement) error {
	if s.kind.Settled == nil {
		return nil
	}
	t.Resource, t.Operation, t.Objects = s.resource, s.op.id, s.ledger.objects()
	if err := guarded(func() error { return s.kind.Settled(ctx, tx, t) }); err != nil {
		return fmt.Errorf("settle %s: %w", s.res.name, err)
	}
	return nil
}

// finished ends the operation: the resource is as wanted, or gone.
func (s *slice) finished(ctx context.Context) (verdict, error) {
	relapse := s.overcome(stumbleSettle)
	if err := s.saveRows(); err != nil {
		return parked, err
	}
	if s.resource.Deleting {
		if err := s.takeInventory(ctx); err != nil {
			relapse()
			return s.stumble(ctx, stumbleSettle, err)
		}
	}
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if s.stop == stopSuperseded {
			return errSuperseded
		}
		if s.resource.Deleting {
			return s.remove(ctx, tx)
		}
		return s.succeed(ctx, tx)
	})
	switch {
	case err == nil:
		s.e.history.add(s.res.kind, s.op.verb, "", s.e.now().Sub(s.op.created))
		return ended, nil
	case errors.Is(err, errSuperseded):
		return again, s.commit(ctx)
	case errors.Is(err, errLost) || ctx.Err() != nil:
		return parked, err
	}
	relapse()
	return s.stumble(ctx, stumbleSettle, err)
}

func (s *slice) succeed(ctx context.Context, tx pgx.Tx) error {
	now := s.e.now()
	conditions := s.res.conditions.Set(Condition{Type: ConditionProvisioned, Status: ConditionTrue, Reason: camel(string(s.res.final))}, now)
	if s.res.final == Active && !s.outOfSync() {
		conditions = conditions.Set(Condition{Type: ConditionInSync, Status: ConditionTrue, Reason: "Provisioned"}, now)
	}
	column, err := conditionsColumn(conditions)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE provision_resources SET state = final_state, conditions = $2, blockage = NULL, reconciling = false,
		observed_generation = generation, current_operation = NULL, lease_holder = NULL, lease_until = NULL, update_time = $3
		WHERE uid = $1`, s.res.uid, column, now)
	if err != nil {
		return fmt.Errorf("end work on %s: %w", s.res.name, err)
	}
	if err := s.tell(ctx, tx, Settlement{Outcome: Done, State: s.res.final}); err != nil {
		return err
	}
	if _, err := s.e.meter(ctx, tx, s.kind, s.resource, false); err != nil {
		return err
	}
	response := proto.Message(&emptypb.Empty{})
	if s.kind.Response != nil {
		err := guarded(func() (err error) {
			response, err = s.kind.Response(ctx, tx, s.res.uid)
			return err
		})
		if err != nil {
			return fmt.Errorf("answer operation: %w", err)
		}
	}
	return s.endOperation(ctx, tx, s.op.id, OperationSucceeded, response, nil)
}

// outOfSync reports whether somebody found, while this slice was at work, that what is there is not what was asked for.
func (s *slice) outOfSync() bool {
	now := s.res.conditions.Of(ConditionInSync)
	return now.Status == ConditionFalse && now != s.res.inSync
}

func (s *slice) remove(ctx context.Context, tx pgx.Tx) error {
	lines, err := s.removedObjects(ctx, tx)
	if err != nil {
		return err
	}
	name, err := s.sign(ctx, tx, lines)
	if err != nil {
		return err
	}
	if err := s.tell(ctx, tx, Settlement{Outcome: Done, State: s.res.final, Removed: true, Receipt: lines, ReceiptName: name}); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM provision_resources WHERE uid = $1`, s.res.uid); err != nil {
		return fmt.Errorf("remove %s: %w", s.res.name, err)
	}
	return s.endOperation(ctx, tx, s.op.id, OperationSucceeded, &emptypb.Empty{}, nil)
}

// cancelled ends the operation at its owner's wish. The objects that were made stay in the ledger.
func (s *slice) cancelled(ctx context.Context) (verdict, error) {
	if err := s.saveRows(); err != nil {
		return parked, err
	}
	now := s.e.now()
	b := &Blockage{
		Owner: OwnerUser, Reason: "CANCELLED", Message: "the operation " + s.op.id + " was cancelled before its end",
		Remedy: "update the resource to have the work go on, or delete it to remove what was made", SinceTime: now,
	}
	cause := errs.New(errs.Canceled, "CANCELLED", "the operation was cancelled; %s", b.Remedy)
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if s.stop == stopSuperseded {
			return errSuperseded
		}
		conditions := s.res.conditions.Set(Condition{Type: ConditionProvisioned, Status: ConditionFalse, Reason: "Cancelled", Message: b.Message}, now)
		column, err := conditionsColumn(conditions)
		if err != nil {
			return err
		}
		blockage, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("write blockage: %w", err)
		}
		_, err = tx.Exec(ctx, `UPDATE provision_resources SET state = 'BLOCKED', conditions = $2, blockage = $3, reconciling = false,
			current_operation = NULL, lease_holder = NULL, lease_until = NULL, update_time = $4 WHERE uid = $1`, s.res.uid, column, blockage, now)
		if err != nil {
			return fmt.Errorf("cancel work on %s: %w", s.res.name, err)
		}
		if err := s.tell(ctx, tx, Settlement{Outcome: Cancelled, State: BlockedAt, Blockage: b}); err != nil {
			return err
		}
		return s.endOperation(ctx, tx, s.op.id, OperationCancelled, nil, cause)
	})
	if errors.Is(err, errSuperseded) {
		return again, s.commit(ctx)
	}
	return ended, err
}

// guarded has a panic of the service be an error like any other.
func guarded(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	return do()
}

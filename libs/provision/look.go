package provision

import (
	"slices"
	"time"
)

// A write whose answer was lost may be carried out long after two looks found nothing. So whatever was ever in doubt is
// looked for once more: before an operation succeeds, and before what it needs, and the ledger, may go.

// lookPending reports whether a step's object is to be looked for once more before the operation succeeds.
func (x *entry) lookPending() bool {
	return x.state == entryPresent && x.objectType != "" && !x.doubted.IsZero() && !x.looked
}

// looksPending reports whether any step of the plan needs such a look.
func (s *situation) looksPending() bool {
	return slices.ContainsFunc(s.ledger.entries, (*entry).lookPending)
}

// readyLooks are the last looks of an operation: everything is as it was asked for, and was not always without doubt.
func (s *situation) readyLooks() []*task {
	if s.resource.Deleting || !s.looksPending() || len(s.removable()) > 0 {
		return nil
	}
	for i := range s.plan {
		if x := s.ledger.of(s.plan[i].Name); x == nil || !x.fulfils(&s.plan[i]) {
			return nil
		}
	}
	var out []*task
	for i := range s.plan {
		step := &s.plan[i]
		x, row := s.ledger.of(step.Name), s.rows[step.Name]
		if !x.lookPending() || s.running[step.Name] != nil || s.waits(row) || !s.lookDue(x, row) {
			continue
		}
		t := &task{action: actLook, key: step.Name, step: step, row: row, entry: x, deadline: defaultDeadline}
		if s.observer(t) == nil {
			x.looked = true
			continue
		}
		out = append(out, t)
	}
	return out
}

// lookDue reports whether what may still be under way has had its time, and has the row wait for that otherwise.
func (s *situation) lookDue(x *entry, row *stepRow) bool {
	if !x.look.After(s.now()) {
		return true
	}
	row.State, row.retryAt, row.dirty = StepRunning, x.look, true
	row.Message = "making sure that an earlier attempt is not carried out late"
	return false
}

// readyGhost looks for what a doubtful attempt may have made beside the object that is gone: before what it would need
// goes, because a late one would hold that and is found by it; and once more when nothing else is left.
func (s *situation) readyGhost(x *entry, row *stepRow) *task {
	all := s.removable()
	last := !slices.ContainsFunc(all, func(y *entry) bool { return y.state != entryDoubt })
	own := slices.ContainsFunc(all, func(y *entry) bool { return y.step == x.step && y.state != entryDoubt })
	if s.waits(row) || own || (x.looked && !last) || s.running[x.step] != nil || !s.lookDue(x, row) {
		return nil
	}
	t := &task{
		action: actLook, key: removalKey(x), entry: x, row: row, object: s.kind.object(x.objectType), deadline: defaultDeadline,
		removal: true, last: last,
	}
	if s.observer(t) == nil {
		s.forget(x)
		return nil
	}
	return t
}

// tookLook has everything go that is found beside what the ledger knows.
func (s *situation) tookLook(r result) {
	x := r.entry
	if n, ok := asNotYet(r.err); ok {
		s.later(r.task, n)
		return
	}
	if r.err != nil {
		s.fail(r.row, r.err)
		return
	}
	others := slices.DeleteFunc(s.unclaimed(x, r.found), func(f External) bool { return f.ID == x.ID })
	x.looked = true
	switch {
	case x.state != entryDoubt:
		s.surplus(x, others)
		r.row.State, r.row.Message, r.row.dirty = StepDone, "", true
		if r.row.Attempts == 0 {
			// An earlier operation did the step; this one only looked.
			r.row.State, r.row.StartTime = StepSkipped, time.Time{}
		}
		r.row.recover()
	case len(others) > 0:
		// The first takes the line over, so that the doubt outlives it and it is not found again.
		x.External, x.state, x.looked = others[0], entrySurplus, false
		x.sawMade(s.now())
		s.keep(x)
		s.surplus(x, others[1:])
		s.advance(s.removalRow(x))
	case r.last:
		s.forget(x)
	default:
		s.advance(r.row)
	}
}

// surplus enters objects of the entry's step that are too many.
func (s *situation) surplus(x *entry, found []External) {
	for _, f := range found {
		y := &entry{step: x.step, objectType: x.objectType, External: f, state: entrySurplus, ordinal: x.ordinal, needs: slices.Clone(x.needs)}
		y.sawMade(s.now())
		s.ledger.add(y)
		s.keep(y)
		s.removalRow(y)
	}
}

// lookAgain has the ghosts looked for once more that may hold an object which refuses to go.
func (s *situation) lookAgain(x *entry) {
	for _, y := range s.ledger.entries {
		if y.state == entryDoubt && slices.Contains(y.needs, x.step) {
			y.looked = false
		}
	}
}

// absorb hands the doubts about a step over to its new attempt.
func (s *situation) absorb(x *entry, objectType string) {
	for _, y := range slices.Clone(s.ledger.entries) {
		if y.state != entryDoubt || y.step != x.step || (y.objectType != objectType && y.ID != "") {
			continue
		}
		if y.doubted.After(x.doubted) {
			x.doubted = y.doubted
		}
		if y.look.After(x.look) {
			x.look = y.look
		}
		s.ledger.drop(y)
		s.erase(y)
	}
}

package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/receipt"
)

// askAgain is when the end of an object is asked for once more that was asked for and did not come.
const askAgain = 30 * time.Second

// readyRemovals are the tasks of the ledger's way back: what nothing needs any more, by the needs recorded when it was made.
func (s *situation) readyRemovals() []*task {
	var out []*task
	leaving := make(map[string][]*entry)
	for _, x := range s.removable() {
		row := s.removalRow(x)
		if s.running[removalKey(x)] != nil {
			continue
		}
		if x.state == entryDoubt {
			if t := s.readyGhost(x, row); t != nil {
				out = append(out, t)
			}
			continue
		}
		if x.state == entryDeleting {
			leaving[x.objectType] = append(leaving[x.objectType], x)
			continue
		}
		if t := s.readyRemoval(x, row); t != nil {
			out = append(out, t)
		}
	}
	for typ, group := range leaving {
		if t := s.readyGone(typ, group, out); t != nil {
			out = append(out, t)
		}
	}
	return out
}

func removalKey(x *entry) string { return removePrefix + x.step + "/" + x.ID }

func (s *situation) readyRemoval(x *entry, row *stepRow) *task {
	if s.waits(row) || s.needed(x) || (x.live() && s.running[x.step] != nil) {
		return nil
	}
	t := &task{
		key: removalKey(x), entry: x, row: row, object: s.kind.object(x.objectType), deadline: defaultDeadline, removal: true,
	}
	switch {
	case x.open && x.digest != leaving && x.objectType != "" && x.state != entrySurplus:
		if s.observer(t) == nil {
			s.fail(row, errs.New(errs.CodeInternal, "OBJECT_UNKNOWN",
				"an earlier attempt may have made a %s, and there is no way to look for it; report the operation's name", x.objectType))
			return nil
		}
		t.action = actObserve
	case x.ID == "" || x.objectType == "":
		// There is no object: the entry is all there is.
		s.vanish(x, "")
		return nil
	case t.object == nil:
		s.fail(row, errs.New(errs.CodeInternal, "OBJECT_UNKNOWN",
			"this version does not know how to remove a %s; report the operation's name", x.objectType))
		return nil
	default:
		s.distrust(t)
		t.action, t.restores = actDelete, s.restores(x)
	}
	return t
}

// restores are the means to take away what others added to an object, or to those it needs, and what may prevent its removal.
func (s *situation) restores(x *entry) []func(context.Context, *Run) error {
	var out []func(context.Context, *Run) error
	for _, name := range append([]string{x.step}, x.needs...) {
		step, y := s.knownStep(name), s.ledger.of(name)
		if step == nil || step.Restore == nil || y == nil || y.ID == "" {
			continue
		}
		object := y.External
		out = append(out, func(ctx context.Context, run *Run) error { return step.Restore(ctx, run, object) })
	}
	return out
}

// remove asks for the end of an object. When something is in its way, remove restores what the object needs and asks once more.
func (t *task) remove(ctx context.Context, x External) error {
	err := t.object.Delete(ctx, t.run, x)
	if class := classOf(err).name; err == nil || (class != classConflict.name && class != classPrecondition.name) {
		return err
	}
	for _, restore := range t.restores {
		if failed := restore(ctx, t.run); failed != nil {
			return err
		}
	}
	if len(t.restores) == 0 {
		return err
	}
	return t.object.Delete(ctx, t.run, x)
}

// leaving is the digest of an object whose end is being asked for; no step has it.
const leaving = "leaving"

// distrust notes, before its end is asked for, that an object may be gone: should its step come back with a later change
// before the answer is in the ledger, the step looks for the object and makes it anew instead of taking it for done.
func (s *situation) distrust(t *task) {
	x := t.entry
	if s.resource.Deleting || x.state != entryPresent || x.digest == leaving {
		return
	}
	x.digest, x.verified = leaving, false
	x.open = s.observer(t) != nil
	s.keep(x)
}

// needed reports whether something else must go, or be changed, before this may go.
func (s *situation) needed(x *entry) bool {
	for _, y := range s.ledger.entries {
		if y == x || !slices.Contains(y.needs, x.step) || (y.state == entryDoubt && y.looked) {
			continue
		}
		if x.state != entrySurplus || s.resource.Deleting {
			return true
		}
		// An object that refers to the successor already does not hold this one.
		if step := s.step(y.step); y.state == entryPresent && step != nil && !y.fulfils(step) {
			return true
		}
	}
	return false
}

// readyGone looks after all of a type at once, and only when no more of them are about to be asked to go.
func (s *situation) readyGone(typ string, group []*entry, starting []*task) *task {
	key := removePrefix + "gone/" + typ
	if s.running[key] != nil {
		return nil
	}
	for _, t := range s.running {
		if t.action == actDelete && t.entry.objectType == typ {
			return nil
		}
	}
	for _, t := range starting {
		if t.action == actDelete && t.entry.objectType == typ {
			return nil
		}
	}
	row := s.removalRow(group[0])
	object := s.kind.object(typ)
	if object == nil || s.waits(row) {
		return nil
	}
	return &task{action: actGone, key: key, group: group, row: row, object: object, deadline: defaultDeadline, removal: true}
}

func (s *situation) tookDelete(r result) {
	x := r.entry
	if n, ok := asNotYet(r.err); ok {
		s.later(r.task, n)
		return
	}
	if r.err != nil {
		if classOf(r.err).name == classConflict.name {
			s.lookAgain(x)
		}
		s.fail(r.row, r.err)
		return
	}
	s.point(r, AfterDeleteCommit)
	if r.object.Gone == nil {
		s.vanish(x, receipt.DeleteAnswered)
		return
	}
	x.state, x.deleted = entryDeleting, s.now()
	s.keep(x)
	s.advance(r.row)
	r.row.Message = "asked to go"
}

func (s *situation) tookGone(r result) {
	if n, ok := asNotYet(r.err); ok {
		s.later(r.task, n)
		return
	}
	if r.err != nil {
		s.fail(r.row, r.err)
		return
	}
	var left []*entry
	for _, x := range r.group {
		if slices.ContainsFunc(r.found, func(f External) bool { return f.ID == x.ID }) {
			left = append(left, x)
			continue
		}
		s.vanish(x, receipt.NotListed)
	}
	if len(left) == 0 {
		return
	}
	now := s.now()
	for _, x := range left {
		x.sawAgain(now)
		if now.Sub(x.deleted) > s.scaled(askAgain) {
			x.state, x.deleted = entrySurplus, time.Time{}
		}
		s.keep(x)
	}
	// The row of the whole group may belong to one that is gone.
	row := s.removalRow(left[0])
	row.asked = max(row.asked, r.row.asked)
	pause := min(100*time.Millisecond<<min(row.asked, 5), 2*time.Second)
	t := *r.task
	t.row = row
	s.later(&t, &notYet{after: s.scaled(pause), text: fmt.Sprintf("waiting for %d × %s to be gone", len(left), left[0].objectType)})
}

// vanish takes out of the ledger what is seen to be gone.
func (s *situation) vanish(x *entry, proof receipt.Check) {
	s.changed = true
	s.attest(x, proof)
	if x.objectType == "" || x.doubted.IsZero() {
		s.forget(x)
		return
	}
	x.state, x.open, x.looked, x.deleted = entryDoubt, false, false, time.Time{}
	s.keep(x)
	s.advance(s.removalRow(x))
}

// forget drops the line of what is gone for good.
func (s *situation) forget(x *entry) {
	s.changed = true
	s.ledger.drop(x)
	s.erase(x)
	row := s.removalRow(x)
	row.dirty = true
	if slices.ContainsFunc(s.ledger.entries, func(y *entry) bool { return y.step == x.step && slices.Contains(s.removable(), y) }) {
		s.advance(row)
		return
	}
	s.done(row, x)
}

// breakCircle returns the removal of the last entry of a ledger whose recorded needs go round, which no plan makes but two plans in a
// row could: so that nothing stays for ever.
func (s *situation) breakCircle() *task {
	var last *entry
	for _, x := range s.removable() {
		if s.waits(s.removalRow(x)) || x.state == entryDeleting {
			return nil
		}
		if x.state == entryDoubt {
			continue
		}
		if last == nil || x.ordinal >= last.ordinal {
			last = x
		}
	}
	if last == nil || !s.onlyRemovalsLeft() {
		return nil
	}
	for _, x := range s.ledger.entries {
		x.needs = slices.DeleteFunc(slices.Clone(x.needs), func(need string) bool { return need == last.step })
		s.keep(x)
	}
	return s.readyRemoval(last, s.removalRow(last))
}

func (s *situation) onlyRemovalsLeft() bool {
	if s.resource.Deleting {
		return true
	}
	for i := range s.plan {
		if !s.rows[s.plan[i].Name].settled() {
			return false
		}
	}
	return true
}

func (s *situation) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * s.rules.pace)
}

package provision

import (
	"slices"
	"time"

	"github.com/low-layer/platform/libs/receipt"
)

// take enters the result of a task in ledger and progress.
func (s *situation) take(r result) {
	delete(s.running, r.key)
	s.hear(r)
	switch r.action {
	case actDo:
		s.tookDo(r)
	case actVerify:
		s.tookVerify(r)
	case actObserve:
		s.tookObserve(r)
	case actDelete:
		s.tookDelete(r)
	case actGone:
		s.tookGone(r)
	case actLook:
		s.tookLook(r)
	}
}

// hear takes over what the step told of itself.
func (s *situation) hear(r result) {
	followed, calls := r.run.told()
	row := r.row
	row.dirty = true
	row.Message = ""
	row.Operation = followed
	row.CloudRequestIDs = append(row.CloudRequestIDs, calls...)
	if n := len(row.CloudRequestIDs); n > maxCloudRequests {
		row.CloudRequestIDs = slices.Delete(row.CloudRequestIDs, 0, n-maxCloudRequests)
	}
}

func (s *situation) tookDo(r result) {
	x := r.entry
	if n, ok := asNotYet(r.err); ok {
		// Nothing was made: the step waits for something.
		x.open, x.doubted = false, r.doubted
		s.keep(x)
		s.later(r.task, n)
		return
	}
	if r.err != nil {
		s.tookFailure(r)
		return
	}
	s.point(r, AfterCommit)
	s.record(r)
}

// tookFailure decides from a Do's error whether it must be looked before it is done again.
func (s *situation) tookFailure(r result) {
	x := r.entry
	x.open = ambiguous(r.err)
	switch {
	case x.open:
		if x.objectType != "" {
			x.doubted = s.now()
		}
	default:
		x.doubted = r.doubted
	}
	switch {
	case r.run.existing != nil && classOf(r.err).name == classMissing.name:
		// What it was to change is not there any more: look, and make it anew.
		x.open = true
	case r.run.existing == nil && !x.doubted.IsZero() && classOf(r.err).mayBeOurs():
		// What is in the way may be what a doubtful attempt made after all.
		x.open = true
	}
	s.keep(x)
	s.fail(r.row, r.err)
	s.doubtNeeds(r)
}

// doubtNeeds has the objects looked for that a refused step needs: the cloud refuses what stands on an object that somebody
// removed by hand. An object that is gone is made anew, one that is there stays as it is.
func (s *situation) doubtNeeds(r result) {
	if r.step == nil || (classOf(r.err).name != classMissing.name && classOf(r.err).name != classRefused.name) {
		return
	}
	for _, need := range r.step.Needs {
		x, step := s.ledger.of(need), s.step(need)
		if x == nil || x.state != entryPresent || x.objectType == "" || x.open || step == nil || step.Find == nil || s.running[need] != nil {
			continue
		}
		x.open, x.missed, x.verified = true, time.Time{}, false
		s.keep(x)
		s.pending(s.rows[need])
	}
}

// record enters what a Do made.
func (s *situation) record(r result) {
	x := r.entry
	if x.ID != "" && x.ID != r.made.ID {
		// It made another object instead of changing the one there was.
		old := *x
		old.state, old.open, old.verified = entrySurplus, false, false
		old.doubted, old.look = time.Time{}, time.Time{}
		s.ledger.add(&old)
		s.keep(&old)
		x.stored = false
		s.invalidate(x.step)
		s.removalRow(&old)
	}
	if x.ID != r.made.ID || x.made.IsZero() {
		x.sawMade(s.now())
	}
	x.External, x.objectType, x.digest, x.doubted = r.made, r.step.Object, r.step.Digest, r.doubted
	x.sawAgain(s.now())
	x.state, x.open, x.missed = entryPresent, false, time.Time{}
	x.verified = r.step.Verify == nil
	s.keep(x)
	if x.verified {
		s.done(r.row, x)
		return
	}
	// To have made it is not to have it ready: an object that is made again and again and never is must show as BLOCKED.
	s.pending(r.row)
	r.row.ObjectID = x.ID
}

// invalidate has the steps done again whose objects refer to one that was replaced.
func (s *situation) invalidate(step string) {
	for _, x := range s.ledger.entries {
		if x.state != entryPresent || !slices.Contains(x.needs, step) {
			continue
		}
		x.digest, x.verified = digestUnknown, false
		s.keep(x)
		if row := s.rows[x.step]; row != nil && row.settled() {
			s.pending(row)
		}
	}
}

func (s *situation) tookVerify(r result) {
	x := r.entry
	if n, ok := asNotYet(r.err); ok {
		s.later(r.task, n)
		return
	}
	if r.err != nil {
		switch classOf(r.err).name {
		case classUpstream.name, classTimeout.name, classRate.name, classAuth.name, classPolicy.name:
			// The question failed, not what was asked about.
		case classMissing.name:
			x.open, x.missed = true, time.Time{}
			s.keep(x)
		default:
			x.digest = digestUnknown
			s.keep(x)
		}
		s.fail(r.row, r.err)
		s.doubtNeeds(r)
		return
	}
	x.verified = true
	x.sawAgain(s.now())
	s.keep(x)
	s.done(r.row, x)
}

// tookObserve settles a doubt: an attempt began whose outcome nobody knows.
func (s *situation) tookObserve(r result) {
	x := r.entry
	if n, ok := asNotYet(r.err); ok {
		s.later(r.task, n)
		return
	}
	if r.err != nil {
		s.fail(r.row, r.err)
		return
	}
	found := s.unclaimed(x, r.found)
	if len(found) == 0 {
		s.missed(r)
		return
	}
	s.adopt(x, found)
	switch {
	case r.removal:
		s.removalRow(x)
	case x.fulfils(r.step):
		s.done(r.row, x)
		return
	}
	s.pending(r.row)
}

// unclaimed are the found objects that the ledger does not know as surplus or on their way out.
func (s *situation) unclaimed(x *entry, found []External) []External {
	return slices.DeleteFunc(slices.Clone(found), func(f External) bool {
		return f.ID == "" || (f.ID != x.ID && s.ledger.knows(x.step, f.ID))
	})
}

// adopt takes the object the entry has, else the first found, and enters the others as surplus.
func (s *situation) adopt(x *entry, found []External) {
	i := max(slices.IndexFunc(found, func(f External) bool { return f.ID == x.ID }), 0)
	mine := found[i]
	if x.ID != "" && x.ID != mine.ID {
		s.invalidate(x.step)
		x.digest = digestUnknown
	}
	if x.ID != mine.ID || x.made.IsZero() {
		x.sawMade(s.now())
	}
	x.External = mine
	x.sawAgain(s.now())
	x.state, x.open, x.missed, x.verified = entryPresent, false, time.Time{}, false
	s.keep(x)
	s.surplus(x, slices.Delete(slices.Clone(found), i, i+1))
}

// missed is a look that found nothing. Lists lag: it counts once it is said twice, far enough apart.
func (s *situation) missed(r result) {
	x, now := r.entry, s.now()
	if x.missed.IsZero() {
		x.missed = now
		s.keep(x)
	}
	if wait := x.missed.Add(s.rules.settle).Sub(now); wait > 0 {
		r.row.Message = "making sure that an earlier attempt made nothing"
		r.row.retryAt = now.Add(wait)
		return
	}
	x.open, x.missed = false, time.Time{}
	if !x.doubted.IsZero() {
		// It may only be late.
		x.look = x.doubted.Add(s.rules.late)
	}
	switch {
	case r.removal && x.ID == "":
		s.vanish(x, "")
		return
	case !r.removal && x.ID != "":
		// Somebody removed it: what referred to it must be done again once it is there anew.
		s.invalidate(x.step)
		s.attest(x, receipt.NotFound)
		x.state, x.External, x.verified, x.digest = entryIntent, External{}, false, digestUnknown
		x.made, x.seen = time.Time{}, time.Time{}
		r.row.Title = r.step.Title
	}
	s.keep(x)
	s.pending(r.row)
}

func (s *situation) point(r result, w When) {
	s.points = append(s.points, Point{Kind: s.resource.Kind, Verb: s.resource.Verb, Step: r.run.step, UID: s.resource.UID, When: w})
}

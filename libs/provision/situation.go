package provision

import (
	"time"

	"github.com/low-layer/platform/libs/receipt"
)

// situation is what the next calls of an operation depend on: plan, ledger and progress rows at one time. Ready decides which
// functions to call, take enters their results. It knows neither a database nor a clock but now: it notes what it changes, and
// the next commit writes that.
type situation struct {
	kind      *kind
	resource  Resource
	operation string
	rules     rules
	now       func() time.Time

	plan []Step
	// unplanned is why there is no plan; only a deletion goes on without one.
	unplanned error
	ledger    *ledger
	rows      map[string]*stepRow
	running   map[string]*task

	looked  time.Time // when ready was last asked
	changed bool      // an entry went without a call

	changes []change
	samples []sample
	points  []Point // failpoints to reach once the changes are committed
}

// rules are the settings of an engine that decisions depend on.
type rules struct {
	parallel     int
	pace         float64
	settle, late time.Duration
}

func newSituation(k *kind, r Resource, operation string, rules rules, now func() time.Time) situation {
	return situation{
		kind: k, resource: r, operation: operation, rules: rules, now: now,
		ledger: &ledger{}, rows: make(map[string]*stepRow), running: make(map[string]*task),
	}
}

// change is one change of the ledger. Their order matters: an entry that takes another's place follows it.
type change struct {
	entry entry // as it is from now on; stored and storedID are those before
	what  changeKind
	gone  time.Time     // of changeGone
	proof receipt.Check // of changeGone
}

type changeKind int

const (
	changeKept   changeKind = iota // the entry is written
	changeErased                   // the entry is removed
	changeGone                     // a line of the receipt is written
)

// keep notes the entry as it is now.
func (s *situation) keep(x *entry) {
	s.changes = append(s.changes, change{entry: *x, what: changeKept})
	x.stored, x.storedID = true, x.ID
}

// erase notes the end of the entry.
func (s *situation) erase(x *entry) {
	if x.stored {
		s.changes = append(s.changes, change{entry: *x, what: changeErased})
	}
	x.stored = false
}

// attest notes the receipt's line of an object that is verified gone. An object that had the same id before, as objects that
// are named rather than numbered do, counts as the same.
func (s *situation) attest(x *entry, proof receipt.Check) {
	if x.ID == "" || x.objectType == "" {
		return
	}
	// The clocks of two processes may differ: an object that was seen is not gone before that.
	gone := s.now()
	if x.seen.After(gone) {
		gone = x.seen
	}
	s.changes = append(s.changes, change{entry: *x, what: changeGone, gone: gone, proof: proof})
}

package provision

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// chain is a plan of a network, a router beside it, a port on both, and a check that makes no object.
func chain() []Step {
	do := func(context.Context, *Run) (External, error) { return External{}, nil }
	verify := func(context.Context, *Run, External) error { return nil }
	find := func(context.Context, *Run) ([]External, error) { return nil, nil }
	return []Step{
		{Name: "network", Object: "network", Digest: "1", Do: do, Verify: verify, Find: find},
		{Name: "router", Object: "router", Digest: "1", Do: do, Find: find},
		{Name: "port", Object: "port", Digest: "1", Needs: []string{"network", "router"}, Do: do, Find: find},
		{Name: "check", Digest: "1", Needs: []string{"port"}, Do: do},
	}
}

func chainKind() *kind {
	k := &kind{Name: "chain"}
	for _, typ := range []string{"network", "router", "port"} {
		k.Objects = append(k.Objects, Object{
			Type:   typ,
			Delete: func(context.Context, *Run, External) error { return nil },
			Gone:   func(context.Context, *Run, []External) ([]External, error) { return nil, nil },
		})
	}
	return k
}

// scene is a situation at noon, without a database.
func scene(entries ...*entry) *situation {
	s := newSituation(chainKind(), Resource{Kind: "chain", UID: "chain_1", Verb: "create"}, "op_1",
		rules{parallel: 8, pace: 1, settle: 2 * time.Second, late: 12 * time.Second}, func() time.Time { return noon })
	s.plan, s.ledger.entries = chain(), entries
	return &s
}

// leaves makes the scene a deletion.
func (s *situation) leaves() *situation {
	s.resource.Deleting, s.resource.Verb = true, "delete"
	return s
}

// at moves the clock to so long after noon.
func (s *situation) at(d time.Duration) *situation {
	s.now = func() time.Time { return noon.Add(d) }
	return s
}

// made is the entry of a step that is done.
func made(step string, change ...func(*entry)) *entry {
	x := &entry{step: step, objectType: step, External: External{ID: step + "-1"}, digest: "1", state: entryPresent, verified: true, stored: true}
	for i, p := range chain() {
		if p.Name == step {
			x.needs, x.ordinal = p.Needs, i
		}
	}
	if step == "check" {
		x.objectType, x.ID = "", ""
	}
	x.storedID = x.ID
	for _, c := range change {
		c(x)
	}
	return x
}

func inState(state entryState) func(*entry) {
	return func(x *entry) {
		x.state = state
		if state == entryIntent {
			x.ID, x.storedID, x.verified = "", "", false
		}
	}
}
func opened(x *entry)     { x.open, x.doubted = true, noon }
func unverified(x *entry) { x.verified = false }
func outdated(x *entry)   { x.digest = "0" }
func inDoubt(x *entry)    { x.doubted, x.look = noon.Add(-time.Second), noon.Add(10*time.Second) }
func asked(x *entry)      { x.state, x.deleted = entryDeleting, noon }
func called(id string) func(*entry) {
	return func(x *entry) { x.ID, x.storedID = id, id }
}

// next are the tasks that can start, as `action key`.
func (s *situation) next() []string {
	s.layOut()
	var out []string
	for _, t := range s.ready() {
		out = append(out, string(t.action)+" "+t.key)
	}
	slices.Sort(out)
	return out
}

func TestReady_decidesFromPlanLedgerAndClock(t *testing.T) {
	t.Parallel()
	all := func() []*entry { return []*entry{made("network"), made("router"), made("port"), made("check")} }
	with := func(x *entry) []*entry {
		out := slices.DeleteFunc(all(), func(y *entry) bool { return y.step == x.step })
		return append(out, x)
	}
	for name, c := range map[string]struct {
		in   *situation
		want []string
	}{
		"nothing made: every step without needs starts":   {scene(), []string{"do network", "do router"}},
		"one need done: a step with two needs waits":      {scene(made("network"), made("router", inState(entryIntent))), []string{"do router"}},
		"needs done: the step starts":                     {scene(made("network"), made("router")), []string{"do port"}},
		"all done: nothing":                               {scene(all()...), nil},
		"intent without a result: look first":             {scene(made("network", inState(entryIntent), opened), made("router")), []string{"observe network"}},
		"intent without a look-up: do again":              {scene(with(made("check", inState(entryIntent), opened))...), []string{"do check"}},
		"made but not ready: verify":                      {scene(made("network", unverified), made("router")), []string{"verify network"}},
		"other inputs: do again":                          {scene(with(made("port", outdated))...), []string{"do port"}},
		"another type of object: make it, remove the old": {scene(with(made("port", func(x *entry) { x.objectType = "router" }))...), []string{"delete remove-port/port-1", "do port"}},
		"surplus: removed beside the work":                {scene(made("router"), made("router", inState(entrySurplus), called("router-2"))), []string{"delete remove-router/router-2", "do network"}},
		"left the plan: removed":                          {scene(append(all(), made("old", func(x *entry) { x.objectType = "port" }))...), []string{"delete remove-old/old-1"}},
		"was in doubt: waits until the call is too late":  {scene(with(made("port", inDoubt))...), nil},
		"was in doubt, long ago: one last look":           {scene(with(made("port", inDoubt))...).at(11 * time.Second), []string{"look port"}},
		"deletion: the last in the chain goes first":      {scene(all()...).leaves(), []string{"delete remove-port/port-1"}},
		"deletion: two that nothing needs go at once":     {scene(made("network"), made("router")).leaves(), []string{"delete remove-network/network-1", "delete remove-router/router-1"}},
		"deletion: an object asked to go is looked after": {scene(made("network"), made("router"), made("port", asked)).leaves(), []string{"gone remove-gone/port"}},
		"deletion: an attempt without a result: look":     {scene(made("port", inState(entryIntent), opened)).leaves(), []string{"observe remove-port/"}},
		"deletion: gone but once in doubt: look again":    {scene(made("port", inState(entryDoubt))).leaves(), []string{"look remove-port/port-1"}},
		"deletion: only a doubt holds what it needs":      {scene(made("network"), made("port", inState(entryDoubt), inDoubt)).leaves(), nil},
		"deletion: needs that go round are broken": {
			scene(made("network", func(x *entry) { x.needs = []string{"port"} }), made("port")).leaves(), []string{"delete remove-port/port-1"},
		},
		"deletion: nothing was made": {scene().leaves(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.in.next(); !slices.Equal(got, c.want) {
				t.Errorf("next are %q, want %q", got, c.want)
			}
		})
	}
}

func TestReady_limits(t *testing.T) {
	t.Parallel()
	s := scene()
	s.rules.parallel = 1
	if got := s.next(); !slices.Equal(got, []string{"do network"}) {
		t.Errorf("with room for one: %q", got)
	}
	s = scene()
	s.layOut()
	s.rows["network"].retryAt = noon.Add(time.Second)
	if got := s.next(); !slices.Equal(got, []string{"do router"}) {
		t.Errorf("before the retry: %q", got)
	}
	if due, ok := s.nextDue(); !ok || due != noon.Add(time.Second) {
		t.Errorf("the next look is due at %s, %t", due, ok)
	}
	if got := s.at(2 * time.Second).next(); !slices.Equal(got, []string{"do network", "do router"}) {
		t.Errorf("after the retry: %q", got)
	}
}

func TestReady_unknownType_blocksTheRemoval(t *testing.T) {
	t.Parallel()
	s := scene(made("port", func(x *entry) { x.objectType = "ship" })).leaves()
	if got := s.next(); got != nil || s.complete() {
		t.Fatalf("next are %q, complete %t", got, s.complete())
	}
	if r := s.rows["remove-port"]; r.State != StepRetrying || r.failures != 1 {
		t.Errorf("the removal is %+v", r)
	}
}

// takes starts the one task that can start and enters what came of it.
func (s *situation) takes(t *testing.T, want string, r result) *situation {
	t.Helper()
	s.layOut()
	for _, x := range s.ready() {
		if got := string(x.action) + " " + x.key; got == want {
			s.intend(x)
			s.running[x.key] = x
			r.task = x
			s.take(r)
			return s
		}
	}
	t.Fatalf("%s cannot start", want)
	return s
}

func TestTake_entersTheResult(t *testing.T) {
	t.Parallel()
	lost := errs.New(errs.DeadlineExceeded, "CLOUD_TIMEOUT", "no response in time; it is tried again")
	lost.Ambiguous = true
	refused := errs.New(errs.Aborted, "CLOUD_CONFLICT", "in use; it is tried again")
	missing := errs.New(errs.CodeNotFound, "CLOUD_NOT_FOUND", "there is none; make it first")
	whole := func() *situation { return scene(made("network"), made("router"), made("port"), made("check")) }
	object := func(ids ...string) (out []External) {
		for _, id := range ids {
			out = append(out, External{ID: id})
		}
		return out
	}
	for name, c := range map[string]struct {
		in   *situation
		task string
		came result
		// later is how much later next is asked.
		later time.Duration
		want  []string
	}{
		"made: verified next":             {scene(made("router")), "do network", result{made: External{ID: "n"}}, 0, []string{"verify network"}},
		"made without a check: done":      {scene(made("network")), "do router", result{made: External{ID: "r"}}, 0, []string{"do port"}},
		"answer lost: look":               {scene(made("router")), "do network", result{err: lost}, time.Minute, []string{"observe network"}},
		"refused: do again after a pause": {scene(made("router")), "do network", result{err: refused}, time.Minute, []string{"do network"}},
		"refused: not before the pause":   {scene(made("router")), "do network", result{err: refused}, 0, nil},
		"unknown error: look":             {scene(made("router")), "do network", result{err: errors.New("torn")}, time.Minute, []string{"observe network"}},
		"not yet: do again then":          {scene(made("router")), "do network", result{err: NotYet(time.Second, "waits")}, time.Second, []string{"do network"}},
		"not yet: not before":             {scene(made("router")), "do network", result{err: NotYet(time.Second, "waits")}, 0, nil},
		"another object: old one goes, dependants do again": {
			scene(made("network"), made("router", outdated), made("port"), made("check")), "do router", result{made: External{ID: "router-2"}}, 0, []string{"do port"},
		},
		"existing object is missing: look": {scene(made("network"), made("router", outdated)), "do router", result{err: missing}, time.Minute, []string{"observe router"}},
		"ready":                            {scene(made("network", unverified), made("router")), "verify network", result{}, 0, []string{"do port"}},
		"found missing when verified: look": {
			scene(made("network", unverified), made("router")), "verify network", result{err: missing}, time.Minute, []string{"observe network"},
		},
		"look found it: adopted, verified next": {
			scene(made("network", inState(entryIntent), opened), made("router")), "observe network", result{found: object("n")}, 0, []string{"verify network"},
		},
		"look found two: one is adopted, one goes": {
			scene(made("network", inState(entryIntent), opened), made("router")), "observe network",
			result{found: object("n", "m")},
			0,
			[]string{"delete remove-network/m", "verify network"},
		},
		"look found nothing once: lists lag": {
			scene(made("network", inState(entryIntent), opened), made("router")), "observe network", result{}, time.Second, nil,
		},
		"look found nothing once: look again": {
			scene(made("network", inState(entryIntent), opened), made("router")), "observe network", result{}, 2 * time.Second, []string{"observe network"},
		},
		"look found nothing twice: do again": {
			scene(made("network", inState(entryIntent), opened, func(x *entry) { x.missed = noon.Add(-time.Minute) }), made("router")),
			"observe network",
			result{},
			0,
			[]string{"do network"},
		},
		"asked to go: looked after":     {whole().leaves(), "delete remove-port/port-1", result{}, 0, []string{"gone remove-gone/port"}},
		"in use: asked again":           {whole().leaves(), "delete remove-port/port-1", result{err: refused}, time.Minute, []string{"delete remove-port/port-1"}},
		"gone: what it needed goes":     {scene(made("network"), made("port", asked)).leaves(), "gone remove-gone/port", result{}, 0, []string{"delete remove-network/network-1"}},
		"still there: looked after":     {scene(made("port", asked)).leaves(), "gone remove-gone/port", result{found: object("port-1")}, time.Second, []string{"gone remove-gone/port"}},
		"still there for long: ask":     {scene(made("port", asked)).leaves().at(time.Minute), "gone remove-gone/port", result{found: object("port-1")}, 2 * time.Minute, []string{"delete remove-port/port-1"}},
		"gone but once in doubt: looks": {scene(made("port", asked, inDoubt)).leaves(), "gone remove-gone/port", result{}, 20 * time.Second, []string{"look remove-port/port-1"}},
		"last look found a late one":    {scene(made("port", inState(entryDoubt))).leaves(), "look remove-port/port-1", result{found: object("late")}, 0, []string{"delete remove-port/late"}},
		"last look found nothing":       {scene(made("port", inState(entryDoubt))).leaves(), "look remove-port/port-1", result{}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.in.takes(t, c.task, c.came)
			base := s.now()
			s.now = func() time.Time { return base.Add(c.later) }
			if got := s.next(); !slices.Equal(got, c.want) {
				t.Errorf("next are %q, want %q", got, c.want)
			}
		})
	}
}

func TestTake_quota_blocksUntilTheStepSucceeds(t *testing.T) {
	t.Parallel()
	full := errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "the quota is used up; raise it")
	s := scene(made("network")).takes(t, "do router", result{err: full})
	b := s.blocked()
	if b == nil || b.Step != "router" || b.Owner != OwnerProvider || b.Reason != "CLOUD_QUOTA_EXCEEDED" {
		t.Fatalf("blocked by %+v", b)
	}
	s.at(time.Minute).takes(t, "do router", result{made: External{ID: "r"}})
	if b := s.blocked(); b != nil {
		t.Errorf("still blocked by %+v", b)
	}
}

func TestComplete_lastResult_endsTheWork(t *testing.T) {
	t.Parallel()
	s := scene(made("network"), made("router"), made("port"))
	s.layOut()
	if s.complete() {
		t.Fatal("complete before the last step")
	}
	if s.takes(t, "do check", result{}); !s.complete() {
		t.Error("not complete after the last step")
	}
	s = scene(made("port", inState(entryDoubt))).leaves()
	s.takes(t, "look remove-port/port-1", result{})
	if !s.complete() || len(s.ledger.entries) != 0 {
		t.Errorf("after the last look: complete %t, ledger %v", s.complete(), s.ledger.entries)
	}
}

// The order of the changes matters to the unique index of the ledger: the old entry leaves its place first.
func TestTake_replacedObject_notesTheOldEntryFirst(t *testing.T) {
	t.Parallel()
	s := scene(made("network"), made("router", outdated))
	s.takes(t, "do router", result{made: External{ID: "router-2"}})
	var got []string
	for _, c := range s.changes[1:] { // the first is the intent
		got = append(got, c.entry.storedID+" -> "+c.entry.ID+" "+string(c.entry.state))
	}
	if want := []string{"router-1 -> router-1 SURPLUS", "router-1 -> router-2 PRESENT"}; !slices.Equal(got, want) || s.changes[2].entry.stored {
		t.Errorf("changes are %q, want %q", got, want)
	}
}

func TestWithdraw_taskNotStarted_leavesNoTrace(t *testing.T) {
	t.Parallel()
	s := scene(made("network"), made("router", outdated))
	s.layOut()
	tasks := s.ready()
	s.intend(tasks[0])
	withdraw(tasks[:1])
	x := s.ledger.of("router")
	if x.open || x.digest != "0" || !x.doubted.IsZero() || s.rows["router"].Attempts != 0 || s.rows["router"].State != StepPending {
		t.Errorf("the entry is %+v, the row %+v", x, s.rows["router"])
	}
}

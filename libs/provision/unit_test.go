package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/errs"
)

func nothing(context.Context, *Run) (External, error)  { return External{}, nil }
func nobody(context.Context, *Run) ([]External, error) { return nil, nil }
func never(context.Context, *Run, External) error      { return nil }
func step(name string, needs ...string) Step {
	return Step{Name: name, Title: "create the " + name, Needs: needs, Do: nothing}
}

func making(object string, observed bool) Step {
	s := step("a")
	s.Object = object
	if observed {
		s.Find = nobody
	}
	return s
}

func TestCheckPlan(t *testing.T) {
	k := kind{Name: "k", Objects: []Object{{Type: "plain", Delete: never}}}
	for name, plan := range map[string][]Step{
		"empty": nil,
		"chain": {step("a"), step("b", "a"), step("c", "a", "b")},
		"found": {making("plain", true)},
	} {
		if err := k.check(plan); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, plan := range map[string][]Step{
		"twice":       {step("a"), step("a")},
		"nameless":    {step("")},
		"later need":  {step("a", "b"), step("b")},
		"own need":    {step("a", "a")},
		"no do":       {{Name: "a", Title: "a"}},
		"untitled":    {{Name: "a", Do: nothing}},
		"unknown end": {making("other", true)},
		"unseen":      {making("plain", false)},
		"reserved":    {step("plan")},
		"prefix":      {step("remove-a")},
		"endless":     make([]Step, maxPlan+1),
	} {
		if err := k.check(plan); err == nil {
			t.Errorf("%s: the plan was not refused", name)
		}
	}
}

func TestClassify(t *testing.T) {
	for want, err := range map[string]error{
		"quota":        errs.New(errs.ResourceExhausted, "QUOTA", "x"),
		"conflict":     errs.New(errs.Aborted, "X", "x"),
		"precondition": errs.New(errs.AlreadyExists, "X", "x"),
		"invalid":      errs.New(errs.OutOfRange, "X", "x"),
		"auth":         errs.New(errs.Unauthenticated, "X", "x"),
		"policy":       errs.New(errs.PermissionDenied, "X", "x"),
		"upstream":     errs.New(errs.Unavailable, "X", "x"),
		"timeout":      fmt.Errorf("call: %w", context.DeadlineExceeded),
		"missing":      errs.New(errs.CodeNotFound, "CLOUD_NOT_FOUND", "x"),
		"rate-limited": fmt.Errorf("call: %w", errs.New(errs.ResourceExhausted, "CLOUD_RATE_LIMITED", "x")),
		"defect":       panicked("boom"),
	} {
		c, e := classify(err)
		if c.name != want || e == nil || e.Reason == "" || e.Message == "" || c.remedy == "" || c.owner == "" {
			t.Errorf("%v is classed %s", err, c.name)
		}
	}
}

func TestAmbiguous(t *testing.T) {
	doubt := errs.New(errs.Unavailable, "CLOUD_UNAVAILABLE", "x")
	doubt.Ambiguous = true
	for _, err := range []error{
		errors.New("eof"), context.Canceled, doubt, errs.New(errs.Unavailable, "PEER_UNAVAILABLE", "x"), panicked("boom"),
		errs.New(errs.DeadlineExceeded, "X", "x"),
	} {
		if !ambiguous(err) {
			t.Errorf("%v leaves no doubt", err)
		}
	}
	for _, err := range []error{
		errs.New(errs.Unavailable, "CLOUD_UNAVAILABLE", "refused"), errs.Failed("X", "x"), errs.Invalid(),
		fmt.Errorf("create: %w", errs.New(errs.ResourceExhausted, "CLOUD_QUOTA_EXCEEDED", "x")),
	} {
		if ambiguous(err) {
			t.Errorf("%v leaves a doubt", err)
		}
	}
}

// The pause grows, stays within its ceiling and its jitter, and is never shorter than what the other side asked for, up to a minute.
func TestPause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]class{classQuota, classConflict, classUpstream, classDefect, classRate}).Draw(t, "class")
		failures := rapid.IntRange(0, 1000).Draw(t, "failures")
		blocked := rapid.Bool().Draw(t, "blocked")
		after := time.Duration(rapid.Int64Range(0, int64(maxAfter)).Draw(t, "after"))
		pause := c.pause(failures, blocked, after, 1)
		most := c.ceiling
		if blocked {
			most = c.slow
		}
		if pause < after || pause < c.base/2 || pause > max(after, most*5/4) {
			t.Fatalf("pause of %s", pause)
		}
	})
}

// The database rounds times in JSON, so that a step would be due after its resource is woken for it.
func TestStepRow_times_areTruncatedToMicroseconds(t *testing.T) {
	at := time.Unix(1, 123456789)
	r := stepRow{StepStatus: StepStatus{StartTime: at, EndTime: at}, failingSince: at, retryAt: at}
	s := r.saved()
	for name, got := range map[string]*time.Time{"start": s.StartTime, "end": s.EndTime, "failing": s.FailingSince, "retry": s.RetryAt} {
		if got == nil || !got.Equal(time.Unix(1, 123456000)) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if s = (&stepRow{}).saved(); s.StartTime != nil || s.EndTime != nil || s.FailingSince != nil || s.RetryAt != nil {
		t.Errorf("no time is one: %+v", s)
	}
}

func TestConditions(t *testing.T) {
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	cs := Conditions(nil).Set(Condition{Type: "A", Status: ConditionFalse}, first).Set(Condition{Type: "B", Status: ConditionTrue}, first)
	same := cs.Set(Condition{Type: "A", Status: ConditionFalse, Reason: "Other"}, second)
	if same[0].LastTransitionTime != first || same[0].Reason != "Other" || len(same) != 2 {
		t.Errorf("same status: %+v", same)
	}
	turned := same.Set(Condition{Type: "A", Status: ConditionTrue}, second)
	if turned[0].LastTransitionTime != second || turned[1].LastTransitionTime != first {
		t.Errorf("turned: %+v", turned)
	}
	if cs[0].Reason != "" {
		t.Error("Set changed what it was called on")
	}
}

func TestEstimate_history_weighsSteps(t *testing.T) {
	now := time.Unix(1000, 0)
	steps := []StepStatus{
		{Name: "a", State: StepDone},
		{Name: "b", State: StepRunning, StartTime: now.Add(-5 * time.Second)},
		{Name: "c", State: StepPending},
		{Name: "d", State: StepSkipped},
	}
	if f, end := estimate(steps, nil, now); f < 0.33 || f > 0.97 || !end.IsZero() {
		t.Errorf("without history: %f, %s", f, end)
	}
	known := durations{"a": 10 * time.Second, "b": 10 * time.Second, "c": 20 * time.Second, "": 40 * time.Second}
	f, end := estimate(steps, known, now)
	if f != 0.375 || end != now.Add(25*time.Second) {
		t.Errorf("with history: %f, %s", f, end.Sub(now))
	}
	if f, _ := estimate(nil, known, now); f != 0 {
		t.Errorf("without steps: %f", f)
	}
	h := &history{}
	for range maxSamples + 1 {
		h.add("k", "v", "s", -time.Second)
	}
	samples := h.take()
	if got := mean(samples); len(samples) != maxSamples || len(got) != 1 || got[0].took != 0 {
		t.Fatalf("%d samples, mean %v", len(samples), got)
	}
}

func TestClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		got := clean(strings.Repeat(s, rapid.IntRange(1, 40).Draw(t, "times")))
		if !utf8.ValidString(got) || strings.ContainsRune(got, 0) || len(got) > maxText+len("…") {
			t.Fatalf("got %q", got)
		}
	})
	if got := camel("CLOUD_QUOTA_EXCEEDED"); got != "CloudQuotaExceeded" {
		t.Errorf("got %s", got)
	}
}

func TestRun(t *testing.T) {
	r := &Run{operation: "op_network_06dq0000000000000000000000", step: "vpc-dev"}
	undo := &Run{operation: r.operation, step: r.step, undo: "undo"}
	again := &Run{operation: r.operation, step: r.step}
	if len(r.StepID()) > 64 || r.StepID() != again.StepID() || r.StepID() == undo.StepID() {
		t.Errorf("step ids %s and %s", r.StepID(), undo.StepID())
	}
	for i := range 20 {
		r.CloudRequest(fmt.Sprint(i))
	}
	r.CloudRequest("")
	r.FollowOperation("tenants/acme/operations/op_x_1")
	followed, calls := r.told()
	if followed != r.Followed() || len(calls) != maxCloudRequests || calls[len(calls)-1] != "19" {
		t.Errorf("told %q %v", followed, calls)
	}
	if _, ok := r.Existing(); ok {
		t.Error("an object that does not exist")
	}
}

func TestNotYet(t *testing.T) {
	n, ok := asNotYet(fmt.Errorf("verify: %w", NotYet(time.Second, "the %s boots", "server")))
	if !ok || n.after != time.Second || n.Error() != "the server boots" {
		t.Errorf("got %v", n)
	}
	if _, ok := asNotYet(errors.New("no")); ok {
		t.Error("any error waits")
	}
}

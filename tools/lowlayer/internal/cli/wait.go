package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// longPoll is how long one WaitOperation call may take: progress is drawn anew after each.
const longPoll = time.Second

// follow waits for an operation and unpacks its response into out. With --async it prints the operation's name instead and
// answers false, and with --plan it prints the plan.
func (a *app) follow(ctx context.Context, op *longrunningpb.Operation, out proto.Message) (bool, error) {
	if a.plan {
		return false, a.printPlan(op)
	}
	if a.async {
		if a.output == "name" || a.output == "table" {
			return false, a.println(op.GetName())
		}
		return false, printOne(a, operationView(), op)
	}
	done, err := a.wait(ctx, op)
	if err != nil {
		return false, err
	}
	if e := done.GetError(); e != nil {
		return false, status.FromProto(e).Err()
	}
	if out == nil || !done.GetResponse().MessageIs(out) {
		return true, nil
	}
	if err := done.GetResponse().UnmarshalTo(out); err != nil {
		return false, fmt.Errorf("read the answer of %s: %w", op.GetName(), err)
	}
	return true, nil
}

// wait follows an operation to its end, drawing its progress.
func (a *app) wait(ctx context.Context, op *longrunningpb.Operation) (*longrunningpb.Operation, error) {
	api, err := a.dial()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	bar := newProgress(a)
	defer bar.end()
	for {
		meta := metadataOf(op)
		bar.draw(meta)
		if op.GetDone() {
			return op, nil
		}
		next, err := api.operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: op.GetName(), Timeout: durationpb.New(longPoll)})
		switch {
		case err == nil:
			op = next
		case errors.Is(ctx.Err(), context.Canceled):
			return nil, interruptedError{op.GetName()}
		case ctx.Err() != nil && meta.GetBlockage() != nil:
			return nil, blockedError{op.GetName(), meta.GetBlockage()}
		case ctx.Err() != nil:
			return nil, timeoutError{op.GetName()}
		case status.Code(err) == codes.Unavailable || status.Code(err) == codes.DeadlineExceeded:
			pause(ctx, longPoll) // a service that restarts loses nothing: ask again, unless our own time is up
		default:
			return nil, fmt.Errorf("wait for %s: %w", op.GetName(), err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func metadataOf(op *longrunningpb.Operation) *operationv1.OperationMetadata {
	meta := &operationv1.OperationMetadata{}
	if err := op.GetMetadata().UnmarshalTo(meta); err != nil {
		return &operationv1.OperationMetadata{}
	}
	return meta
}

// progress draws an operation: one line that redraws itself on a terminal, a line per finished step elsewhere.
type progress struct {
	a       *app
	live    bool
	said    map[string]bool
	blocked string
	drawn   bool
	begin   time.Time
}

func newProgress(a *app) *progress {
	return &progress{a: a, live: a.terminal(), said: make(map[string]bool), begin: time.Now()}
}

const barWidth = 24

func (p *progress) draw(m *operationv1.OperationMetadata) {
	if p.a.quiet {
		return
	}
	p.sayBlocked(m.GetBlockage())
	if !p.live {
		p.sayDone(m)
		return
	}
	filled := int(m.GetProgressPercent()) * barWidth / 100
	bar := strings.Repeat("█", filled) + strings.Repeat("░", barWidth-filled)
	line := fmt.Sprintf("%s %3d%%  %d/%d  %s", bar, m.GetProgressPercent(), m.GetStepsDone(), m.GetStepCount(), runningStep(m))
	if eta := m.GetEstimatedEndTime(); eta.IsValid() && m.GetEndTime() == nil {
		if left := time.Until(eta.AsTime()).Round(time.Second); left > 0 {
			line += fmt.Sprintf("  · about %s left", left)
		}
	}
	_, _ = fmt.Fprintf(p.a.streams.Err, "\r\x1b[2K%s %s", shortResource(m), line)
	p.drawn = true
}

func (p *progress) sayBlocked(b *typev1.Blockage) {
	text := ""
	if b != nil {
		text = fmt.Sprintf("Blocked: waits for the %s. %s Remedy: %s", ownerWord(b), b.GetMessage(), b.GetRemedy())
	}
	if text != p.blocked && text != "" {
		p.end()
		p.a.note("%s", text)
	}
	p.blocked = text
}

func (p *progress) sayDone(m *operationv1.OperationMetadata) {
	for _, s := range m.GetSteps() {
		if s.GetState() == operationv1.Step_DONE && !p.said[s.GetName()] {
			p.said[s.GetName()] = true
			p.a.note("  %s  done: %s", shortResource(m), s.GetTitle())
		}
	}
}

// end leaves the line of the bar.
func (p *progress) end() {
	if p.drawn {
		_, _ = fmt.Fprintf(p.a.streams.Err, "  (%s)\n", time.Since(p.begin).Round(100*time.Millisecond))
		p.drawn = false
	}
}

func runningStep(m *operationv1.OperationMetadata) string {
	for _, s := range m.GetSteps() {
		switch s.GetState() {
		case operationv1.Step_RUNNING:
			return s.GetTitle()
		case operationv1.Step_RETRYING:
			return s.GetTitle() + " (tries again)"
		}
	}
	return ""
}

func shortResource(m *operationv1.OperationMetadata) string {
	return m.GetVerb() + " " + lastPart(m.GetResource())
}

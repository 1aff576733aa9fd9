package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
)

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
	if p.a.quiet || m.GetResource() == "" { // its state is not known yet
		return
	}
	p.sayBlocked(m)
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
	_, _ = fmt.Fprintf(p.a.raw, "\r\x1b[2K%s  (%s)", escapeLine(shortResource(m)+" "+line), elapsed(time.Since(p.begin)))
	p.drawn = true
}

func (p *progress) sayBlocked(m *operationv1.OperationMetadata) {
	text := ""
	if b := m.GetBlockage(); b != nil {
		text = fmt.Sprintf("Blocked: waits for %s. %s\n  Remedy: %s", awaited(m.GetResource(), b), sentence(b.GetMessage()), remedy(m.GetResource(), b))
	}
	if text != p.blocked && text != "" {
		p.say("%s", text)
	}
	p.blocked = text
}

// say writes a note below the bar.
func (p *progress) say(format string, args ...any) {
	p.end()
	p.a.note(format, args...)
}

func (p *progress) sayDone(m *operationv1.OperationMetadata) {
	for _, s := range m.GetSteps() {
		if s.GetState() == operationv1.Step_DONE && !p.said[s.GetName()] {
			p.said[s.GetName()] = true
			p.a.note("  %s  done: %s (%s)", shortResource(m), s.GetTitle(), elapsed(time.Since(p.begin)))
		}
	}
}

// end leaves the line of the bar.
func (p *progress) end() {
	if p.drawn {
		_, _ = fmt.Fprintln(p.a.streams.Err)
		p.drawn = false
	}
}

// elapsed is a time in words: `3.2 s` below ten seconds, `48 s`, `2 m 05 s`.
func elapsed(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'g', -1, 64) + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	default:
		return fmt.Sprintf("%d m %02d s", int(d.Minutes()), int(d.Seconds())%60)
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

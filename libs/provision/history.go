package provision

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// weight of a new sample in the average.
const sampleWeight = 0.2

// history gathers how long steps took, and is written now and then: it is of use only in the long run, and rows that
// every operation of a kind writes would have them wait for one another.
type history struct {
	mu      sync.Mutex
	samples []sample
}

type sample struct {
	kind, verb, step string
	took             time.Duration
}

const maxSamples = 10000

func (h *history) add(kind, verb, step string, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) < maxSamples {
		h.samples = append(h.samples, sample{kind, verb, step, max(took, 0)})
	}
}

func (h *history) take() []sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.samples
	h.samples = nil
	return out
}

// mean folds samples of one step into one each, so that the write is one row a step.
func mean(samples []sample) []sample {
	type key struct{ kind, verb, step string }
	sums, counts := make(map[key]time.Duration), make(map[key]int)
	for _, s := range samples {
		k := key{s.kind, s.verb, s.step}
		sums[k] += s.took
		counts[k]++
	}
	out := make([]sample, 0, len(sums))
	for k, sum := range sums {
		out = append(out, sample{k.kind, k.verb, k.step, sum / time.Duration(counts[k])})
	}
	return out
}

// flush writes what was gathered.
func (h *history) flush(ctx context.Context, q interface {
	SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
},
) error {
	samples := mean(h.take())
	if len(samples) == 0 {
		return nil
	}
	var b pgx.Batch
	for _, s := range samples {
		b.Queue(`INSERT INTO provision_step_history AS h (kind, verb, step, ewma_ms, samples) VALUES ($1, $2, $3, $4, 1)
			ON CONFLICT (kind, verb, step) DO UPDATE SET ewma_ms = h.ewma_ms + $5 * (excluded.ewma_ms - h.ewma_ms), samples = h.samples + 1`,
			s.kind, s.verb, s.step, float64(s.took)/float64(time.Millisecond), sampleWeight)
	}
	if err := q.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("write step history: %w", err)
	}
	return nil
}

// durations are how long the steps of a kind and verb take; the operation as a whole is under the empty name.
type durations map[string]time.Duration

const selectDurations = `SELECT h.step, h.ewma_ms FROM provision_operations o
  JOIN provision_step_history h ON h.kind = o.kind AND h.verb = o.verb WHERE o.id = $1`

func scanDurations(rows pgx.Rows) (durations, error) {
	known := make(durations)
	var step string
	var ms float64
	_, err := pgx.ForEachRow(rows, []any{&step, &ms}, func() error {
		known[step] = milliseconds(ms)
		return nil
	})
	return known, err
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// estimate is the share of the work that is done and, when there is history, when the rest should be.
func estimate(steps []StepStatus, d durations, now time.Time) (fraction float64, end time.Time) {
	var all, gone float64
	for _, s := range steps {
		if s.State == StepSkipped {
			continue
		}
		weight := float64(d[s.Name])
		if weight <= 0 {
			weight = float64(max(d.typical(), time.Second))
		}
		all += weight
		switch s.State {
		case StepDone:
			gone += weight
		case StepRunning:
			if !s.StartTime.IsZero() {
				gone += min(float64(elapsed(s.StartTime, now)), 0.9*weight)
			}
		}
	}
	if all > 0 {
		fraction = gone / all
	}
	if total := d[""]; total > 0 {
		end = now.Add(time.Duration((1 - fraction) * float64(total)))
	}
	return fraction, end
}

// typical is the mean of the known steps.
func (d durations) typical() time.Duration {
	var sum time.Duration
	n := 0
	for name, took := range d {
		if name != "" {
			sum += took
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / time.Duration(n)
}

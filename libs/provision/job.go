package provision

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

const (
	queueName = river.QueueDefault
	// A change is noticed through NOTIFY within milliseconds; the poll is for notifications that were lost.
	fetchCooldown = 2 * time.Millisecond
	fetchPoll     = 500 * time.Millisecond
	// A job that a dead process left is put back into the queue, where it finds nothing left to do: the sweep was first.
	rescueAfter = 2 * time.Minute
	jobMemory   = time.Hour
)

// jobArgs are those of River's job: look at this resource. Jobs carry no state, may come twice, late or not at all.
type jobArgs struct {
	ResourceUID string `json:"resource_uid"`
}

// Kind is the job's name in River.
func (jobArgs) Kind() string { return "provision" }

// worker is River's end of the engine.
type worker struct {
	river.WorkerDefaults[jobArgs]
	engine *Engine
}

// Work runs one slice. It never answers an error: when to come back is the engine's own business, not River's.
func (w *worker) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	w.engine.work(ctx, job.Args.ResourceUID)
	return nil
}

// Timeout is none: a slice ends by itself, and every call of a step has its own.
func (w *worker) Timeout(*river.Job[jobArgs]) time.Duration { return -1 }

func (e *Engine) newJobs() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{engine: e}); err != nil {
		return nil, fmt.Errorf("register worker: %w", err)
	}
	client, err := river.NewClient(riverpgxv5.New(e.cfg.Pool), &river.Config{
		ID:                          e.id,
		Logger:                      slog.New(quiet{e.log.Handler()}),
		Queues:                      map[string]river.QueueConfig{queueName: {MaxWorkers: e.cfg.Workers}},
		Workers:                     workers,
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           fetchPoll,
		JobTimeout:                  -1,
		ReindexerSchedule:           river.NeverSchedule(), // the indexes are the owner's, not the service's
		RescueStuckJobsAfter:        rescueAfter,
		CompletedJobRetentionPeriod: jobMemory,
		DiscardedJobRetentionPeriod: jobMemory,
		CancelledJobRetentionPeriod: jobMemory,
	})
	if err != nil {
		return nil, fmt.Errorf("build job queue: %w", err)
	}
	return client, nil
}

// insertJob adds the job to the caller's transaction.
func (e *Engine) insertJob(ctx context.Context, tx pgx.Tx, uid string) error {
	if _, err := e.jobs.InsertTx(ctx, tx, jobArgs{ResourceUID: uid}, nil); err != nil {
		return fmt.Errorf("queue work on %s: %w", uid, err)
	}
	return nil
}

// wake queues work on resources whose time has come. What is lost here the sweep finds.
func (e *Engine) wake(ctx context.Context, uids []string) {
	params := make([]river.InsertManyParams, len(uids))
	for i, uid := range uids {
		params[i] = river.InsertManyParams{Args: jobArgs{ResourceUID: uid}}
	}
	if _, err := e.jobs.InsertManyFast(ctx, params); err != nil && ctx.Err() == nil {
		e.log.WarnContext(ctx, "could not queue work; the next sweep will", "resources", len(uids), "error", err)
	}
}

// quiet keeps River's chatter out of the log: what it says at level info is about itself.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

package trail

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/low-layer/platform/libs/pg"
)

const (
	// lateRecords is how many records may wait to be written.
	lateRecords = 1024
	// lateTimeout bounds the writing of one, drainTimeout that of all that wait when the service ends.
	lateTimeout  = 2 * time.Second
	drainTimeout = 5 * time.Second
	// perMinute is how many failed calls of an actor on a tenant are recorded.
	perMinute = 30
	// actors is how many actors' counts are kept before those of past minutes are dropped.
	actors = 4096
)

// lateRecord is a call that is recorded after it ended.
type lateRecord struct {
	call         *call
	code, reason string
}

// enqueue has a record written soon.
func (t *Trail) enqueue(ctx context.Context, r lateRecord) {
	select {
	case t.late <- r:
	default:
		t.lose(ctx, r, fmt.Errorf("%d records wait already", lateRecords))
	}
}

// lose logs and counts a record that could not be written.
func (t *Trail) lose(ctx context.Context, r lateRecord, err error) {
	t.lost.Add(ctx, 1)
	t.log.ErrorContext(ctx, "an audit record could not be written", "error", err, "method", r.call.full, "resource", r.call.resource,
		"actor", r.call.actor.Subject, "code", r.code, "reason", r.reason, "request_id", r.call.request, "trace_id", r.call.trace)
}

// Run writes the records of calls that ended without one, until ctx ends and nothing waits any more.
func (t *Trail) Run(ctx context.Context) error {
	for {
		select {
		case r := <-t.late:
			t.write(context.WithoutCancel(ctx), r)
		case <-ctx.Done():
			t.drain(context.WithoutCancel(ctx))
			return nil
		}
	}
}

func (t *Trail) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	for {
		select {
		case r := <-t.late:
			t.write(ctx, r)
		default:
			return
		}
	}
}

func (t *Trail) write(ctx context.Context, r lateRecord) {
	ctx, cancel := context.WithTimeout(ctx, lateTimeout)
	defer cancel()
	tenant := tenantOf(r.call.resource)
	if tenant == "" {
		t.omit(ctx, "no tenant")
		return
	}
	uid, err := t.cfg.Owner(ctx, t.cfg.Pool, tenant)
	switch {
	case err != nil:
		t.lose(ctx, r, err)
		return
	case uid == "":
		t.omit(ctx, "no tenant")
		return
	}
	omitted, ok := t.limit.admit(uid+"\x1f"+string(r.call.actor.Kind)+"\x1f"+r.call.actor.Subject, t.now())
	if !ok {
		t.omit(ctx, "too many")
		return
	}
	if err := pg.InTx(ctx, t.cfg.Pool, func(ctx context.Context, tx pgx.Tx) error {
		return t.writeOnce(ctx, tx, r, tenant, uid, omitted)
	}); err != nil {
		t.lose(ctx, r, err)
	}
}

// writeOnce writes the record unless the call has one: its change may be committed although it ended with an error.
func (t *Trail) writeOnce(ctx context.Context, tx pgx.Tx, late lateRecord, tenant, uid string, omitted int64) error {
	if late.call.appended.Load() {
		var there bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM audit_records WHERE id = $1)`, late.call.id).Scan(&there)
		if err != nil {
			return fmt.Errorf("look for the record of the call: %w", err)
		}
		if there {
			return nil
		}
	}
	r := late.call.record()
	r.Code, r.Reason, r.Omitted = late.code, late.reason, omitted
	return t.append(ctx, tx, late.call.id, tenant, uid, r)
}

func (t *Trail) omit(ctx context.Context, why string) {
	t.omitted.Add(ctx, 1, metric.WithAttributes(attribute.String("why", why)))
}

// tenantOf is the id of the tenant that a resource is or lies in.
func tenantOf(resource string) string {
	rest, ok := strings.CutPrefix(resource, "tenants/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// limiter counts the failed calls of each actor on each tenant, minute by minute.
type limiter struct {
	mu sync.Mutex
	of map[string]*count
}

type count struct {
	minute            time.Time
	recorded, omitted int64
}

// admit reports whether to record one more, and how many were skipped since the last record.
func (l *limiter) admit(key string, now time.Time) (omitted int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	minute := now.Truncate(time.Minute)
	if l.of == nil || len(l.of) > actors {
		l.forget(minute)
	}
	c := l.of[key]
	if c == nil {
		c = &count{}
		l.of[key] = c
	}
	if !c.minute.Equal(minute) {
		c.minute, c.recorded = minute, 0
	}
	if c.recorded >= perMinute {
		c.omitted++
		return 0, false
	}
	c.recorded++
	omitted, c.omitted = c.omitted, 0
	return omitted, true
}

func (l *limiter) forget(minute time.Time) {
	kept := map[string]*count{}
	for key, c := range l.of {
		if c.minute.Equal(minute) {
			kept[key] = c
		}
	}
	l.of = kept
}

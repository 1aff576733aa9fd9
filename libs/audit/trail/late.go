package trail

import (
	"context"
	"errors"
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
	// writers is how many tenants' records are written at the same time.
	writers = 4
	// lateTimeout bounds the writing of a tenant's waiting records, drainTimeout that of all when the service ends.
	lateTimeout  = 2 * time.Second
	drainTimeout = 5 * time.Second
	// patience is how long a response waits for its record at most. A response leaves at a multiple of quantum, so that its time
	// does not show whether a record was written.
	patience = time.Second
	quantum  = 5 * time.Millisecond
	// gapInterval is how often minutes that left calls out are looked for.
	gapInterval = 15 * time.Second
)

var errFull = errors.New("too many records wait already")

// lateRecord is a call that is recorded after it ended. done is closed when it is written, or cannot be.
type lateRecord struct {
	call         *call
	code, reason string
	omitted      int64
	since, until time.Time
	done         chan struct{}
}

// record has a call recorded, and returns when the record is written, or patience ends.
func (t *Trail) record(ctx context.Context, r lateRecord) {
	tenant := tenantOf(r.call.resource)
	if tenant == "" {
		t.omit(ctx, "no tenant")
		return
	}
	l := t.unknown
	if _, ok := t.seen.Load(tenant); ok {
		l = t.known
	}
	var ok bool
	if r.until, ok = l.admit(r, t.now()); !ok {
		t.omit(ctx, "too many")
		return
	}
	r.done = make(chan struct{})
	if !l.put(r) {
		t.lose(ctx, r, errFull)
		return
	}
	t.wakeUp()
	wait(ctx, r.done)
}

func (t *Trail) wakeUp() {
	select {
	case t.wake <- struct{}{}:
	default: // every writer looks for work already
	}
}

func wait(ctx context.Context, done <-chan struct{}) {
	begin := time.Now()
	end := time.NewTimer(patience)
	defer end.Stop()
	select {
	case <-done:
	case <-end.C:
	case <-ctx.Done():
		return
	}
	even := time.NewTimer(quantum - time.Since(begin)%quantum)
	defer even.Stop()
	select {
	case <-even.C:
	case <-ctx.Done():
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
	if err := t.learn(ctx); err != nil && ctx.Err() == nil {
		t.log.WarnContext(ctx, "the tenants of the audit trail are not known yet", "error", err)
	}
	free := context.WithoutCancel(ctx)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for {
				t.writeWaiting(free)
				select {
				case <-t.wake:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for ctx.Err() == nil {
		timer := t.cfg.Clock.NewTimer(gapInterval)
		select {
		case <-timer.C():
			t.closeGaps(t.now())
		case <-ctx.Done():
		}
		timer.Stop()
	}
	all.Wait()
	t.closeGaps(t.now().Add(time.Minute)) // the minute under way ends with the service
	free, cancel := context.WithTimeout(free, drainTimeout)
	defer cancel()
	t.writeWaiting(free)
	return nil
}

// learn reads which tenants have a chain.
func (t *Trail) learn(ctx context.Context) error {
	rows, err := t.cfg.Pool.Query(ctx, "SELECT DISTINCT tenant FROM audit_heads")
	if err != nil {
		return fmt.Errorf("read the tenants: %w", err)
	}
	var tenant string
	_, err = pgx.ForEachRow(rows, []any{&tenant}, func() error {
		t.seen.Store(tenant, struct{}{})
		return nil
	})
	return err
}

// closeGaps has the last call that was left out in each minute before now recorded, with the number of the others.
func (t *Trail) closeGaps(now time.Time) {
	for _, l := range [...]*lane{t.known, t.unknown} {
		for _, gap := range l.gaps(now) {
			if !l.put(gap) {
				t.lose(context.Background(), gap, errFull)
				continue
			}
			t.wakeUp()
		}
	}
}

// writeWaiting writes what waits: of known tenants first.
func (t *Trail) writeWaiting(ctx context.Context) {
	for {
		l := t.known
		tenant, records := l.take()
		if records == nil {
			l = t.unknown
			tenant, records = l.take()
		}
		if records == nil {
			return
		}
		t.write(ctx, tenant, records)
		l.done(tenant)
		for _, r := range records {
			if r.done != nil {
				close(r.done)
			}
		}
	}
}

// write writes the records of one tenant in one transaction.
func (t *Trail) write(ctx context.Context, tenant string, records []lateRecord) {
	ctx, cancel := context.WithTimeout(ctx, lateTimeout)
	defer cancel()
	uid, err := t.cfg.Owner(ctx, t.cfg.Pool, tenant)
	if err == nil && uid == "" {
		for range records {
			t.omit(ctx, "no tenant")
		}
		return
	}
	if err == nil {
		t.seen.Store(tenant, struct{}{})
		err = pg.InTx(ctx, t.cfg.Pool, func(ctx context.Context, tx pgx.Tx) error {
			for _, r := range records {
				if err := t.writeOnce(ctx, tx, r, tenant, uid); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		for _, r := range records {
			t.lose(ctx, r, err)
		}
	}
}

// writeOnce writes the record unless the call has one: its change may be committed although it ended with an error.
func (t *Trail) writeOnce(ctx context.Context, tx pgx.Tx, late lateRecord, tenant, uid string) error {
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
	r.Code, r.Reason, r.Omitted = late.code, late.reason, late.omitted
	if !late.since.IsZero() {
		r.OmittedSince = &late.since
	}
	if !late.until.IsZero() {
		r.LimitedUntil = &late.until
	}
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

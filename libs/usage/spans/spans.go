// Package spans writes usage in the transaction of the state change that alters it.
//
// Set gives a resource the usage it has from now on: it ends the spans that differ, begins new ones, and appends one event
// `usage.changed` to the outbox. Usage that is set again changes nothing, so any number of equal calls make one span. A transaction
// that rolls back leaves no span and no event. Spans begin and end at whole seconds; a span's end is the next one's begin.
package spans

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/usage"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations is the table of open spans. It comes after that of event.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	return pg.Migrations{Name: "usage", FS: files}
}

// Changed is the type of the events.
const Changed = "usage.changed"

// Subject is the resource whose usage is set.
type Subject struct{ Tenant, Resource, UID string }

// Querier reads rows.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

type open struct {
	usage.Item
	start time.Time
}

const selectOpen = `SELECT meter, mode, quantity, start_time FROM usage_open WHERE resource_uid = $1 ORDER BY meter, mode`

// Set gives the resource its usage from now on and returns the usage it had.
func Set(ctx context.Context, tx pgx.Tx, source string, s Subject, items []usage.Item, now time.Time) (before []usage.Item, err error) {
	var had []open
	// One round trip: the second statement sees what the first waited for.
	var b pgx.Batch
	b.Queue(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "usage\x1f"+s.UID)
	b.Queue(selectOpen, s.UID).Query(func(rows pgx.Rows) (err error) {
		had, err = pgx.CollectRows(rows, scan)
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("read open spans of %s: %w", s.Resource, err)
	}
	before = itemsOf(had)
	effects := usage.Effects(s.Resource, before, items)
	if len(effects) == 0 {
		return before, nil
	}
	change := &meteringv1.UsageChanged{Resource: s.Resource, ResourceUid: s.UID}
	if err := write(ctx, tx, s, effects, had, now, change); err != nil {
		return nil, err
	}
	return before, event.Publish(ctx, tx, source, s.Tenant, Changed, s.Resource, change)
}

func write(ctx context.Context, tx pgx.Tx, s Subject, effects []usage.Effect, had []open, now time.Time, change *meteringv1.UsageChanged) error {
	var b pgx.Batch
	var begun []*meteringv1.Span
	for _, e := range effects {
		at := now.UTC().Truncate(time.Second)
		for _, o := range had {
			if o.Meter != e.Meter || o.Mode != e.Mode {
				continue
			}
			if at.Before(o.start) { // another replica's clock was ahead
				at = o.start
			}
			change.Spans = append(change.Spans, span(o.Item, o.start, at))
			b.Queue(`DELETE FROM usage_open WHERE resource_uid = $1 AND meter = $2 AND mode = $3`, s.UID, o.Meter, string(o.Mode))
		}
		if e.After > 0 {
			begun = append(begun, span(usage.Item{Meter: e.Meter, Mode: e.Mode, Quantity: e.After}, at, time.Time{}))
			b.Queue(`INSERT INTO usage_open (tenant, resource, resource_uid, meter, mode, quantity, start_time) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				s.Tenant, s.Resource, s.UID, e.Meter, string(e.Mode), e.After, at)
		}
	}
	change.Spans = append(change.Spans, begun...)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("write spans of %s: %w", s.Resource, err)
	}
	return nil
}

// Ending returns the effects on usage of resources that go.
func Ending(ctx context.Context, q Querier, uids []string) ([]usage.Effect, error) {
	rows, err := q.Query(ctx, `SELECT resource, meter, mode, quantity FROM usage_open WHERE resource_uid = ANY($1) ORDER BY resource, meter, mode`, uids)
	if err != nil {
		return nil, fmt.Errorf("read usage that ends: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e usage.Effect, err error) {
		err = row.Scan(&e.Resource, &e.Meter, (*string)(&e.Mode), &e.Before)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read usage that ends: %w", err)
	}
	return out, nil
}

func scan(row pgx.CollectableRow) (o open, err error) {
	err = row.Scan(&o.Meter, (*string)(&o.Mode), &o.Quantity, &o.start)
	return o, err
}

func itemsOf(had []open) []usage.Item {
	out := make([]usage.Item, len(had))
	for i, o := range had {
		out[i] = o.Item
	}
	return out
}

func span(i usage.Item, start, end time.Time) *meteringv1.Span {
	s := &meteringv1.Span{Meter: i.Meter, Mode: convert.Mode(i.Mode), Quantity: i.Quantity, StartTime: timestamppb.New(start)}
	if !end.IsZero() {
		s.EndTime = timestamppb.New(end)
	}
	return s
}

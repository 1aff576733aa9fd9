// Package event carries events between services: from the outbox in the source's database, over Redis Streams, to the
// inbox of each consumer.
//
// It promises:
//   - An event is published if and only if the transaction that appended it commits.
//   - It is delivered at least once and handled once: the handler's writes and the inbox row are one transaction.
//   - The events of one tenant from one source are handled in sequence, one at a time, on any number of replicas. Events of different tenants overtake each other.
//   - Callers never notice Redis. While Redis is down the outbox waits. When Redis returns without its data, the relay publishes the outbox's seven days again, and inboxes drop duplicates.
//   - An event whose handler keeps failing is parked in the table event_inbox_parked and logged; the tenant's later events go on.
//
// With an identity, the relay signs each event with the service's certificate (libs/mtls), and the consumer refuses an entry that
// its source did not sign. So write access to Redis can delay or drop events, and cannot invent or change one.
//
// Relay and Consumer may run in every replica: one works, the others stand by.
package event

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/pg"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations is the set of tables every service that appends or consumes events has.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is a constant and the folder is embedded
	}
	return pg.Migrations{Name: "event", FS: files}
}

// Stream is the key of the Redis stream a source's events are in.
func Stream(source string) string { return "lowlayer:events:" + source }

// channel is what the relay listens on.
const channel = "lowlayer_event_outbox"

// appendSQL takes the tenant's next number first: the row stays locked until the transaction ends, so numbers are
// committed in order and without gaps, and positions of one tenant grow with them.
const appendSQL = `
WITH next AS (
	INSERT INTO event_sequences AS s (source, tenant, last) VALUES ($1, $2, 1)
	ON CONFLICT (source, tenant) DO UPDATE SET last = s.last + 1
	RETURNING last
), noted AS (
	INSERT INTO event_outbox (id, source, tenant, sequence, payload, created_at)
	SELECT $3, $1, $2, last, $4, clock_timestamp() FROM next
	RETURNING sequence, created_at
)
SELECT sequence, created_at, pg_notify($5, '') FROM noted`

// Append notes the event in the transaction. It fills in id, source, sequence, time and traceparent; the rest is the
// caller's. Two transactions that append for the same tenant follow one another from here to their end, so append
// last.
func Append(ctx context.Context, tx pgx.Tx, source string, event *eventv1.Event) error {
	if source == "" || event.GetType() == "" || event.GetTenant() == "" || event.GetSubject() == "" {
		return fmt.Errorf("append event: source %q, type %q, tenant %q and subject %q must all be set",
			source, event.GetType(), event.GetTenant(), event.GetSubject())
	}
	event.Id, event.Source = ids.New("evt"), source
	event.Sequence, event.Time = 0, nil
	event.Traceparent = traceparentOf(ctx)
	payload, err := proto.Marshal(event)
	if err != nil {
		return fmt.Errorf("append event %s: %w", event.GetType(), err)
	}
	row := tx.QueryRow(ctx, appendSQL, source, event.GetTenant(), event.GetId(), payload, channel)
	var noted stamp
	if err := row.Scan(&noted.sequence, &noted.at, nil); err != nil {
		return fmt.Errorf("append event %s: %w", event.GetType(), err)
	}
	noted.apply(event)
	return nil
}

func traceparentOf(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

func withTraceparent(ctx context.Context, event *eventv1.Event) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": event.GetTraceparent()})
}

var (
	errNoEvent = errors.New("the stream entry holds no event of its source")
	errForged  = errors.New("the signature is not good")
)

// encode is the form of an event in a stream entry.
// encode returns the fields of a stream entry. With an identity the entry is signed.
func encode(event *eventv1.Event, identity *mtls.Identity, now time.Time) ([]any, error) {
	raw, err := proto.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", event.GetId(), err)
	}
	// The attributes beside the event are for people with redis-cli.
	values := []any{"id", event.GetId(), "type", event.GetType(), "subject", event.GetSubject(), "event", raw}
	if identity == nil {
		return values, nil
	}
	signature, err := sign(identity, raw, now)
	if err != nil {
		return nil, fmt.Errorf("sign event %s: %w", event.GetId(), err)
	}
	return append(values, "signature", signature), nil
}

// decode returns the event of an entry in the stream of a source. With an identity it must be signed by that source.
func decode(values map[string]any, source string, identity *mtls.Identity, now time.Time) (*eventv1.Event, error) {
	raw, ok := values["event"].(string)
	if !ok {
		return nil, errNoEvent
	}
	if identity != nil {
		signature, _ := values["signature"].(string)
		if err := verify(identity, source, []byte(raw), signature, now); err != nil {
			return nil, fmt.Errorf("%w: %w", errForged, err)
		}
	}
	event := new(eventv1.Event)
	if err := proto.Unmarshal([]byte(raw), event); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if event.GetId() == "" || event.GetTenant() == "" || event.GetSource() != source {
		return nil, errNoEvent
	}
	return event, nil
}

func (s stamp) apply(event *eventv1.Event) {
	event.Sequence, event.Time = s.sequence, timestamppb.New(s.at)
}

// Publish appends an event of a tenant, by its id, that shows a resource as it is now. data may be nil.
func Publish(ctx context.Context, tx pgx.Tx, source, tenant, kind, subject string, data proto.Message) error {
	e := &eventv1.Event{Type: kind, Subject: subject, Tenant: "tenants/" + tenant}
	if data != nil {
		packed, err := anypb.New(data)
		if err != nil {
			return fmt.Errorf("pack event %s of %s: %w", kind, subject, err)
		}
		e.Data = packed
	}
	return Append(ctx, tx, source, e)
}

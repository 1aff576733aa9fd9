package event

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/pg"
)

// errEpoch ends the work of a replica that another one has replaced.
var errEpoch = errors.New("another replica consumes now")

// settle handles or parks one delivery and acknowledges it. An error means that the session must end.
func (c *Consumer) settle(ctx context.Context, epoch int64, d delivery) error {
	if d.event != nil {
		if handler, ok := c.cfg.Handlers[d.event.GetType()]; ok {
			if err := c.attempt(ctx, epoch, d, handler); err != nil {
				return err
			}
		}
	}
	// Without the acknowledgement the event stays pending, and the next reader finds it handled.
	if err := c.redis.XAck(ctx, Stream(d.source), c.cfg.Service, d.entry).Err(); err != nil {
		return fmt.Errorf("acknowledge event: %w", err)
	}
	return nil
}

// attempt tries the handler until it succeeds or the event is parked. Only what the handler itself fails with counts:
// a database that is away says nothing about the event.
func (c *Consumer) attempt(ctx context.Context, epoch int64, d delivery, handler Handler) error {
	pause := c.cfg.Backoff
	for failed := 1; ; failed++ {
		err := c.handle(ctx, epoch, d.event, handler)
		if err == nil || errors.Is(err, errEpoch) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("handle event: %w", ctx.Err())
		}
		if notReady := pg.Ready(ctx, c.pool); notReady != nil {
			return fmt.Errorf("handle event: %w", errors.Join(err, notReady))
		}
		if failed >= c.cfg.Attempts {
			return c.park(ctx, epoch, d.event, failed, err)
		}
		c.logger.WarnContext(ctx, "event handler failed, trying again", "event", d.event.GetId(),
			"type", d.event.GetType(), "subject", d.event.GetSubject(), "attempt", failed, "error", err)
		c.pause(ctx, pause)
		pause = min(2*pause, maxBackoff)
	}
}

// handle runs the handler unless the inbox knows the event.
func (c *Consumer) handle(ctx context.Context, epoch int64, event *eventv1.Event, handler Handler) error {
	ctx, span := c.tracer.Start(withTraceparent(ctx, event), "event."+event.GetType(),
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			attribute.String("messaging.message.id", event.GetId()),
			attribute.String("lowlayer.event.source", event.GetSource()),
			attribute.String("lowlayer.event.subject", event.GetSubject())))
	defer span.End()
	c.busy <- struct{}{}
	defer func() { <-c.busy }()
	err := pg.InTx(ctx, c.pool, func(ctx context.Context, tx pgx.Tx) error {
		fresh, err := enter(ctx, tx, epoch, event)
		if err != nil || !fresh {
			return err
		}
		return guarded(ctx, tx, event, handler)
	})
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, "the handler failed")
	}
	return err
}

// enter notes the event in the inbox; fresh is false when it was there.
func enter(ctx context.Context, tx pgx.Tx, epoch int64, event *eventv1.Event) (fresh bool, err error) {
	var current int64
	// The shared lock lets a replica that takes over wait for this transaction, and us fail after it.
	if err := tx.QueryRow(ctx, "SELECT epoch FROM event_consumer_epoch FOR SHARE").Scan(&current); err != nil {
		return false, fmt.Errorf("read epoch: %w", err)
	}
	if current != epoch {
		return false, errEpoch
	}
	tag, err := tx.Exec(ctx, "INSERT INTO event_inbox (id, source) VALUES ($1, $2) ON CONFLICT DO NOTHING",
		event.GetId(), event.GetSource())
	if err != nil {
		return false, fmt.Errorf("enter inbox: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// guarded makes an error of a panic, so that one event cannot stop the service in a circle of restarts.
func guarded(ctx context.Context, tx pgx.Tx, event *eventv1.Event, handler Handler) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("event handler panicked: %v\n%s", what, debug.Stack())
		}
	}()
	return handler(ctx, tx, event)
}

// park puts the event aside, where people find it, and lets the tenant's later events go on.
func (c *Consumer) park(ctx context.Context, epoch int64, event *eventv1.Event, attempts int, cause error) error {
	payload, err := proto.Marshal(event)
	if err != nil {
		return fmt.Errorf("park event: %w", err)
	}
	err = pg.InTx(ctx, c.pool, func(ctx context.Context, tx pgx.Tx) error {
		fresh, err := enter(ctx, tx, epoch, event)
		if err != nil || !fresh {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO event_inbox_parked (id, source, type, tenant, sequence, payload, attempts, error)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, event.GetId(), event.GetSource(), event.GetType(), event.GetTenant(),
			event.GetSequence(), payload, attempts, cause.Error())
		return err
	})
	if err != nil {
		return fmt.Errorf("park event: %w", err)
	}
	c.logger.ErrorContext(ctx, "event parked", "event", event.GetId(), "source", event.GetSource(),
		"type", event.GetType(), "subject", event.GetSubject(), "sequence", event.GetSequence(), "attempts", attempts, "error", cause)
	return nil
}

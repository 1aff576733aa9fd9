package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

func (c *Consumer) ensureGroups(ctx context.Context) error {
	for _, source := range c.cfg.Sources {
		// From the beginning: a service that starts late reads what the stream still holds.
		err := c.redis.XGroupCreateMkStream(ctx, Stream(source), c.cfg.Service, "0").Err()
		if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
			return fmt.Errorf("make consumer group of %s: %w", source, err)
		}
	}
	return nil
}

// readAll goes through the pending entries of each source in order.
func (c *Consumer) readAll(ctx context.Context, reader *redis.Client, queues *queues, from map[string]string) error {
	for source, id := range from {
		for {
			entries, err := c.read(ctx, reader, -1, []string{Stream(source), id})
			if err != nil {
				return err
			}
			if len(entries) == 0 || len(entries[0].Messages) == 0 {
				break
			}
			messages := entries[0].Messages
			if err := c.enqueue(ctx, queues, source, messages); err != nil {
				return err
			}
			id = messages[len(messages)-1].ID
		}
	}
	return nil
}

func (c *Consumer) readNew(ctx context.Context, reader *redis.Client, queues *queues) error {
	streams := make([]string, 0, 2*len(c.cfg.Sources))
	for _, source := range c.cfg.Sources {
		streams = append(streams, Stream(source))
	}
	streams = append(streams, slices.Repeat([]string{">"}, len(c.cfg.Sources))...)
	entries, err := c.read(ctx, reader, readBlock, streams)
	if err != nil {
		return err
	}
	for _, stream := range entries {
		source := strings.TrimPrefix(stream.Stream, Stream(""))
		if err := c.enqueue(ctx, queues, source, stream.Messages); err != nil {
			return err
		}
	}
	return nil
}

func (c *Consumer) read(ctx context.Context, reader *redis.Client, block time.Duration, streams []string) ([]redis.XStream, error) {
	entries, err := reader.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: c.cfg.Service, Consumer: consumerName, Streams: streams, Count: readCount, Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read streams: %w", err)
	}
	return entries, nil
}

func (c *Consumer) enqueue(ctx context.Context, queues *queues, source string, messages []redis.XMessage) error {
	for _, message := range messages {
		event, err := decode(message.Values, source, c.cfg.Identity, c.clock.Now())
		if errors.Is(err, errForged) {
			c.logger.ErrorContext(ctx, "event refused: its source did not sign it", "source", source, "entry", message.ID, "error", err)
		} else if err != nil {
			// The entry was trimmed while pending, or a foreign writer added it: there is nothing to keep.
			c.logger.WarnContext(ctx, "stream entry passed over", "source", source, "entry", message.ID, "error", err)
		}
		if err := queues.add(ctx, delivery{source: source, entry: message.ID, event: event}); err != nil {
			return err
		}
	}
	return nil
}

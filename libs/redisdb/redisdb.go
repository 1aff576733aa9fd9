// Package redisdb opens Redis for a service. It sends nothing that old servers and Valkey do not know, and bounds and traces every
// command. A server that is down makes commands fail, not Open.
package redisdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/low-layer/platform/libs/telemetry"
)

const (
	dialTimeout  = 2 * time.Second
	ioTimeout    = 3 * time.Second
	readyTimeout = 2 * time.Second
)

// Config names the server. URL is `redis://[user:password@]host:port/db`, or rediss:// for TLS.
type Config struct {
	URL       string
	PoolSize  int // the driver's default when 0
	Telemetry *telemetry.Telemetry
}

// Open makes the client. It fails on a malformed URL, never on an unreachable server.
func Open(cfg Config) (*redis.Client, error) {
	quieten()
	options, err := redis.ParseURL(cfg.URL)
	if err != nil {
		// The cause may repeat the URL, and the URL may hold a password.
		if _, quotes := errors.AsType[*url.Error](err); quotes {
			return nil, errors.New("read redis url: it is not a URL; write it as redis://user:password@host:port/0")
		}
		return nil, fmt.Errorf("read redis url: %w", err)
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = dialTimeout, ioTimeout, ioTimeout
	options.ContextTimeoutEnabled = true
	options.PoolSize = cfg.PoolSize
	// Both send commands on connect that servers other than the newest Redis refuse and log.
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(options)
	if cfg.Telemetry != nil {
		// Values of commands stay out of spans.
		err := redisotel.InstrumentTracing(client,
			redisotel.WithTracerProvider(cfg.Telemetry.TracerProvider()), redisotel.WithDBStatement(false))
		if err != nil {
			return nil, fmt.Errorf("instrument redis: %w", err)
		}
	}
	return client, nil
}

// Ready fails unless the server takes commands now.
func Ready(ctx context.Context, client *redis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}

// quieten sends the log of the driver to slog. The driver has one logger for the process, which floods standard error while a server is
// down.
var quieten = sync.OnceFunc(func() { redis.SetLogger(driverLog{}) })

type driverLog struct{}

// Printf implements the driver's logger.
func (driverLog) Printf(ctx context.Context, format string, v ...any) {
	slog.DebugContext(ctx, "redis driver", "message", fmt.Sprintf(format, v...))
}

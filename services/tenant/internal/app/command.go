package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

const shutdownTimeout = 5 * time.Second

// Serve runs the service with the settings of the environment.
func Serve(ctx context.Context, environ []string, logger *slog.Logger) (err error) {
	cfg, err := config.Load[Config](Prefix, environ)
	if err != nil {
		return err
	}
	tel, err := telemetry.Start(ctx, telemetry.Config{Service: name, Logger: logger})
	if err != nil {
		return err
	}
	defer func() {
		// The last spans go out although the caller has been told to stop.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err = errors.Join(err, tel.Shutdown(end))
	}()
	a, err := New(ctx, cfg, Options{Logger: logger, Telemetry: tel, Clock: clock.Real()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	admin, err := serveAdmin(ctx, cfg.AdminListen, tel.AdminHandler(a.Server.Ready))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin(ctx)) }()
	return a.Run(ctx)
}

// serveAdmin serves the private port and answers how to end it.
func serveAdmin(ctx context.Context, address string, handler http.Handler) (func(context.Context) error, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on the admin address: %w", err)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	return func(ctx context.Context) error {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err := srv.Shutdown(end)
		if s := <-served; !errors.Is(s, http.ErrServerClosed) {
			err = errors.Join(err, s)
		}
		return err
	}, nil
}

// Migrate brings the service's database to this version.
func Migrate(ctx context.Context, environ []string) error {
	cfg, err := config.Load[Config](Prefix, environ)
	if err != nil {
		return err
	}
	sets, err := store.Migrations()
	if err != nil {
		return err
	}
	return pg.Migrate(ctx, cfg.DatabaseURL, sets...)
}

// CheckConfig reports every problem of the settings.
func CheckConfig(environ []string) error {
	_, err := config.Load[Config](Prefix, environ)
	return err
}

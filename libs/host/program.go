package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/libs/telemetry"
)

// shutdownTimeout bounds the last spans and admin requests of a service that stops.
const shutdownTimeout = 5 * time.Second

// Running is a wired service; an App that embeds a Host is one.
type Running interface {
	Run(ctx context.Context) error
	Ready() error
	Close() error
}

// settings are a service's own settings with Config embedded, or Ports alone for a service without a database.
type settings interface{ adminListen() string }

// Program is the command line of a registered service, with the settings of the environment. A service without a database has no
// migrations.
func Program[C settings, A Running](
	name string, migrations func() []pg.Migrations, wire func(context.Context, C, Options) (A, error),
) Command {
	load := func() (C, error) {
		service, ok := registry.Find(name)
		if !ok {
			return *new(C), fmt.Errorf("service %q is not registered in libs/registry", name)
		}
		return config.Load[C](service.Prefix(), os.Environ())
	}
	c := Command{
		Name: name,
		Serve: func(ctx context.Context) error {
			cfg, err := load()
			if err != nil {
				return err
			}
			return serve(ctx, name, cfg.adminListen(), func(o Options) (Running, error) { return wire(ctx, cfg, o) })
		},
		CheckConfig: func() error {
			cfg, err := load()
			if err != nil {
				return err
			}
			if named, ok := any(cfg).(interface{ checkCloud() error }); ok {
				return named.checkCloud()
			}
			return nil
		},
	}
	if migrations == nil {
		return c
	}
	c.Migrate = func(ctx context.Context) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		stored, ok := any(cfg).(interface{ database() string })
		if !ok {
			return fmt.Errorf("the settings of %s embed no host.Config", name)
		}
		return pg.Migrate(ctx, stored.database(), migrations()...)
	}
	return c
}

func serve(ctx context.Context, name, adminListen string, wire func(Options) (Running, error)) (err error) {
	logger := slog.Default()
	tel, err := telemetry.Start(ctx, telemetry.Config{Service: name, Logger: logger})
	if err != nil {
		return err
	}
	defer func() {
		// The last spans go out although ctx has ended.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err = errors.Join(err, tel.Shutdown(end))
	}()
	a, err := wire(Options{Logger: logger, Telemetry: tel, Clock: clock.Real()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	stop, err := serveAdmin(ctx, adminListen, tel.AdminHandler(a.Ready))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(ctx)) }()
	return a.Run(ctx)
}

// serveAdmin serves the private port and returns how to end it.
func serveAdmin(ctx context.Context, address string, handler http.Handler) (stop func(context.Context) error, err error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on the admin address: %w", err)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: shutdownTimeout}
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

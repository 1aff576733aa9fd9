// Package app wires the gateway. Read New from top to bottom to know what it is made of.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/low-layer/platform/gen/openapi"
	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/services/gateway/internal/api/docs"
	"github.com/low-layer/platform/services/gateway/internal/api/explain"
	"github.com/low-layer/platform/services/gateway/internal/api/fan"
	"github.com/low-layer/platform/services/gateway/internal/api/gate"
	"github.com/low-layer/platform/services/gateway/internal/api/guard"
	"github.com/low-layer/platform/services/gateway/internal/api/observe"
	"github.com/low-layer/platform/services/gateway/internal/api/proxy"
	"github.com/low-layer/platform/services/gateway/internal/api/refusal"
	"github.com/low-layer/platform/services/gateway/internal/api/rest"
	"github.com/low-layer/platform/services/gateway/internal/api/server"
	"github.com/low-layer/platform/services/gateway/internal/api/watch"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"
	"github.com/low-layer/platform/services/gateway/internal/limit"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// waitTimeout is the timeout of a long poll: its 60 s and the time to respond.
const waitTimeout = 70 * time.Second

// App is a gateway that is ready to serve.
type App struct {
	cfg      Config
	logger   *slog.Logger
	tel      *telemetry.Telemetry
	backends *client.Backends
	server   *server.Server
	admin    net.Listener
	guard    *access.Guard
	// redis is nil without one.
	redis  *redis.Client
	limits *limit.Limiter
}

// Serve runs the gateway with the settings of the process until ctx ends.
func Serve(ctx context.Context) error {
	cfg, err := config.Load[Config](Prefix, os.Environ())
	if err != nil {
		return err //nolint:wrapcheck // it lists the problems
	}
	a, err := New(ctx, cfg, slog.Default())
	if err != nil {
		return err
	}
	return a.Serve(ctx)
}

// CheckConfig reports what is wrong with the settings.
func CheckConfig() error {
	_, err := config.Load[Config](Prefix, os.Environ())
	return err //nolint:wrapcheck // it lists the problems
}

// New makes the gateway and listens. Services behind it need not be up.
func New(ctx context.Context, cfg Config, logger *slog.Logger) (_ *App, err error) {
	a := &App{cfg: cfg, logger: logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close(ctx))
		}
	}()
	if a.tel, err = telemetry.Start(ctx, telemetry.Config{Service: "gateway", Logger: logger}); err != nil {
		return nil, fmt.Errorf("start telemetry: %w", err)
	}

	if a.guard, err = access.New(cfg.Access, logger, clock.Real()); err != nil {
		return nil, fmt.Errorf("read who may do what: %w", err)
	}
	observer, err := observe.New(a.tel)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it makes
	}

	// Tracing the calls to services costs a tenth of a call, so it needs an exporter.
	traced := a.tel
	if !observe.Recorded(ctx, a.tel) {
		traced = nil
	}
	shown, err := cfg.Access.Identity(access.Gateway, logger)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it reads
	}
	if a.backends, err = client.Dial(cfg.targets(), shown, traced); err != nil {
		return nil, err //nolint:wrapcheck // says which service
	}
	routes, err := route.New(protoregistry.GlobalFiles, a.backends.Names())
	if err != nil {
		return nil, fmt.Errorf("read the routes of the API: %w", err)
	}
	if err = a.countCalls(ctx); err != nil {
		return nil, err
	}
	refusals, err := refusal.New(routes, a.backends, logger)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it reads
	}
	passing, err := gate.New(a.guard, a.limits, routes, refusals, cfg.Timeout)
	if err != nil {
		return nil, fmt.Errorf("read how calls are counted: %w", err)
	}
	key, err := tokenKey(ctx, cfg, logger)
	if err != nil {
		return nil, err
	}
	tokens := paging.New(key)
	own := []server.Registrable{explain.New(a.guard), watch.New(a.backends, cfg.WatchesCaller, cfg.WatchesTenant, cfg.WatchesAll)}
	shared, err := fan.All(a.backends, tokens, "lowlayer.authz.v1.AuthorizationService", "lowlayer.watch.v1.WatchService")
	if err != nil {
		return nil, err //nolint:wrapcheck // says which service
	}
	for _, s := range shared {
		own = append(own, s)
	}

	api := rest.New(rest.Config{Routes: routes, Logger: logger, Observer: observer, Gate: passing, Timeout: cfg.Timeout, WaitTimeout: waitTimeout, StreamTimeout: cfg.StreamTimeout, StreamPatience: cfg.StreamPatience})
	for _, b := range a.backends.All() {
		if err = api.Register(ctx, b); err != nil {
			return nil, err //nolint:wrapcheck // says which service
		}
	}
	guarded := make([]server.Registrable, len(own))
	for i, s := range own {
		if err = api.Own(ctx, s); err != nil {
			return nil, err //nolint:wrapcheck // says which service
		}
		guarded[i] = guard.Of(passing, s)
	}
	a.server, err = server.New(ctx, cfg.Listen, server.Config{
		ReadHeader: cfg.ReadHeaderTimeout, Read: cfg.ReadTimeout, Write: waitTimeout + cfg.ReadTimeout,
		Timeout: cfg.Timeout, WaitTimeout: waitTimeout, StreamTimeout: cfg.StreamTimeout, StreamPatience: cfg.StreamPatience,
		Idle: cfg.IdleTimeout, Drain: cfg.DrainTimeout, MaxStreams: cfg.MaxStreams, Logger: logger,
	}, server.GRPCConfig{
		Routes: routes, Proxy: proxy.New(routes, a.backends, passing), Observer: observer,
		Own: guarded,
	}, api, docs.New(openapi.JSON))
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it listens for
	}
	if a.admin, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.AdminListen); err != nil {
		return nil, fmt.Errorf("listen for the admin port: %w", err)
	}
	return a, nil
}

// countCalls makes the limiter. A Redis that is away does not keep the gateway from starting.
func (a *App) countCalls(ctx context.Context) error {
	cfg := limit.Config{
		Tenant: limit.Rates(a.cfg.TenantRates), Caller: limit.Rates(a.cfg.CallerRates), Address: a.cfg.AddressRate,
		Logger: a.logger, Meter: a.tel.MeterProvider().Meter("github.com/low-layer/platform/services/gateway"),
	}
	var err error
	if a.cfg.RedisURL != "" {
		if a.redis, err = redisdb.Open(redisdb.Config{URL: a.cfg.RedisURL}); err != nil {
			return fmt.Errorf("open the redis of rate limits: %w", err)
		}
		cfg.Redis = a.redis
	}
	a.limits, err = limit.New(ctx, cfg)
	return err //nolint:wrapcheck // says what it makes
}

const keySize = 32

// tokenKey is the key of page tokens. A generated key is valid until a restart, and for one replica.
func tokenKey(ctx context.Context, cfg Config, logger *slog.Logger) ([]byte, error) {
	if cfg.PageTokenKey != "" {
		return cfg.key()
	}
	logger.InfoContext(ctx, "page tokens are signed with a random key and end with this process; set "+Prefix+"PAGE_TOKEN_KEY when there are replicas")
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key for page tokens: %w", err)
	}
	return key, nil
}

// Addr is where the gateway serves; AdminAddr where it is watched.
func (a *App) Addr() string { return a.server.Addr() }

// AdminAddr is where health, metrics and profiles are.
func (a *App) AdminAddr() string { return a.admin.Addr().String() }

var errDraining = errors.New("the gateway is stopping")

// Serve runs until ctx ends, then drains and returns nil.
func (a *App) Serve(ctx context.Context) error {
	// It is not ready from the instant of the stop: before clients see the drain.
	ready := func() error {
		if ctx.Err() != nil {
			return errDraining
		}
		return nil
	}
	admin := &http.Server{
		Handler: a.tel.AdminHandler(ready), ReadHeaderTimeout: a.cfg.ReadHeaderTimeout,
		ErrorLog: slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug),
	}
	watched := make(chan error, 1)
	go func() { watched <- admin.Serve(a.admin) }()
	if a.guard == nil {
		a.logger.WarnContext(ctx, "callers are not authenticated, so the gateway serves this machine only; set "+Prefix+"ISSUER to change that", "address", a.Addr())
	}
	keys, forget := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan error, 1)
	go func() { kept <- a.guard.Run(keys) }()
	looked := make(chan struct{})
	go func() { defer close(looked); a.limits.Run(keys) }()
	a.logger.InfoContext(ctx, "serving", "address", a.Addr(), "admin", a.AdminAddr(), "docs", "http://"+a.Addr()+"/docs")

	err := a.server.Serve(ctx)
	forget()
	err = errors.Join(err, <-kept)
	<-looked
	// The admin port stays until the end, so that the drain can be watched.
	err = errors.Join(err, admin.Close())
	if e := <-watched; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the admin port: %w", e))
	}
	return errors.Join(err, a.close(context.WithoutCancel(ctx)))
}

const flushTimeout = 5 * time.Second

func (a *App) close(ctx context.Context) error {
	var err error
	if a.backends != nil {
		err = a.backends.Close()
	}
	if a.redis != nil {
		err = errors.Join(err, a.redis.Close())
	}
	if a.tel != nil {
		flush, cancel := context.WithTimeout(ctx, flushTimeout)
		defer cancel()
		err = errors.Join(err, a.tel.Shutdown(flush))
	}
	return err
}

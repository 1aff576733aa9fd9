// Package app wires the network service, top to bottom.
//
// It promises that the service starts in any order with the things it needs: what is away is waited for, and readiness
// says so. It fails at once only on settings that cannot work.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/audit/auditapi"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/libs/provision/receiptapi"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/quota/quotaapi"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/libs/watch"
	"github.com/low-layer/platform/services/network/internal/api"
	cloud "github.com/low-layer/platform/services/network/internal/cloud/openstack"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
	"github.com/low-layer/platform/services/network/internal/provision"
	"github.com/low-layer/platform/services/network/internal/reconcile"
	"github.com/low-layer/platform/services/network/internal/store"
)

const (
	name = "network"
	// tenantService is whose events are listened to.
	tenantService = "tenant"
	// readyPause and workPause are how often readiness and the database are looked at.
	readyPause = 2 * time.Second
	workPause  = time.Second
	// quotaInterval is how often the ledger of quotas is held against what there is.
	quotaInterval = 5 * time.Minute
	// pageKeySize is that of a page token key made for this process alone.
	pageKeySize = 32
)

// App is the wired service.
type App struct {
	Server *rpc.Server
	Engine *engine.Engine
	Drift  *reconcile.Drift
	// Isolation observes who can reach whom.
	Isolation *reconcile.Isolation

	cfg     Config
	options Options
	pool    *pgxpool.Pool
	redis   *redis.Client
	records *store.Records
	closers []func() error
	guard   *access.Guard
	keys    receipt.Ring
	trail   *trail.Trail
	changes *watch.Log
	ledger  *quota.Ledger
}

// Options are what the settings do not say.
type Options struct {
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
	Clock     clock.Clock
	// Engine adjusts the engine's settings; tests do.
	Engine func(*engine.Config)
}

// New wires the service. It opens connections when they are first used.
func New(ctx context.Context, cfg Config, o Options) (_ *App, err error) {
	a := &App{cfg: cfg, options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.pool, err = pg.Open(ctx, pg.Config{URL: cfg.DatabaseURL, MaxConns: cfg.MaxConns, Telemetry: o.Telemetry}); err != nil {
		return nil, err
	}
	a.onClose(func() error { a.pool.Close(); return nil })
	if a.redis, err = redisdb.Open(redisdb.Config{URL: cfg.RedisURL, Telemetry: o.Telemetry}); err != nil {
		return nil, err
	}
	a.onClose(a.redis.Close)
	client, err := openstack.New(openstack.Config{
		CloudsFile: cfg.CloudsFile, Cloud: cfg.Cloud, Telemetry: o.Telemetry, Logger: o.Logger, Clock: o.Clock,
	})
	if err != nil {
		return nil, err
	}
	a.onClose(func() error { client.Close(); return nil })
	if a.guard, err = access.New(cfg.Access, o.Logger, o.Clock); err != nil {
		return nil, err
	}
	identity, err := cfg.Access.Identity(name, o.Logger)
	if err != nil {
		return nil, err
	}
	if a.keys, err = receipt.NewRing(cfg.ReceiptKey, cfg.ReceiptOldKeys); err != nil {
		return nil, err
	}
	if a.trail, err = trail.New(trail.Config{
		Service: name, Pool: a.pool, Owner: store.TenantUID, Signer: a.keys.Signer, Clock: o.Clock, Logger: o.Logger,
		Meter: o.Telemetry.MeterProvider(),
	}); err != nil {
		return nil, err
	}
	a.changes = watch.New(watch.Config{Pool: a.pool, Logger: o.Logger, Clock: o.Clock})
	if a.Server, err = rpc.NewServer(rpc.ServerConfig{
		Name: name, Listen: cfg.Listen, Logger: o.Logger, Telemetry: o.Telemetry, Audit: a.trail,
		Authenticate: a.guard.Authenticate, Authorize: a.guard.Authorize, Identity: identity, Explain: pg.Explain,
	}); err != nil {
		return nil, err
	}
	return a, a.assemble(cloud.New(client))
}

// assemble puts the service's own parts together.
func (a *App) assemble(neutron *cloud.Cloud) error {
	o := a.options
	a.ledger = quota.New(name, o.Clock, a.cfg.Quotas())
	a.records = store.NewRecords(a.pool, o.Clock, store.Messages{Hub: hubMessage, Vpc: vpcMessage, Peering: peeringMessage}, a.ledger)
	kit := provision.New(provision.InTurn(neutron, store.NewTurns(a.pool)), a.records, provision.Messages{Hub: hubMessage, Vpc: vpcMessage, Peering: peeringMessage})
	engineConfig := engine.Config{
		Service: name, Pool: a.pool, Kinds: kit.Kinds(), Logger: o.Logger, Clock: o.Clock, Telemetry: o.Telemetry,
		Workers: a.cfg.Workers, StepContext: stepContext,
		Lease: a.cfg.Lease, Sweep: a.cfg.Sweep, Settle: a.cfg.Settle, Failpoint: engine.FailpointFromEnvironment(),
		Since:    store.TenantSince,
		Receipts: a.keys.Signer, Audit: a.trail,
	}
	if o.Engine != nil {
		o.Engine(&engineConfig)
	}
	var err error
	if a.Engine, err = engine.New(engineConfig); err != nil {
		return err
	}
	key, err := pageKey(a.cfg.PageTokenKey)
	if err != nil {
		return err
	}
	a.Drift = reconcile.NewDrift(reconcile.Config{
		Cloud: neutron, Engine: a.Engine, Records: a.records, Pool: a.pool, Clock: o.Clock, Logger: o.Logger, Age: a.cfg.DriftAge,
	})
	a.Isolation = reconcile.NewIsolation(reconcile.IsolationConfig{
		Cloud: neutron, Engine: a.Engine, Records: a.records, Pool: a.pool, Clock: o.Clock, Logger: o.Logger,
		Interval: a.cfg.IsolationInterval, Age: a.cfg.Settle,
	})

	registrar := a.Server.Registrar()
	records := store.New(a.records, a.Engine, paging.New(key), a.trail)
	api.Register(registrar, records)
	operations := operationapi.New(a.Engine, nil)
	operationv1.RegisterOperationServiceServer(registrar, operations)
	longrunningpb.RegisterOperationsServer(registrar, operations)
	receiptv1.RegisterReceiptServiceServer(registrar, receiptapi.New(name, a.Engine, a.keys))
	auditv1.RegisterAuditServiceServer(registrar, auditapi.New(a.trail, paging.New(key)))
	a.serveWatch(records, operations)
	quotav1.RegisterQuotaServiceServer(registrar, quotaapi.New(name, a.pool, a.ledger, store.Known, a.trail))
	return nil
}

func hubMessage(h hub.Hub) proto.Message             { return api.HubMessage(h) }
func vpcMessage(v vpc.Vpc) proto.Message             { return api.VpcMessage(v) }
func peeringMessage(p peering.Peering) proto.Message { return api.PeeringMessage(p) }

// stepContext shows on a step which calls it made in the cloud, and lets the cloud's logs tell an operation's calls together.
func stepContext(ctx context.Context, run *engine.Run) context.Context {
	ctx = openstack.WithGlobalRequestID(ctx, run.Operation())
	return openstack.WithCalls(ctx, func(c openstack.Call) { run.CloudRequest(c.RequestID) })
}

// pageKey is the configured key; without one page tokens end with the process.
func pageKey(configured string) ([]byte, error) {
	if configured != "" {
		return []byte(configured), nil
	}
	key := make([]byte, pageKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make page token key: %w", err)
	}
	return key, nil
}

func (a *App) onClose(f func() error) { a.closers = append(a.closers, f) }

// Close lets go of every connection.
func (a *App) Close() error {
	var all []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		all = append(all, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(all...)
}

// Run serves and works until ctx ends, then drains. The first part that fails ends the others.
func (a *App) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var parts sync.WaitGroup
	part := func(what string, run func(context.Context) error) {
		parts.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	part("serve", a.Server.Serve)
	part("keys of the issuer", a.guard.Run)
	part("readiness", a.watch)
	part("audit trail", a.trail.Run)
	part("log of changes", a.changes.Run)
	part("quotas", func(ctx context.Context) error {
		return quota.Watch(ctx, quota.WatchConfig{
			Service: name, Pool: a.pool, Query: store.Taken, Interval: quotaInterval, Clock: a.options.Clock, Logger: a.options.Logger,
			Meter: a.options.Telemetry.MeterProvider(),
		})
	})
	part("provision", a.work)
	part("relay events", event.NewRelay(a.pool, a.redis, event.RelayConfig{Logger: a.options.Logger, Clock: a.options.Clock}).Run)
	part("consume events", event.NewConsumer(a.pool, a.redis, event.ConsumerConfig{
		Service: name, Sources: []string{tenantService}, Handlers: a.records.Handlers(),
		Logger: a.options.Logger, Clock: a.options.Clock, Telemetry: a.options.Telemetry,
	}).Run)
	part("drift", func(ctx context.Context) error { a.Drift.Run(ctx, a.cfg.DriftInterval); return nil })
	part("isolation", func(ctx context.Context) error { a.Isolation.Run(ctx); return nil })
	parts.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// work runs the engine once the database answers.
func (a *App) work(ctx context.Context) error {
	for pg.Ready(ctx, a.pool) != nil {
		if !a.pause(ctx, workPause) {
			return nil
		}
	}
	return a.Engine.Run(ctx)
}

// watch keeps readiness true to what the service cannot do without: its database. Redis and the cloud may be away: reads
// go on, and what is accepted waits.
func (a *App) watch(ctx context.Context) error {
	a.Server.SetReady("database", false)
	for {
		a.Server.SetReady("database", pg.Ready(ctx, a.pool) == nil)
		if !a.pause(ctx, readyPause) {
			return nil
		}
	}
}

func (a *App) pause(ctx context.Context, d time.Duration) bool {
	t := a.options.Clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C():
		return true
	}
}

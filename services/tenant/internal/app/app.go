// Package app wires the tenant service, top to bottom.
//
// It promises that a service starts in any order with the things it needs: what is away is waited for, and readiness says
// so. It fails at once only on settings that cannot work.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

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
	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	libprovision "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/libs/provision/receiptapi"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/quota/quotaapi"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/libs/seal"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/libs/watch"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/provision"
	"github.com/low-layer/platform/services/tenant/internal/reconcile"
	"github.com/low-layer/platform/services/tenant/internal/store"
)

const name = "tenant"

// quotaInterval is how often the ledger of quotas is held against what there is.
const quotaInterval = 5 * time.Minute

// App is the wired service.
type App struct {
	Server   *rpc.Server
	Engine   *libprovision.Engine
	Periodic *tenancy.Periodic
	Drift    *reconcile.Drift
	Members  *member.Sync

	cfg       Config
	logger    *slog.Logger
	telemetry *telemetry.Telemetry
	pool      *pgxpool.Pool
	redis     *redis.Client
	clock     clock.Clock
	closers   []func() error
	guard     *access.Guard
	keys      receipt.Ring
	trail     *trail.Trail
	changes   *watch.Log
	ledger    *quota.Ledger
}

// Options are what tests put in the place of the real thing.
type Options struct {
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
	Clock     clock.Clock
	// Engine adjusts the engine's settings.
	Engine func(*libprovision.Config)
}

// New wires the service. It opens connections when they are first used.
func New(ctx context.Context, cfg Config, o Options) (_ *App, err error) {
	a := &App{cfg: cfg, logger: o.Logger, telemetry: o.Telemetry, clock: o.Clock}
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
	keeper, err := seal.Open(ctx, cfg.SealURL)
	if err != nil {
		return nil, err
	}
	a.onClose(keeper.Close)
	osClient, err := openstack.New(openstack.Config{
		CloudsFile: cfg.CloudsFile, Cloud: cfg.Cloud, Telemetry: o.Telemetry, Logger: o.Logger, Clock: o.Clock,
	})
	if err != nil {
		return nil, err
	}
	a.onClose(func() error { osClient.Close(); return nil })
	identity, err := cfg.Access.Identity(name, o.Logger)
	if err != nil {
		return nil, err
	}
	conn, err := rpc.Dial(rpc.ClientConfig{
		Target: cfg.NetworkTarget, Name: name, Telemetry: o.Telemetry, Identity: identity, Service: "network",
	})
	if err != nil {
		return nil, err
	}
	a.onClose(conn.Close)
	if a.guard, err = access.New(cfg.Access, o.Logger, o.Clock); err != nil {
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
	return a, a.assemble(o, keeper, osClient, conn)
}

// assemble puts the service's own parts together.
func (a *App) assemble(o Options, keeper *seal.Keeper, osClient *openstack.Client, conn *grpc.ClientConn) error {
	cloud := openstackclient.NewKeystone(osClient)
	network := client.NewNetwork(conn)
	outbox := store.NewOutbox(api.Renderer{})
	a.ledger = quota.New(name, a.clock, a.cfg.Quotas())
	remover := &lateRemover{}
	engineConfig := libprovision.Config{
		Service: name, Pool: a.pool, Logger: a.logger, Clock: a.clock, Telemetry: a.telemetry, StepContext: stepContext,
		Lease: a.cfg.Lease, Sweep: a.cfg.Sweep, Settle: a.cfg.Settle, Failpoint: libprovision.FailpointFromEnvironment(),
		Since:    store.TenantSince,
		Receipts: a.keys.Signer, Audit: a.trail,
		Kinds: provision.Kinds(provision.Deps{
			Rows: store.NewRows(outbox, a.ledger), Pool: a.pool, Render: api.Renderer{}, Cloud: cloud, Network: network, Clock: a.clock,
			Members: remover,
			Vault:   provision.NewVault(keeper, store.NewSecrets(a.pool), a.clock, a.cfg.CredentialLifetime),
			Quota:   a.cfg.Quota(), Roles: a.cfg.CredentialRoles,
		}),
	}
	if o.Engine != nil {
		o.Engine(&engineConfig)
	}
	var err error
	if a.Engine, err = libprovision.New(engineConfig); err != nil {
		return err
	}
	key, err := pageKey(a.cfg.PageTokenKey)
	if err != nil {
		return err
	}
	records := store.New(a.pool, a.Engine, paging.New(key), outbox, a.trail, a.ledger)
	tenants := tenancy.NewTenants(records, network, a.clock, a.cfg.Retention)
	organisations := tenancy.NewOrganisations(records, network, a.clock, a.cfg.Retention, a.cfg.Quota())
	a.Periodic = tenancy.NewPeriodic(records, tenants, organisations, a.cfg.CredentialMargin(), a.cfg.CredentialRoles)
	a.Drift = reconcile.NewDrift(a.Engine, a.pool, cloud)

	var members *store.Members
	a.Members, members = a.members(paging.New(key), records, network, a.directory())
	remover.Sync = a.Members

	api.Register(a.Server.Registrar(), tenants, organisations)
	operations := operationapi.New(a.Engine, func(ctx context.Context, t resourcename.Tenant) error {
		_, err := tenants.Get(ctx, t.Tenant)
		return err
	})
	operationv1.RegisterOperationServiceServer(a.Server.Registrar(), operations)
	longrunningpb.RegisterOperationsServer(a.Server.Registrar(), operations)
	receiptv1.RegisterReceiptServiceServer(a.Server.Registrar(), receiptapi.New(name, a.Engine, a.keys))
	auditv1.RegisterAuditServiceServer(a.Server.Registrar(), auditapi.New(a.trail, paging.New(key)))
	a.serveWatch(records, members, operations)
	quotav1.RegisterQuotaServiceServer(a.Server.Registrar(), quotaapi.New(name, a.pool, a.ledger, store.Known, a.trail))
	return nil
}

// stepContext shows on a step which calls it made in the cloud, and lets the cloud's logs tell an operation's calls together.
func stepContext(ctx context.Context, run *libprovision.Run) context.Context {
	ctx = openstack.WithGlobalRequestID(ctx, run.Operation())
	ctx = rpc.WithRequestID(ctx, run.Operation())
	return openstack.WithCalls(ctx, func(c openstack.Call) { run.CloudRequest(c.RequestID) })
}

// pageKey is the configured key; without one page tokens end with the process.
func pageKey(configured string) ([]byte, error) {
	if configured != "" {
		return []byte(configured), nil
	}
	key := make([]byte, 32)
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
			Service: name, Pool: a.pool, Query: store.Taken, Interval: quotaInterval, Clock: a.clock, Logger: a.logger,
			Meter: a.telemetry.MeterProvider(),
		})
	})
	part("provision", a.work)
	part("relay events", event.NewRelay(a.pool, a.redis, event.RelayConfig{Logger: a.logger, Clock: a.clock}).Run)
	for _, l := range []reconcile.Loop{
		{Name: "periodic", Every: a.cfg.PeriodicInterval, Pass: a.Periodic.Pass},
		{Name: "drift", Every: a.cfg.DriftInterval, Pass: a.Drift.Pass},
		{Name: "service accounts", Every: a.cfg.PeriodicInterval, Pass: a.Members.Expire},
		{Name: "members", Every: a.cfg.MemberInterval, Pass: a.Members.Pass},
	} {
		l.Clock, l.Logger = a.clock, a.logger
		part(l.Name, func(ctx context.Context) error { l.Run(ctx); return nil })
	}
	parts.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// work runs the engine once the database answers.
func (a *App) work(ctx context.Context) error {
	for pg.Ready(ctx, a.pool) != nil {
		if !a.pause(ctx, time.Second) {
			return nil
		}
	}
	return a.Engine.Run(ctx)
}

// watch keeps readiness true to what the service cannot do without: its database. Redis, the cloud and the network
// service may be away: reads go on, and what is accepted waits.
func (a *App) watch(ctx context.Context) error {
	a.Server.SetReady("database", false)
	for {
		a.Server.SetReady("database", pg.Ready(ctx, a.pool) == nil)
		if !a.pause(ctx, 2*time.Second) {
			return nil
		}
	}
}

func (a *App) pause(ctx context.Context, d time.Duration) bool {
	t := a.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C():
		return true
	}
}

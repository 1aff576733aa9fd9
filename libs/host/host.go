package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	driftv1 "github.com/low-layer/platform/gen/go/lowlayer/drift/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/audit/auditapi"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/libs/provision/receiptapi"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/quota/quotaapi"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/libs/usage/pricing"
	"github.com/low-layer/platform/libs/watch"
	"github.com/low-layer/platform/libs/watch/watchapi"
)

// Options are what the settings do not say.
type Options struct {
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
	Clock     clock.Clock
	// Engine adjusts the engine's settings; tests do.
	Engine func(*provision.Config)
}

// Records say how the tables of a service relate to those of the libraries.
type Records struct {
	// Owner is the SQL of trail.Config.Owner, Since that of provision.Config.Since.
	Owner func(ctx context.Context, q trail.Querier, tenant string) (uid string, err error)
	Since func(column string) string
	// Limits are the platform's quotas of a tenant, Known and Taken what quotaapi and quota.Watch need.
	Limits map[string]int64
	Known  quotaapi.Known
	Taken  string
}

// Host is the common parts of one service. A service's App embeds it.
type Host struct {
	Options
	Server *rpc.Server
	Engine *provision.Engine
	Pool   *pgxpool.Pool
	Cloud  *openstack.Client
	Trail  *trail.Trail
	Tokens *paging.Token
	Ledger *quota.Ledger
	// Findings are where the cloud differs from what was asked for.
	Findings *drift.Findings
	name     string
	cfg      Config
	records  Records

	redis    *redis.Client
	identity *mtls.Identity
	guard    *access.Guard
	keys     receipt.Ring
	changes  *watch.Log
	pricer   *pricing.Pricer
	parts    []part
	closers  []func() error
}

// New makes the common parts. It opens connections when they are first used. The caller closes the Host, also after an error of
// its own.
func New(ctx context.Context, name string, cfg Config, records Records, o Options) (_ *Host, err error) {
	h := &Host{Options: o, name: name, cfg: cfg, records: records}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	if h.Pool, err = pg.Open(ctx, pg.Config{URL: cfg.DatabaseURL, MaxConns: cfg.MaxConns, Telemetry: o.Telemetry}); err != nil {
		return nil, err
	}
	h.OnClose(func() error { h.Pool.Close(); return nil })
	if h.redis, err = redisdb.Open(redisdb.Config{URL: cfg.RedisURL, Telemetry: o.Telemetry}); err != nil {
		return nil, err
	}
	h.OnClose(h.redis.Close)
	if h.Cloud, err = openstack.New(openstack.Config{
		CloudsFile: cfg.CloudsFile, Cloud: cfg.Cloud, Telemetry: o.Telemetry, Logger: o.Logger, Clock: o.Clock,
	}); err != nil {
		return nil, err
	}
	h.OnClose(func() error { h.Cloud.Close(); return nil })
	if h.guard, err = access.New(cfg.Access, o.Logger, o.Clock); err != nil {
		return nil, err
	}
	if h.identity, err = cfg.Access.Identity(name, o.Logger); err != nil {
		return nil, err
	}
	if h.keys, err = receipt.NewRing(cfg.ReceiptKey, cfg.ReceiptOldKeys); err != nil {
		return nil, err
	}
	if h.Trail, err = trail.New(trail.Config{
		Service: name, Pool: h.Pool, Owner: records.Owner, Signer: h.keys.Signer, Clock: o.Clock, Logger: o.Logger,
		Meter: o.Telemetry.MeterProvider(),
	}); err != nil {
		return nil, err
	}
	key, err := pageKey(cfg.PageTokenKey)
	if err != nil {
		return nil, err
	}
	h.Tokens, h.Ledger = paging.New(key), quota.New(name, o.Clock, records.Limits)
	h.Findings = drift.NewFindings(h.Pool, o.Clock, h.Tokens)
	h.changes = watch.New(watch.Config{Pool: h.Pool, Logger: o.Logger, Clock: o.Clock})
	h.Server, err = rpc.NewServer(rpc.ServerConfig{
		Name: name, Listen: cfg.Listen, Logger: o.Logger, Telemetry: o.Telemetry, Audit: h.Trail,
		Authenticate: h.guard.Authenticate, Authorize: h.guard.Authorize, Identity: h.identity, Explain: pg.Explain, Complete: h.price,
	})
	if err == nil && cfg.Targets[metering] != "" {
		err = h.dialMetering()
	}
	return h, err
}

// metering is the service that prices plans.
const metering = "metering"

func (h *Host) dialMetering() error {
	conn, err := h.Dial(metering)
	if err != nil {
		return err
	}
	h.pricer = pricing.New(conn, h.Logger)
	return nil
}

// price adds the price to a plan, in a service that has the metering service among its peers.
func (h *Host) price(ctx context.Context, response any) {
	if h.pricer != nil {
		h.pricer.Price(ctx, response)
	}
}

const pageKeySize = 32

// pageKey returns the configured key; without one page tokens end with the process.
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

// Dial connects to a peer of the registry.
func (h *Host) Dial(peer string) (*grpc.ClientConn, error) {
	conn, err := rpc.Dial(rpc.ClientConfig{
		Target: h.cfg.Targets[peer], Name: h.name, Telemetry: h.Telemetry, Identity: h.identity, Service: peer,
	})
	if err != nil {
		return nil, err
	}
	h.OnClose(conn.Close)
	return conn, nil
}

// Provision makes the engine that carries out the changes of the kinds.
func (h *Host) Provision(kinds []provision.AnyKind) (err error) {
	cfg := provision.Config{
		Service: h.name, Pool: h.Pool, Kinds: kinds, Logger: h.Logger, Clock: h.Clock, Telemetry: h.Telemetry, Workers: h.cfg.Workers,
		Lease: h.cfg.Lease, Sweep: h.cfg.Sweep, Settle: h.cfg.Settle, Since: h.records.Since, StepContext: stepContext,
		Billed: true, Receipts: h.keys.Signer, Audit: h.Trail, Failpoint: provision.FailpointFromEnvironment(),
	}
	if h.Options.Engine != nil {
		h.Options.Engine(&cfg)
	}
	h.Engine, err = provision.New(cfg)
	return err
}

// stepContext records on a step which calls it made in the cloud, and gives the calls of an operation one id in the cloud's and
// the peers' logs.
func stepContext(ctx context.Context, run *provision.Run) context.Context {
	ctx = openstack.WithGlobalRequestID(ctx, run.Operation())
	ctx = rpc.WithRequestID(ctx, run.Operation())
	return openstack.WithCalls(ctx, func(c openstack.Call) { run.CloudRequest(c.RequestID) })
}

// Serve registers the standard services: operations, receipts, drift, audit, quotas, and the changes of the watched kinds. The service
// that owns tenants gives a function that returns NOT_FOUND for a tenant that does not exist, others nil.
func (h *Host) Serve(tenant func(context.Context, resourcename.Tenant) error, watched ...watchapi.Kind) {
	registrar := h.Server.Registrar()
	operations := operationapi.New(h.Engine, tenant)
	operationv1.RegisterOperationServiceServer(registrar, operations)
	longrunningpb.RegisterOperationsServer(registrar, operations)
	receiptv1.RegisterReceiptServiceServer(registrar, receiptapi.New(h.name, h.Engine, h.keys))
	driftv1.RegisterDriftServiceServer(registrar, drift.NewServer(h.name, h.Findings, tenant))
	auditv1.RegisterAuditServiceServer(registrar, auditapi.New(h.Trail, h.Tokens))
	quotav1.RegisterQuotaServiceServer(registrar, quotaapi.New(h.name, h.Pool, h.Ledger, h.records.Known, h.Trail, h.Clock))
	watchv1.RegisterWatchServiceServer(registrar, watchapi.New(watchapi.Config{
		Service: h.name, Log: h.changes, Sees: h.guard.Sees, Tenants: tenant, Kinds: append(watched, operations.Watched()),
	}))
}

// Drift adds the loop that compares the cloud with what the kinds ask for.
func (h *Host) Drift(every time.Duration, late bool, cfg drift.Config) *drift.Loop {
	cfg.Engine, cfg.Findings, cfg.Logger = h.Engine, h.Findings, h.Logger
	l := drift.New(cfg)
	h.Loop(Loop{Name: "drift", Every: every, Late: late, Pass: l.Pass})
	return l
}

// Consume handles the events of other services.
func (h *Host) Consume(handlers map[string]event.Handler, sources ...string) {
	h.Part("consume events", event.NewConsumer(h.Pool, h.redis, event.ConsumerConfig{
		Service: h.name, Sources: sources, Handlers: handlers, Logger: h.Logger, Clock: h.Clock, Telemetry: h.Telemetry, Identity: h.identity,
	}).Run)
}

// quotaInterval is how often the ledger of quotas is compared with the resources.
const quotaInterval = 5 * time.Minute

func (h *Host) standardParts() []part {
	return []part{
		{"serve", h.Server.Serve},
		{"keys of the issuer", h.guard.Run},
		{"readiness", h.watchReadiness},
		{"audit trail", h.Trail.Run},
		{"log of changes", h.changes.Run},
		{"quotas", func(ctx context.Context) error {
			return quota.Watch(ctx, quota.WatchConfig{
				Service: h.name, Pool: h.Pool, Query: h.records.Taken, Interval: quotaInterval, Clock: h.Clock, Logger: h.Logger,
				Meter: h.Telemetry.MeterProvider(),
			})
		}},
		{"provision", h.work},
		{"relay events", event.NewRelay(h.Pool, h.redis, event.RelayConfig{Logger: h.Logger, Clock: h.Clock, Identity: h.identity}).Run},
	}
}

package app_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/types/known/durationpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/redisdb/redistest"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/tenant/internal/app"
	"github.com/low-layer/platform/services/tenant/internal/client/networkfake"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/store"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

const sealURL = "base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4="

// receiptKey signs the receipts of tests; it is that of RFC 8037.
const receiptKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"

// patience bounds every wait of a test.
const patience = 30 * time.Second

// rig is the whole service in this process: real Postgres and Redis, the simulated cloud, and a network service in memory
// behind real RPCs.
type rig struct {
	tenantv1.TenantServiceClient
	tenantv1.OrganisationServiceClient
	operationv1.OperationServiceClient

	t       *testing.T
	app     *app.App
	cloud   *sim.Cloud
	network *networkfake.Fake
	clouds  string
	pool    *pgxpool.Pool
	cfg     app.Config
	stop    func()
}

// start runs the service until the test ends; change adjusts its settings.
func start(t *testing.T, change ...func(*app.Config)) *rig {
	t.Helper()
	return startLogged(t, slog.New(slog.DiscardHandler), change...)
}

func startLogged(t *testing.T, logger *slog.Logger, change ...func(*app.Config)) *rig {
	t.Helper()
	sets := store.Migrations()
	server, clouds := cloudtest.Simulator(t, sim.Options{})
	network := networkfake.Start(t)
	database := pgtest.URL(t, sets...)
	cfg := app.Config{
		Config: host.Config{
			Ports:       host.Ports{Listen: "127.0.0.1:0", Targets: map[string]string{"network": network.Address()}},
			DatabaseURL: database, MaxConns: 12, RedisURL: redistest.URL(t), CloudsFile: clouds, Cloud: "sim", ReceiptKey: receiptKey,
		},
		SealURL: sealURL, Retention: time.Hour, CredentialLifetime: 3 * time.Hour,
		CredentialRoles: []string{"member"}, DriftInterval: time.Hour, PeriodicInterval: time.Hour, MemberInterval: time.Hour,
		QuotaCores: 20, QuotaRAMMiB: 4096, QuotaInstances: 10, QuotaNetworks: 40, QuotaRouters: 20, QuotaPorts: 200,
		QuotaSecurityGroups: 20, QuotaOrganisations: 40, QuotaMembers: 100, QuotaServiceAccounts: 100,
	}
	for _, f := range change {
		f(&cfg)
	}
	pool := pgtest.Pool(t, database)
	// After every test the quota ledger agrees with the resources.
	t.Cleanup(func() {
		wrong, err := quota.Compare(context.WithoutCancel(t.Context()), pool, store.Taken)
		if err != nil || len(wrong) > 0 {
			t.Errorf("the ledger of quotas is wrong: %+v, %v", wrong, err)
		}
	})
	r := &rig{t: t, cloud: server.Cloud, network: network, clouds: clouds, pool: pool, cfg: cfg}
	r.run(logger)
	return r
}

// restart ends the service and starts it with other settings.
func (r *rig) restart(change func(*app.Config)) {
	r.t.Helper()
	r.stop()
	change(&r.cfg)
	r.run(slog.New(slog.DiscardHandler))
}

func (r *rig) run(logger *slog.Logger) {
	t := r.t
	t.Helper()
	a, err := app.New(t.Context(), r.cfg, host.Options{
		Logger: logger, Clock: clock.Real(),
		Engine: func(c *provision.Config) {
			c.Lease, c.Sweep, c.Settle, c.Pace = time.Second, 100*time.Millisecond, 30*time.Millisecond, 0.02
		},
	})
	if err != nil {
		t.Fatalf("wire the service: %v", err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	conn, err := rpc.Dial(rpc.ClientConfig{Target: a.Server.Addr(), Name: "test"})
	if err != nil {
		t.Fatalf("dial the service: %v", err)
	}
	r.stop = sync.OnceFunc(func() {
		stop()
		if err := errors.Join(conn.Close(), <-ended, a.Close()); err != nil {
			t.Errorf("stop the service: %v", err)
		}
	})
	t.Cleanup(r.stop)
	r.app, r.TenantServiceClient = a, tenantv1.NewTenantServiceClient(conn)
	r.OrganisationServiceClient, r.OperationServiceClient = tenantv1.NewOrganisationServiceClient(conn), operationv1.NewOperationServiceClient(conn)
}

// done waits for the end of an operation, which must have succeeded.
func (r *rig) done(op *longrunningpb.Operation, err error) *longrunningpb.Operation {
	r.t.Helper()
	op = r.ended(op, err)
	if op.GetError() != nil {
		r.t.Fatalf("operation %s ended with %v", op.GetName(), op.GetError())
	}
	return op
}

func (r *rig) ended(op *longrunningpb.Operation, err error) *longrunningpb.Operation {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("call: %v", err)
	}
	return r.until(op, "done", func(op *longrunningpb.Operation, _ *operationv1.OperationMetadata) bool { return op.GetDone() })
}

// until waits until the operation is as told.
func (r *rig) until(
	op *longrunningpb.Operation, what string, is func(*longrunningpb.Operation, *operationv1.OperationMetadata) bool,
) *longrunningpb.Operation {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for {
		m := r.metadata(op)
		if is(op, m) {
			return op
		}
		next, err := r.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{
			Name: op.GetName(), Timeout: durationpb.New(200 * time.Millisecond),
		})
		if err != nil {
			r.t.Fatalf("operation %s is not %s: %v\n%v", op.GetName(), what, err, m)
		}
		op = next
	}
}

func (r *rig) metadata(op *longrunningpb.Operation) *operationv1.OperationMetadata {
	r.t.Helper()
	var m operationv1.OperationMetadata
	if err := op.GetMetadata().UnmarshalTo(&m); err != nil {
		r.t.Fatalf("read metadata: %v", err)
	}
	return &m
}

// eventually waits until look is content.
func (r *rig) eventually(what string, look func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !look() {
		select {
		case <-ctx.Done():
			r.t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// refused checks the reason and fields of an error.
func refused(t *testing.T, err error, reason string, fields ...string) {
	t.Helper()
	if e := refusal(t, err, reason, fields...); e.Message == "" {
		t.Errorf("%s has no message", reason)
	}
}

// refusal is refused for those who look closer.
func refusal(t *testing.T, err error, reason string, fields ...string) *errs.Error {
	t.Helper()
	e := grpcerr.FromError(err)
	if e == nil {
		t.Fatalf("the call succeeded; want %s", reason)
	}
	if e.Reason != reason {
		t.Fatalf("got %v, want %s", e, reason)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Field)
	}
	if len(got) != len(fields) {
		t.Fatalf("got fields %v, want %v", got, fields)
	}
	for i := range fields {
		if got[i] != fields[i] {
			t.Fatalf("got fields %v, want %v", got, fields)
		}
	}
	return e
}

// inventory counts what the cloud holds by type. The administrator's own project is left out: Neutron makes a default
// security group in it when the administrator looks at any.
func (r *rig) inventory() map[string]int {
	out := map[string]int{}
	admin := ""
	for _, i := range r.cloud.Inventory("") {
		if i.Type == "project" && i.Name == "admin" {
			admin = i.ID
		}
		if i.ProjectID == "" || i.ProjectID != admin {
			out[i.Type]++
		}
	}
	return out
}

// named counts the objects of a type whose name begins with the platform's mark.
func (r *rig) named(typ string) int {
	n := 0
	for _, i := range r.cloud.Inventory("") {
		if i.Type == typ && strings.HasPrefix(i.Name, tenancy.NamePrefix) {
			n++
		}
	}
	return n
}

func (r *rig) tenant(id string) *tenantv1.Tenant {
	r.t.Helper()
	r.done(r.CreateTenant(r.t.Context(), &tenantv1.CreateTenantRequest{TenantId: id, Tenant: &tenantv1.Tenant{DisplayName: id}}))
	t, err := r.GetTenant(r.t.Context(), &tenantv1.GetTenantRequest{Name: "tenants/" + id})
	if err != nil {
		r.t.Fatalf("get tenant: %v", err)
	}
	return t
}

func (r *rig) organisation(tenant, id string, vpcs ...string) *tenantv1.Organisation {
	r.t.Helper()
	o := &tenantv1.Organisation{Mode: mutualized}
	for _, v := range vpcs {
		o.Vpcs = append(o.Vpcs, &tenantv1.VpcOrder{VpcId: v})
	}
	r.done(r.CreateOrganisation(r.t.Context(), &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/" + tenant, OrganisationId: id, Organisation: o,
	}))
	return r.getOrganisation("tenants/" + tenant + "/organisations/" + id)
}

func (r *rig) getOrganisation(name string) *tenantv1.Organisation {
	r.t.Helper()
	o, err := r.GetOrganisation(r.t.Context(), &tenantv1.GetOrganisationRequest{Name: name})
	if err != nil {
		r.t.Fatalf("get organisation: %v", err)
	}
	return o
}

package app_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/pg/pgtest"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/redisdb/redistest"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/network/internal/app"
	cloud "github.com/low-layer/platform/services/network/internal/cloud/openstack"
	"github.com/low-layer/platform/services/network/internal/store"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 60 * time.Second
	tenant   = "tenants/acme"
	org      = tenant + "/organisations/core"
	space    = "10.64.0.0/12"
)

// receiptKey signs the receipts of tests; it is that of RFC 8037.
const receiptKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"

// world is one running service with a cloud, a database and a Redis of its own.
type world struct {
	t      *testing.T
	sim    *sim.Server
	app    *app.App
	pool   *pgxpool.Pool
	redis  *redis.Client
	cloud  *cloud.Cloud
	client *openstack.Client
	conn   *grpc.ClientConn
	vpcs   networkv1.VpcServiceClient
	hubs   networkv1.HubServiceClient
	peers  networkv1.PeeringServiceClient
	drifts networkv1.DriftServiceClient
	base   networkinternalv1.FoundationServiceClient
	ops    operationv1.OperationServiceClient
}

type setup struct {
	sim    sim.Options
	engine func(*engine.Config)
	age    time.Duration
	// vpcs is how many a tenant may have; 150 when it is 0.
	vpcs int32
}

// newWorld starts a service with a database, a Redis database and a cloud of its own, so its test runs beside others.
func newWorld(t *testing.T, with setup) *world {
	t.Helper()
	t.Parallel()
	ctx := t.Context()
	w := &world{t: t}
	var err error
	w.sim, err = sim.Start(ctx, with.sim)
	must(t, err)
	t.Cleanup(func() { must(t, w.sim.Close(context.WithoutCancel(ctx))) })
	cloudsFile := cloudsYAML(t, w.sim.AuthURL)
	databaseURL, redisURL := pgtest.URL(t, store.Migrations()...), redistest.URL(t)
	w.pool = pgtest.Pool(t, databaseURL)
	// Whatever a test did, the quotas are what there is.
	t.Cleanup(func() {
		wrong, err := quota.Compare(context.WithoutCancel(ctx), w.pool, store.Taken)
		must(t, err)
		if len(wrong) > 0 {
			t.Errorf("the ledger of quotas is wrong: %+v", wrong)
		}
	})
	w.redis, err = redisdb.Open(redisdb.Config{URL: redisURL})
	must(t, err)
	t.Cleanup(func() { must(t, w.redis.Close()) })

	cfg := app.Config{
		Config: host.Config{
			Ports: host.Ports{Listen: "127.0.0.1:0"}, DatabaseURL: databaseURL, MaxConns: 20, RedisURL: redisURL,
			CloudsFile: cloudsFile, Cloud: "sim", Workers: 64, ReceiptKey: receiptKey,
		},
		// Tests make the passes themselves.
		DriftInterval: time.Hour, DriftAge: with.age, QuotaVpcs: cmp.Or(with.vpcs, 150), QuotaPeerings: 60,
	}
	w.app, err = app.New(ctx, cfg, host.Options{
		Logger: logger(t), Clock: clock.Real(), Engine: func(c *engine.Config) {
			c.Settle = 20 * time.Millisecond
			if with.engine != nil {
				with.engine(c)
			}
		},
	})
	must(t, err)
	runCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- w.app.Run(runCtx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
		must(t, w.app.Close())
	})
	w.dial(w.app.Server.Addr())
	client, err := openstack.New(openstack.Config{CloudsFile: cloudsFile, Cloud: "sim"})
	must(t, err)
	t.Cleanup(client.Close)
	w.cloud, w.client = cloud.New(client), client
	return w
}

func (w *world) dial(address string) {
	conn, err := rpc.Dial(rpc.ClientConfig{Target: address, Name: "test"})
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, conn.Close()) })
	w.conn = conn
	w.vpcs, w.hubs = networkv1.NewVpcServiceClient(conn), networkv1.NewHubServiceClient(conn)
	w.peers, w.drifts = networkv1.NewPeeringServiceClient(conn), networkv1.NewDriftServiceClient(conn)
	w.base, w.ops = networkinternalv1.NewFoundationServiceClient(conn), operationv1.NewOperationServiceClient(conn)
}

// logger shows what the service says when the test fails and LOWLAYER_TEST_LOG is set.
func logger(t *testing.T) *slog.Logger {
	t.Helper()
	if os.Getenv("LOWLAYER_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

func cloudsYAML(t *testing.T, authURL string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clouds.yaml")
	text := fmt.Sprintf(`clouds:
  sim:
    region_name: RegionOne
    auth: {auth_url: %q, username: admin, password: labpass, project_name: admin, user_domain_name: Default, project_domain_name: Default}
`, authURL)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// done waits for the end of an operation and answers it; it fails the test when the call that began it failed.
func (w *world) done(op *longrunningpb.Operation, err error) *longrunningpb.Operation {
	w.t.Helper()
	must(w.t, err)
	deadline := time.Now().Add(patience)
	for !op.GetDone() {
		if time.Now().After(deadline) {
			w.t.Fatalf("operation does not end: %s", show(w.t, op))
		}
		op, err = w.ops.WaitOperation(w.t.Context(), &longrunningpb.WaitOperationRequest{
			Name: op.GetName(), Timeout: durationpb.New(10 * time.Second),
		})
		must(w.t, err)
	}
	if e := op.GetError(); e != nil {
		w.t.Fatalf("operation failed: %v", e)
	}
	return op
}

func show(t *testing.T, op *longrunningpb.Operation) string {
	t.Helper()
	var b strings.Builder
	m := metadata(t, op)
	fmt.Fprintf(&b, "%s %s %d%% blockage=%v\n", m.GetVerb(), m.GetResource(), m.GetProgressPercent(), m.GetBlockage())
	for _, s := range m.GetSteps() {
		fmt.Fprintf(&b, "  %-22s %-9s %d %s\n", s.GetName(), s.GetState(), s.GetAttempts(), s.GetMessage())
	}
	return b.String()
}

func metadata(t *testing.T, op *longrunningpb.Operation) *operationv1.OperationMetadata {
	t.Helper()
	m := &operationv1.OperationMetadata{}
	must(t, op.GetMetadata().UnmarshalTo(m))
	return m
}

func response[M proto.Message](w *world, op *longrunningpb.Operation, into M) M {
	w.t.Helper()
	must(w.t, op.GetResponse().UnmarshalTo(into))
	return into
}

// blocked waits until an operation is blocked and answers why.
func (w *world) blocked(op *longrunningpb.Operation, err error) *typev1.Blockage {
	w.t.Helper()
	must(w.t, err)
	var blockage *typev1.Blockage
	w.until("the operation is blocked", func() bool {
		op, err = w.ops.GetOperation(w.t.Context(), &longrunningpb.GetOperationRequest{Name: op.GetName()})
		must(w.t, err)
		blockage = metadata(w.t, op).GetBlockage()
		return blockage != nil
	})
	return blockage
}

// until waits for a condition, looking again and again.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			w.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// foundation makes a tenant's boundary and an organisation's hub.
func (w *world) foundation() *networkv1.Hub {
	w.t.Helper()
	w.boundary("acme", space)
	return w.hub(org, "proj-core")
}

func (w *world) boundary(id, cidr string) {
	w.t.Helper()
	w.done(w.base.EnsureBoundary(w.t.Context(), &networkinternalv1.EnsureBoundaryRequest{
		Tenant: "tenants/" + id, TenantUid: "ten_" + id, NetworkCidr: cidr,
	}))
}

func (w *world) hub(organisation, project string) *networkv1.Hub {
	w.t.Helper()
	op := w.done(w.base.EnsureHub(w.t.Context(), &networkinternalv1.EnsureHubRequest{
		Organisation: organisation, OrganisationUid: "org_" + strings.ReplaceAll(strings.ReplaceAll(organisation, "/", ""), "-", ""), ProjectId: project, Mode: typev1.ResourceMode_MUTUALIZED,
	}))
	return response(w, op, &networkv1.Hub{})
}

func (w *world) create(id string, v *networkv1.Vpc) (*longrunningpb.Operation, error) {
	return w.vpcs.CreateVpc(w.t.Context(), &networkv1.CreateVpcRequest{Parent: org, VpcId: id, Vpc: v})
}

func (w *world) vpc(id string, v *networkv1.Vpc) *networkv1.Vpc {
	w.t.Helper()
	return response(w, w.done(w.create(id, v)), &networkv1.Vpc{})
}

func (w *world) get(name string) *networkv1.Vpc {
	w.t.Helper()
	v, err := w.vpcs.GetVpc(w.t.Context(), &networkv1.GetVpcRequest{Name: name})
	must(w.t, err)
	return v
}

// refused fails the test unless err has the code and the reason.
func refused(t *testing.T, err error, code codes.Code, reason string) {
	t.Helper()
	if e := refusal(t, err, code, reason); e.Message == "" {
		t.Fatalf("%v says nothing", e)
	}
}

// refusal is refused that answers the typed error.
func refusal(t *testing.T, err error, code codes.Code, reason string) *errs.Error {
	t.Helper()
	if status.Code(err) != code {
		t.Fatalf("got %v, want %s %s", err, code, reason)
	}
	e := grpcerr.FromError(err)
	if e.Reason != reason {
		t.Fatalf("got reason %q of %v, want %q", e.Reason, e, reason)
	}
	return e
}

// objects are what the cloud holds of a project, without ports that have no name and without rules.
func (w *world) objects(project string) []sim.InventoryItem {
	return slices.DeleteFunc(w.sim.Cloud.Inventory(project), func(o sim.InventoryItem) bool {
		return neutronOwn(o) || (o.Type == "port" && o.Name == "")
	})
}

// count is how many objects the cloud holds, interfaces included.
func (w *world) count() int {
	return len(slices.DeleteFunc(w.sim.Cloud.Inventory(""), neutronOwn))
}

// neutronOwn tells what Neutron makes by itself: the group every project has, and rules, which go with their group.
func neutronOwn(o sim.InventoryItem) bool {
	return o.Type == "security_group_rule" || (o.Type == "security_group" && o.Name == "default")
}

// asError is the typed error of a call.
func asError(err error) *errs.Error {
	if err == nil {
		return &errs.Error{}
	}
	return grpcerr.FromError(err)
}

// xadd is an event as its relay writes it.
func xadd(stream string, e *eventv1.Event, raw []byte) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: stream, Values: []any{
		"id", e.GetId(), "type", e.GetType(), "subject", e.GetSubject(), "event", raw,
	}}
}

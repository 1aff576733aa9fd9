package provision_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/clock"
	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg/pgtest"
	libprovision "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/provisiontest"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/seal"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/client"
	"github.com/low-layer/platform/services/tenant/internal/client/networkfake"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/provision"
	"github.com/low-layer/platform/services/tenant/internal/store"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) {
	// Most of a life is waiting for leases to lapse, so many fit beside one another even on few processors.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const sealURL = "base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4="

// world is everything a life of a resource needs, shared with no other.
type world struct {
	pool    *pgxpool.Pool
	cloud   *openstackclient.Keystone
	sim     *sim.Cloud
	network *networkfake.Fake
	kinds   []libprovision.AnyKind
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sets := store.Migrations()
	w := &world{pool: pgtest.Database(t, sets...)}
	server, clouds := cloudtest.Simulator(t, sim.Options{})
	w.sim = server.Cloud
	w.cloud = openstackclient.NewKeystone(cloudtest.Client(t, clouds, "sim"))
	w.network = networkfake.Start(t)
	keeper, err := seal.Open(t.Context(), sealURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	})
	w.kinds = provision.Kinds(provision.Deps{
		Records: usecase.NewSettlements(store.New(w.pool, nil), api.Renderer{}, ledger, clock.Real()), Pool: w.pool,
		Render: api.Renderer{}, Cloud: w.cloud, Network: client.NewNetwork(w.network.Dial(t)),
		Vault: provision.NewVault(keeper, store.NewSecrets(w.pool), clock.Real(), time.Hour),
		Quota: tenancy.Quota{Cores: 9, RAMMiB: 1024, Instances: 3, Networks: 9, Routers: 9, Ports: 90, SecurityGroups: 9},
		Roles: []string{"member"},
	})
	return w
}

// ledger has room for all a test makes.
var ledger = quota.New("tenant", clock.Real(), map[string]int64{usecase.QuotaOrganisations: 100})

// joined begins the transactions of use cases inside the transaction of a test.
type joined struct{ pgx.Tx }

func (j joined) BeginTx(ctx context.Context, _ pgx.TxOptions) (pgx.Tx, error) { return j.Begin(ctx) }

// yes is a network service without VPCs that takes every order.
type yes struct{}

func (yes) CheckOrder(context.Context, string, []tenancy.NetworkOrder) error { return nil }
func (yes) VPCNames(context.Context, string) ([]string, error)               { return nil, nil }

func (yes) Removal(context.Context, string) (libprovision.Preview, error) {
	return libprovision.Preview{}, nil
}

func (yes) ProtectedVPCs(context.Context, string) ([]string, error) { return nil, nil }

type change = func(ctx context.Context, tx pgx.Tx, e *libprovision.Engine) (*libprovision.Operation, error)

// use runs a command inside a transaction.
func (w *world) use(do func(context.Context, *usecase.Tenancy) (*libprovision.Operation, error)) change {
	return func(ctx context.Context, tx pgx.Tx, e *libprovision.Engine) (*libprovision.Operation, error) {
		return do(ctx, usecase.New(usecase.Config{
			Store: store.New(w.pool, paging.New([]byte("key"))), Engine: e, Network: yes{}, Messages: api.Renderer{}, Retention: time.Hour,
			Changes: accept.New(accept.Config{Service: "tenant", DB: joined{tx}, Engine: e, Quota: ledger, Clock: clock.Real()}),
			Quota:   tenancy.Quota{Networks: 9, Routers: 9, Ports: 90, SecurityGroups: 9},
		}))
	}
}

// inventory is what cloud and network service hold, with what was there at first left out and ids made alike.
func (w *world) inventory(ctx context.Context, except []string) ([]string, error) {
	var out []string
	for _, i := range w.sim.Inventory("") {
		if !strings.HasPrefix(i.Name, tenancy.NamePrefix) {
			continue
		}
		enabled, err := w.enabled(ctx, i)
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%s %s%s", i.Type, readable(i.Name), enabled))
	}
	boundaries, hubs, vpcs, peerings := w.network.Counts()
	for what, n := range map[string]int{"boundary": boundaries, "hub": hubs, "vpc": vpcs, "peering": peerings} {
		for range n {
			out = append(out, what)
		}
	}
	slices.Sort(out)
	for _, e := range except {
		if i := slices.Index(out, e); i >= 0 {
			out = slices.Delete(out, i, i+1)
		}
	}
	return out, nil
}

func (w *world) enabled(ctx context.Context, i sim.InventoryItem) (string, error) {
	switch i.Type {
	case "domain":
		d, err := w.cloud.Domain(ctx, i.ID)
		return fmt.Sprintf(" enabled=%t", d.Enabled), err
	case "project":
		p, err := w.cloud.Project(ctx, i.ID)
		return fmt.Sprintf(" enabled=%t", p.Enabled), err
	}
	return "", nil
}

// readable cuts the unique id out of a name; a credential's name is all unique but for its generation.
func readable(name string) string {
	rest := strings.TrimPrefix(name, tenancy.NamePrefix)
	if strings.HasPrefix(rest, "org_") {
		return "generation " + rest[strings.LastIndexByte(rest, '-')+1:]
	}
	return rest[:strings.LastIndexByte(rest, '-')]
}

// settle runs a change to its end with an engine of its own.
func (w *world) settle(t *testing.T, do change) {
	t.Helper()
	e, err := libprovision.New(libprovision.Config{
		Service: "tenant", Pool: w.pool, Kinds: w.kinds, Logger: slog.New(slog.DiscardHandler), Pace: 0.01, Workers: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("stop engine: %v", err)
		}
	}()
	var op *libprovision.Operation
	err = pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		op, err = do(ctx, tx, e)
		return err
	})
	if err != nil {
		t.Fatalf("change: %v", err)
	}
	if op, err = e.Wait(ctx, op.Tenant, op.ID, 30*time.Second); err != nil || !op.Done() || op.Error != nil {
		t.Fatalf("operation ended with %+v, %v", op, err)
	}
}

func createTenant(ctx context.Context, s *usecase.Tenancy) (*libprovision.Operation, error) {
	return s.CreateTenant(ctx, resource.Identity{}, tenancy.CreateTenant{ID: "acme"})
}

func tenantWorld(t *testing.T) provisiontest.World {
	w := newWorld(t)
	return provisiontest.World{
		Service: "tenant", Pool: w.pool, Kinds: w.kinds, Kind: "tenant",
		Create: w.use(createTenant),
		Update: w.use(func(ctx context.Context, s *usecase.Tenancy) (*libprovision.Operation, error) {
			return s.SuspendTenant(ctx, resource.Identity{}, "acme", "a test")
		}),
		Delete: w.use(func(ctx context.Context, s *usecase.Tenancy) (*libprovision.Operation, error) {
			return s.DeleteTenant(ctx, resource.Identity{}, tenancy.DeleteTenant{ID: "acme", Purge: true, Force: true})
		}),
		Inventory: func(ctx context.Context) ([]string, error) { return w.inventory(ctx, nil) },
	}
}

func organisationWorld(t *testing.T) provisiontest.World {
	w := newWorld(t)
	w.settle(t, w.use(createTenant))
	before, err := w.inventory(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	key := tenancy.OrganisationKey{Tenant: "acme", Organisation: "core"}
	return provisiontest.World{
		Service: "tenant", Pool: w.pool, Kinds: w.kinds, Kind: "organisation",
		Create: w.use(func(ctx context.Context, s *usecase.Tenancy) (*libprovision.Operation, error) {
			return s.CreateOrganisation(ctx, resource.Identity{}, tenancy.CreateOrganisation{
				Tenant: "acme", ID: "core", Mode: tenancy.Mutualized, VPCs: []tenancy.VPCOrder{{ID: "dev"}, {ID: "prod"}},
			})
		}),
		Update: w.use(func(ctx context.Context, s *usecase.Tenancy) (*libprovision.Operation, error) {
			return s.RotateCredential(ctx, resource.Identity{}, key)
		}),
		Delete: w.use(func(ctx context.Context, s *usecase.Tenancy) (*libprovision.Operation, error) {
			return s.DeleteOrganisation(ctx, resource.Identity{}, tenancy.DeleteOrganisation{Key: key, Force: true, Purge: true})
		}),
		Inventory: func(ctx context.Context) ([]string, error) { return w.inventory(ctx, before) },
	}
}

func TestKinds_everyFault_isSurvived(t *testing.T) {
	provisiontest.Every(t, provision.Kinds(provision.Deps{}), map[string]func(*testing.T) provisiontest.World{
		"tenant": tenantWorld, "organisation": organisationWorld,
	})
}

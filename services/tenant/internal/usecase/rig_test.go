package usecase_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/store"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	retention = 7 * 24 * time.Hour
	tenant    = "tenants/acme"
	core      = "tenants/acme/organisations/core"
)

var coreKey = tenancy.OrganisationKey{Tenant: "acme", Organisation: "core"}

// engine notes the changes it accepts, whether their transaction commits or not.
type engine struct {
	mu       sync.Mutex
	accepted []provision.Change
	running  map[string]*provision.Operation // by the uid of the resource
	hastened int
}

func (e *engine) Accept(_ context.Context, _ pgx.Tx, c provision.Change) (*provision.Operation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.accepted = append(e.accepted, c)
	id := fmt.Sprintf("op_%d", len(e.accepted))
	op := &provision.Operation{
		ID: id, Name: "tenants/" + c.Tenant + "/operations/" + id, Tenant: c.Tenant, Resource: c.Name, ResourceUID: c.UID, Verb: c.Verb,
	}
	e.running[c.UID] = op
	return op, nil
}

func (e *engine) Read(_ context.Context, _ provision.Querier, _, id string) (*provision.Operation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, op := range e.running {
		if op.ID == id {
			return op, nil
		}
	}
	return nil, errs.NotFound("operation", id)
}

func (e *engine) Preview(_ context.Context, _ pgx.Tx, op *provision.Operation) (*provision.Operation, error) {
	planned := *op
	planned.Name = ""
	planned.Preview = &provision.Preview{Objects: []provision.PlannedObject{{Resource: op.Resource, Service: "tenant"}}}
	return &planned, nil
}

func (e *engine) Hasten(_ context.Context, _ pgx.Tx, uid string) (*provision.Operation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hastened++
	return e.running[uid], nil
}

func (e *engine) Removals(_ context.Context, _ provision.Querier, uids []string) ([]provision.PlannedObject, error) {
	var out []provision.PlannedObject
	for _, uid := range uids {
		out = append(out, provision.PlannedObject{ID: uid, Service: "tenant"})
	}
	return out, nil
}

// network is a network service. It fails the test when it is asked while a transaction is open.
type network struct {
	t         *testing.T
	pool      *pgxpool.Pool
	mu        sync.Mutex
	busy      bool // calls come at once, so connections may be in use
	calls     []string
	refusal   error
	vpcs      []string
	protected []string
}

func (n *network) asked(call string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if open := n.pool.Stat().AcquiredConns(); open > 0 && !n.busy {
		n.t.Errorf("%s is called while %d connections are in use", call, open)
	}
	n.calls = append(n.calls, call)
	return n.refusal
}

func (n *network) CheckOrder(context.Context, string, []tenancy.NetworkOrder) error {
	return n.asked("CheckOrder")
}

func (n *network) VPCNames(context.Context, string) ([]string, error) {
	return n.vpcs, n.asked("VPCNames")
}

func (n *network) ProtectedVPCs(_ context.Context, organisation string) ([]string, error) {
	return n.protected, n.asked("ProtectedVPCs " + organisation)
}

func (n *network) Removal(_ context.Context, name string) (provision.Preview, error) {
	return provision.Preview{Objects: []provision.PlannedObject{{Resource: name, Service: "network"}}}, n.asked("Removal " + name)
}

type rig struct {
	*usecase.Tenancy
	t       *testing.T
	pool    *pgxpool.Pool
	store   *store.Store
	engine  *engine
	network *network
	clock   *clock.Fake
	ledger  *quota.Ledger
}

func newRig(t *testing.T) *rig {
	t.Helper()
	pool, now := pgtest.Database(t, store.Migrations()...), clock.NewFake(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	r := &rig{
		t: t, pool: pool, clock: now, store: store.New(pool, paging.New([]byte("key"))), engine: &engine{running: map[string]*provision.Operation{}},
		network: &network{t: t, pool: pool}, ledger: quota.New("tenant", now, map[string]int64{usecase.QuotaOrganisations: 3}),
	}
	r.Tenancy = usecase.New(usecase.Config{
		Store: r.store, Engine: r.engine, Network: r.network, Messages: api.Renderer{}, Retention: retention,
		Changes: accept.New(accept.Config{
			Service: usecase.Source, DB: pool, Engine: r.engine, Quota: r.ledger, Clock: now, Closed: usecase.Closed(r.store),
		}),
		Quota: tenancy.Quota{Networks: 9, Routers: 9, Ports: 90, SecurityGroups: 9},
	})
	return r
}

// call is the identity of a caller's command.
func call(id, body string) resource.Identity {
	return resource.Identity{Method: "/lowlayer.tenant.v1.OrganisationService/Test", ID: id, Digest: []byte(body)}
}

// own is the identity of a command that a tenant's own state decides on.
func own(id string) resource.Identity {
	return resource.Identity{Method: "/lowlayer.tenant.v1.TenantService/UpdateTenant", ID: id, Digest: []byte("body")}
}

var plan = resource.Identity{Method: "/lowlayer.tenant.v1.TenantService/UpdateTenant", ValidateOnly: true}

func (r *rig) must(op *provision.Operation, err error) *provision.Operation {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return op
}

func (r *rig) exec(sql string, args ...any) {
	r.t.Helper()
	if _, err := r.pool.Exec(r.t.Context(), sql, args...); err != nil {
		r.t.Fatal(err)
	}
}

// settle records the end of the last operation on a resource.
func (r *rig) settle(kind tenancy.Kind, uid string, outcome provision.Outcome, removed, ready bool) {
	r.t.Helper()
	end := provision.Settlement{Outcome: outcome, Removed: removed}
	end.UID, end.Tenant, end.Kind = uid, "acme", string(kind)
	records := usecase.NewSettlements(r.store, api.Renderer{}, r.ledger, r.clock)
	err := pg.InTx(r.t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) error {
		if kind == tenancy.KindTenant {
			end.Name = tenant
			return records.SettleTenant(ctx, tx, end, "domain", ready)
		}
		end.Name = core
		return records.SettleOrganisation(ctx, tx, end, "project", ready)
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// tenant makes a tenant that is complete.
func (r *rig) tenant() tenancy.Tenant {
	r.t.Helper()
	op := r.must(r.CreateTenant(r.t.Context(), own(""), tenancy.CreateTenant{ID: "acme"}))
	r.settle(tenancy.KindTenant, op.ResourceUID, provision.Done, false, true)
	return r.readTenant()
}

// organisation makes an organisation that is complete.
func (r *rig) organisation() tenancy.Organisation {
	r.t.Helper()
	op := r.must(r.CreateOrganisation(r.t.Context(), call("", ""), order("core")))
	r.settle(tenancy.KindOrganisation, op.ResourceUID, provision.Done, false, true)
	return r.readOrganisation()
}

func order(id string) tenancy.CreateOrganisation {
	return tenancy.CreateOrganisation{Tenant: "acme", ID: id, Mode: tenancy.Mutualized}
}

func (r *rig) readTenant() tenancy.Tenant {
	r.t.Helper()
	v, err := r.Tenant(r.t.Context(), "acme")
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func (r *rig) readOrganisation() tenancy.Organisation {
	r.t.Helper()
	o, err := r.Organisation(r.t.Context(), "acme", "core")
	if err != nil {
		r.t.Fatal(err)
	}
	return o
}

// events are the types of the events so far about a resource.
func (r *rig) events(subject string) []string {
	r.t.Helper()
	rows, err := r.pool.Query(r.t.Context(), `SELECT payload FROM event_outbox ORDER BY position`)
	if err != nil {
		r.t.Fatal(err)
	}
	payloads, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, p := range payloads {
		var e eventv1.Event
		if err := proto.Unmarshal(p, &e); err != nil {
			r.t.Fatal(err)
		}
		if e.GetSubject() == subject {
			out = append(out, e.GetType())
		}
	}
	return out
}

func (r *rig) wantEvents(subject string, want ...string) {
	r.t.Helper()
	if got := r.events(subject); !slices.Equal(got, want) {
		r.t.Errorf("events of %s: %v, want %v", subject, got, want)
	}
}

// last is the change that the engine accepted last.
func (r *rig) last() provision.Change {
	r.t.Helper()
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	return r.engine.accepted[len(r.engine.accepted)-1]
}

func reason(t *testing.T, err error, want string) {
	t.Helper()
	if got := errs.ReasonOf(err); got != want || err == nil {
		t.Errorf("got %v, want %s", err, want)
	}
}

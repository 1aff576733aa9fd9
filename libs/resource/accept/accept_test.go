package accept_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/fielddiff"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// engine remembers operations in memory, whether their transaction commits or not.
type engine struct {
	operations map[string]*provision.Operation
}

func (e *engine) Accept(_ context.Context, _ pgx.Tx, c provision.Change) (*provision.Operation, error) {
	id := fmt.Sprintf("op_%d", len(e.operations)+1)
	e.operations[id] = &provision.Operation{
		ID: id, Name: "tenants/" + c.Tenant + "/operations/" + id, Tenant: c.Tenant, Resource: c.Name, ResourceUID: c.UID, Verb: c.Verb, RequestID: c.RequestID,
	}
	return e.operations[id], nil
}

func (e *engine) Read(_ context.Context, _ provision.Querier, _, id string) (*provision.Operation, error) {
	if op, ok := e.operations[id]; ok {
		return op, nil
	}
	return nil, errs.NotFound("operation", id)
}

func (e *engine) Preview(_ context.Context, _ pgx.Tx, op *provision.Operation) (*provision.Operation, error) {
	planned := *op
	planned.Name = ""
	planned.Preview = &provision.Preview{Objects: []provision.PlannedObject{{Resource: op.Resource}}}
	return &planned, nil
}

type rig struct {
	*accept.Changes
	t      *testing.T
	pool   *pgxpool.Pool
	engine *engine
	runs   int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigWhile(t, nil)
}

// newRigWhile makes a rig whose tenant is closed as the function decides.
func newRigWhile(t *testing.T, closed func(context.Context, pgx.Tx, resource.Identity, string) error) *rig {
	t.Helper()
	now := clock.NewFake(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))
	r := &rig{t: t, pool: pgtest.Database(t, event.Migrations(), quota.Migrations(), replay.Migrations()), engine: &engine{map[string]*provision.Operation{}}}
	r.Changes = accept.New(accept.Config{
		Service: "network", DB: r.pool, Engine: r.engine, Clock: now, Quota: quota.New("network", now, map[string]int64{"vpcs": 1}), Closed: closed,
	})
	return r
}

// create is the script of a creation.
func (r *rig) create(id resource.Identity, vpc string) (*provision.Operation, error) {
	return r.createAs(r.t.Context(), id, vpc)
}

func (r *rig) createAs(ctx context.Context, id resource.Identity, vpc string) (*provision.Operation, error) {
	return r.Operation(ctx, id, "acme", func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		r.runs++
		if err := tx.Reserve(ctx, "uid_"+vpc, []quota.Claim{{Place: "tenants/acme", Resource: "vpcs", Amount: 1}}); err != nil {
			return nil, err
		}
		op, err := tx.Accept(ctx, provision.Change{Kind: "vpc", UID: "uid_" + vpc, Name: vpc, Verb: "create"})
		if err != nil {
			return nil, err
		}
		tx.After(vpc, &networkv1.Vpc{Name: vpc, DisplayName: "Development"})
		return op, tx.Publish(ctx, "vpc.created", vpc, &networkv1.Vpc{Name: vpc})
	})
}

func (r *rig) count(table string) (n int) {
	r.t.Helper()
	if err := r.pool.QueryRow(r.t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func TestOperation_repeatedCall_returnsTheFirstOperation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := resource.Identity{Method: "/x/CreateVpc", ID: "key", Digest: []byte("body")}
	first, err := r.create(id, "dev")
	if err != nil || first.RequestID != "key" {
		t.Fatalf("first call: %+v, %v", first, err)
	}
	again, err := r.create(id, "dev")
	if err != nil || again.Name != first.Name || r.runs != 1 {
		t.Errorf("again: %+v, %v, after %d runs of the script", again, err, r.runs)
	}
	id.Digest = []byte("other")
	if _, err := r.create(id, "dev"); errs.ReasonOf(err) != errs.ReasonRequestIDReused {
		t.Errorf("another body: %v", err)
	}
	if n := r.count("event_outbox"); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestOperation_resultOfAnEarlierTenant_isForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := resource.Identity{Method: "/x/CreateVpc", ID: "key", Digest: []byte("body")}
	if _, err := r.create(id, "dev"); err != nil {
		t.Fatal(err)
	}
	r.engine.operations = map[string]*provision.Operation{"unrelated": {}}
	again, err := r.create(id, "dev")
	if err != nil || again.ID != "op_2" || r.runs != 2 {
		t.Errorf("got %+v, %v, after %d runs of the script", again, err, r.runs)
	}
}

func TestOperation_closedTenant_refusesCallersAlone(t *testing.T) {
	t.Parallel()
	closed := false
	r := newRigWhile(t, func(_ context.Context, _ pgx.Tx, id resource.Identity, tenant string) error {
		if !closed || id.Method == "/x/DeleteVpc" {
			return nil
		}
		return errs.Failed("TENANT_SUSPENDED", "%s is suspended", tenant)
	})
	as := func(service string) context.Context {
		return peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{SPIFFEID: &url.URL{Scheme: "spiffe", Host: "x.test", Path: "/" + service}}})
	}
	call := resource.Identity{Method: "/x/CreateVpc", ID: "key", Digest: []byte("body")}
	first, err := r.create(call, "dev")
	if err != nil {
		t.Fatal(err)
	}
	closed = true
	for name, c := range map[string]struct {
		ctx     context.Context
		id      resource.Identity
		refused bool
	}{
		"a caller":                {t.Context(), resource.Identity{Method: "/x/CreateVpc"}, true},
		"a plan":                  {t.Context(), resource.Identity{Method: "/x/CreateVpc", ValidateOnly: true}, true},
		"a user, by the gateway":  {as("gateway"), resource.Identity{Method: "/x/CreateVpc"}, true},
		"a service by itself":     {as("tenant"), resource.Identity{Method: "/x/CreateVpc"}, false},
		"the platform":            {t.Context(), resource.Identity{}, false},
		"an exception of service": {t.Context(), resource.Identity{Method: "/x/DeleteVpc"}, false},
	} {
		_, err := r.createAs(c.ctx, c.id, "dev") // the quota holds what dev has already
		if refused := errs.ReasonOf(err) == "TENANT_SUSPENDED"; refused != c.refused || (!refused && err != nil) {
			t.Errorf("%s: got %v", name, err)
		}
		err = r.Record(c.ctx, c.id, "acme", func(context.Context, *accept.Tx) error { return nil })
		if refused := errs.ReasonOf(err) == "TENANT_SUSPENDED"; refused != c.refused || (!refused && err != nil) {
			t.Errorf("%s, record: got %v", name, err)
		}
	}
	if again, err := r.create(call, "dev"); err != nil || again.Name != first.Name {
		t.Errorf("the repeated call: got %+v, %v", again, err)
	}
}

func TestEarlier_returnsTheOperationOfTheSameRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := resource.Identity{Method: "/x/CreateVpc", ID: "key", Digest: []byte("body")}
	for _, unknown := range []resource.Identity{id, {Method: "/x/CreateVpc"}} {
		if op, err := r.Earlier(t.Context(), unknown, "acme"); op != nil || err != nil {
			t.Fatalf("before: %+v, %v", op, err)
		}
	}
	first, err := r.create(id, "dev")
	if err != nil {
		t.Fatal(err)
	}
	if op, err := r.Earlier(t.Context(), id, "acme"); err != nil || op.Name != first.Name {
		t.Errorf("after: %+v, %v", op, err)
	}
	id.Digest = []byte("other")
	if _, err := r.Earlier(t.Context(), id, "acme"); errs.ReasonOf(err) != errs.ReasonRequestIDReused {
		t.Errorf("another body: %v", err)
	}
}

func TestOperation_validateOnly_returnsThePlanAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	plan, err := r.create(resource.Identity{Method: "/x/CreateVpc", ValidateOnly: true}, "dev")
	if err != nil || plan.Preview == nil {
		t.Fatalf("got %+v, %v", plan, err)
	}
	want := provision.QuotaEffect{Resource: "vpcs", UsageChange: 1, Quota: "tenants/acme/quotas/network.vpcs", TakenAfter: 1, EffectiveLimit: 1}
	if len(plan.Preview.Quota) != 1 || plan.Preview.Quota[0] != want {
		t.Errorf("quota effects %+v, want %+v", plan.Preview.Quota, want)
	}
	difference := fielddiff.Difference{Resource: "dev", Path: "display_name", Action: fielddiff.Add, After: "Development"}
	if len(plan.Preview.Fields) != 1 || plan.Preview.Fields[0] != difference {
		t.Errorf("fields %+v, want %+v", plan.Preview.Fields, difference)
	}
	for _, table := range []string{"event_outbox", "quota_reservations", "replays"} {
		if n := r.count(table); n != 0 {
			t.Errorf("%d rows of %s are left", n, table)
		}
	}
}

func TestOperation_plansOfOneTransaction_addUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	op, err := r.Operation(t.Context(), resource.Identity{ValidateOnly: true}, "acme", func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		if _, err := tx.AcceptBeside(ctx, provision.Change{UID: "o", Name: "organisation", Verb: "delete", Deleting: true}); err != nil {
			return nil, err
		}
		return tx.Accept(ctx, provision.Change{UID: "t", Name: "tenant", Verb: "delete", Deleting: true})
	})
	if err != nil || len(op.Preview.Objects) != 2 || op.Preview.Objects[0].Resource != "organisation" || op.Preview.Objects[1].Resource != "tenant" {
		t.Errorf("got %+v, %v", op, err)
	}
}

func TestOperation_quotaWithoutRoom_rollsBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, err := r.create(resource.Identity{ID: "one", Digest: []byte("1")}, "dev"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.create(resource.Identity{ID: "two", Digest: []byte("2")}, "prod"); errs.CodeOf(err) != errs.ResourceExhausted {
		t.Errorf("got %v", err)
	}
	if n := r.count("replays"); n != 1 {
		t.Errorf("%d results are remembered", n)
	}
}

func TestRecord_repeatsItsResult(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := resource.Identity{Method: "/x/CreateMember", ID: "key", Digest: []byte("body")}
	record := func(result string) (got string, err error) {
		err = r.Record(t.Context(), id, "acme", func(ctx context.Context, tx *accept.Tx) (err error) {
			if got, err = tx.Replayed(ctx); err != nil || got != "" {
				return err
			}
			got = result
			return tx.Keep(ctx, result)
		})
		return got, err
	}
	for _, result := range []string{"first", "second"} {
		if got, err := record(result); err != nil || got != "first" {
			t.Errorf("%s: %q, %v", result, got, err)
		}
	}
}

func TestRecord_validateOnly_rollsBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	err := r.Record(t.Context(), resource.Identity{ValidateOnly: true}, "acme", func(ctx context.Context, tx *accept.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO replays VALUES ('t', 'm', 'q', '', 'r', now())`)
		return err
	})
	if n := r.count("replays"); n != 0 || err != nil {
		t.Errorf("%d rows are left, %v", n, err)
	}
	failed := errors.New("failed")
	if err := r.Record(t.Context(), resource.Identity{ValidateOnly: true}, "acme", func(context.Context, *accept.Tx) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}

package quota_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/quota"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenant = "tenants/acme"
	core   = tenant + "/organisations/core"
)

var epoch = time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)

// rig is a ledger on a database of its own.
type rig struct {
	*quota.Ledger
	t    *testing.T
	pool *pgxpool.Pool
}

func newRig(t *testing.T, vpcs int64) *rig {
	t.Helper()
	return &rig{Ledger: quota.New("network", clock.NewFake(epoch), map[string]int64{"vpcs": vpcs}), t: t, pool: pgtest.Database(t, quota.Migrations())}
}

func (r *rig) tx(do func(context.Context, pgx.Tx) error) error {
	return pg.InTx(r.t.Context(), r.pool, do)
}

func vpcs(n int64) quota.Claim { return quota.Claim{Place: tenant, Resource: "vpcs", Amount: n} }

func routers(n int64) quota.Claim { return quota.Claim{Place: core, Resource: "routers", Amount: n} }

func (r *rig) reserve(holder string, claims ...quota.Claim) error {
	return r.tx(func(ctx context.Context, tx pgx.Tx) error { return r.Reserve(ctx, tx, "acme", holder, claims) })
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) commit(holder string) {
	r.t.Helper()
	r.must(r.tx(func(ctx context.Context, tx pgx.Tx) error { return r.Commit(ctx, tx, holder) }))
}

func (r *rig) release(holder string) {
	r.t.Helper()
	r.must(r.tx(func(ctx context.Context, tx pgx.Tx) error { return r.Release(ctx, tx, holder) }))
}

// stands checks a limit: what is in use, reserved, and the limit, -1 for none.
func (r *rig) stands(place, resource string, inUse, reserved, limit int64) {
	r.t.Helper()
	all, err := r.List(r.t.Context(), r.pool, "acme", place)
	r.must(err)
	for _, s := range all {
		if s.Place != place || s.Resource != resource {
			continue
		}
		got, known := s.Limit()
		if !known {
			got = -1
		}
		if s.InUse != inUse || s.Reserved != reserved || got != limit {
			r.t.Errorf("%s: %d in use, %d reserved of %d, want %d, %d of %d", s.Name(), s.InUse, s.Reserved, got, inUse, reserved, limit)
		}
		return
	}
	r.t.Errorf("there is no quota %s of %s in %v", resource, place, all)
}

// TestLedger_reserveCommitRelease_repeatable: reserved, in use, given back; each of them twice.
func TestLedger_reserveCommitRelease_repeatable(t *testing.T) {
	r := newRig(t, 3)
	r.stands(tenant, "vpcs", 0, 0, 3)
	for range 2 {
		r.must(r.reserve("vpc_1", vpcs(1), routers(2)))
		r.stands(tenant, "vpcs", 0, 1, 3)
		r.stands(core, "routers", 0, 2, -1)
	}
	r.must(r.reserve("vpc_2", vpcs(1)))
	for range 2 {
		r.commit("vpc_1")
		r.stands(tenant, "vpcs", 1, 1, 3)
		r.stands(core, "routers", 2, 0, -1)
	}
	// Commit makes a second reservation needless.
	r.must(r.reserve("vpc_1", vpcs(1), routers(2)))
	r.stands(tenant, "vpcs", 1, 1, 3)
	for range 2 {
		r.release("vpc_1")
		r.stands(tenant, "vpcs", 0, 1, 3)
		r.stands(core, "routers", 0, 0, -1)
	}
	held, err := r.Holdings(t.Context(), r.pool, "acme", "vpc_2")
	if err != nil || len(held) != 1 || held[0].Amount != 1 || held[0].Taken() != 1 {
		t.Errorf("got %+v, %v", held, err)
	}
}

// TestReserve_severalLimitsInTheWay_namesEach that is in the way, and takes nothing at all.
func TestReserve_severalLimitsInTheWay_namesEach(t *testing.T) {
	r := newRig(t, 2)
	r.must(r.tx(func(ctx context.Context, tx pgx.Tx) error {
		return r.Set(ctx, tx, "acme", core, map[string]int64{"routers": 1, "ports": 9})
	}))
	r.must(r.reserve("vpc_1", vpcs(2), routers(1)))
	r.commit("vpc_1")
	err := r.reserve("vpc_2", vpcs(1), routers(1), quota.Claim{Place: core, Resource: "ports", Amount: 3})
	e, ok := errs.As(err)
	if !ok || e.Code != errs.ResourceExhausted || e.Reason != quota.ReasonExceeded || len(e.Quota) != 2 {
		t.Fatalf("got %v", err)
	}
	for i, want := range []errs.QuotaViolation{
		{Subject: tenant + "/quotas/network.vpcs", Description: "the quota vpcs of tenants/acme is 2: 2 in use, 0 reserved, and 1 more asked for; delete what is not needed, or have an operator of the platform raise it (`lowlayer quota set tenants/acme vpcs=3`)"},
		{Subject: core + "/quotas/network.routers", Description: "the quota routers of tenants/acme/organisations/core is 1: 1 in use, 0 reserved, and 1 more asked for; raise it with `lowlayer organisation update tenants/acme/organisations/core --quota-routers 2`, or delete what is not needed"},
	} {
		if e.Quota[i] != want {
			t.Errorf("got %+v\nwant %+v", e.Quota[i], want)
		}
	}
	r.stands(core, "ports", 0, 0, 9)
	if err := r.Room(t.Context(), r.pool, "acme", []quota.Claim{vpcs(1)}); errs.ReasonOf(err) != quota.ReasonExceeded {
		t.Errorf("room: got %v", err)
	}
	if err := r.Room(t.Context(), r.pool, "acme", []quota.Claim{vpcs(0)}); err != nil {
		t.Errorf("room for nothing: got %v", err)
	}
	if err := r.Room(t.Context(), r.pool, "acme", []quota.Claim{{Place: core, Resource: "ports", Amount: 9}, {Place: core, Resource: "new", Amount: 1e6}}); err != nil {
		t.Errorf("room: got %v", err)
	}
}

func (r *rig) update(c quota.Change) (before, after quota.Standing, err error) {
	if c.Name.Tenant == "" {
		c.Name = resourcename.Quota{Tenant: "acme", Quota: "network.vpcs"}
	}
	err = r.tx(func(ctx context.Context, tx pgx.Tx) error {
		var err error
		before, after, err = r.Update(ctx, tx, c)
		return err
	})
	return before, after, err
}

func to(n int64) *int64 { return &n }

func TestUpdate_upDownAndBackToThePlatformsLimit(t *testing.T) {
	r := newRig(t, 2)
	r.must(r.reserve("vpc_1", vpcs(2)))
	untouched := r.get()
	was, up, err := r.update(quota.Change{Override: to(3), Etag: untouched.Etag()})
	if err != nil || was.Override != nil || *up.Override != 3 {
		t.Fatalf("got %+v, %+v, %v", was, up, err)
	}
	r.must(r.reserve("vpc_2", vpcs(1)))
	if _, _, err := r.update(quota.Change{Override: to(9), Etag: untouched.Etag()}); errs.ReasonOf(err) != errs.ReasonEtagMismatch {
		t.Errorf("a stale etag: got %v", err)
	}
	// Use does not change the etag: a caller that read the limit may set it.
	if _, _, err := r.update(quota.Change{Override: to(0), Etag: up.Etag()}); err != nil {
		t.Fatal(err)
	}
	r.stands(tenant, "vpcs", 0, 3, 0)
	r.commit("vpc_1")
	r.stands(tenant, "vpcs", 2, 1, 0)
	if err := r.reserve("vpc_3", vpcs(1)); errs.ReasonOf(err) != quota.ReasonExceeded {
		t.Errorf("got %v", err)
	}
	r.release("vpc_1")
	if err := r.reserve("vpc_3", vpcs(1)); errs.ReasonOf(err) != quota.ReasonExceeded {
		t.Errorf("one is still over: got %v", err)
	}
	if _, back, err := r.update(quota.Change{}); err != nil || back.Override != nil {
		t.Errorf("back: got %+v, %v", back, err)
	}
	r.stands(tenant, "vpcs", 0, 1, 2)
	for name, want := range map[resourcename.Quota]string{
		{Tenant: "acme", Quota: "network.cakes"}:                            "QUOTA_NOT_FOUND",
		{Tenant: "acme", Quota: "tenant.vpcs"}:                              "QUOTA_NOT_FOUND",
		{Tenant: "acme", Organisation: "core", Quota: "network.routers"}:    "QUOTA_OF_PROJECT",
		{Tenant: "acme", Organisation: "core", Quota: "network.everything"}: "QUOTA_OF_PROJECT",
	} {
		if _, _, err := r.update(quota.Change{Name: name, Override: to(1)}); errs.ReasonOf(err) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func (r *rig) get() quota.Standing {
	r.t.Helper()
	s, err := r.Get(r.t.Context(), r.pool, resourcename.Quota{Tenant: "acme", Quota: "network.vpcs"})
	r.must(err)
	return s
}

// TestSet_limitsOfAProject_theLastHolds are what is said last; what was taken before they were known counts.
func TestSet_limitsOfAProject_theLastHolds(t *testing.T) {
	r := newRig(t, 9)
	r.must(r.reserve("vpc_1", routers(3)))
	set := func(n int64) {
		t.Helper()
		r.must(r.tx(func(ctx context.Context, tx pgx.Tx) error {
			return r.Set(ctx, tx, "acme", core, map[string]int64{"routers": n})
		}))
	}
	set(2)
	if err := r.reserve("vpc_2", routers(1)); errs.ReasonOf(err) != quota.ReasonExceeded {
		t.Errorf("got %v", err)
	}
	set(4)
	r.must(r.reserve("vpc_2", routers(1)))
	r.stands(core, "routers", 0, 4, 4)
	r.release("vpc_1")
	r.release("vpc_2")
	r.must(r.tx(func(ctx context.Context, tx pgx.Tx) error { return r.Forget(ctx, tx, "acme", core) }))
	if left, err := r.List(t.Context(), r.pool, "acme", core); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	r.must(r.tx(func(ctx context.Context, tx pgx.Tx) error { return r.Forget(ctx, tx, "acme", tenant) }))
	if err := r.Room(t.Context(), r.pool, "acme", []quota.Claim{vpcs(10)}); errs.ReasonOf(err) != quota.ReasonExceeded {
		t.Errorf("the platform's limit holds for what was never touched: got %v", err)
	}
}

// TestCompare finds what is too much, too little, and nothing when all agrees.
func TestCompare(t *testing.T) {
	r := newRig(t, 9)
	r.must(r.reserve("vpc_1", vpcs(1)))
	r.must(r.reserve("vpc_2", vpcs(2)))
	one := fmt.Sprintf("VALUES ('%s', 'vpcs', 'vpc_1', 1::bigint)", tenant)
	all, err := quota.Compare(t.Context(), r.pool, one+fmt.Sprintf(", ('%s', 'vpcs', 'vpc_2', 2), ('%s', 'vpcs', 'vpc_3', 1)", tenant, tenant))
	if err != nil || len(all) != 1 || all[0] != (quota.Mismatch{Holder: "vpc_3", Place: tenant, Resource: "vpcs", Wanted: 1}) {
		t.Errorf("got %+v, %v", all, err)
	}
	if all, err = quota.Compare(t.Context(), r.pool, one); err != nil || len(all) != 1 || all[0].Holder != "vpc_2" || all[0].Held != 2 {
		t.Errorf("got %+v, %v", all, err)
	}
	r.release("vpc_2")
	if all, err = quota.Compare(t.Context(), r.pool, one); err != nil || len(all) != 0 {
		t.Errorf("got %+v, %v", all, err)
	}
}

package trail_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
)

// refused is a call on a tenant that is refused. A member has a role in acme.
func (r *rig) refused(subject, tenant string, member bool) {
	r.t.Helper()
	p := &identity.Principal{Subject: subject}
	if member {
		p.Groups = []string{"/tenants/acme/viewer"}
	}
	ctx := r.Begin(identity.With(r.t.Context(), p), suspend, &tenantv1.SuspendTenantRequest{Name: "tenants/" + tenant})
	r.End(ctx, errs.New(errs.PermissionDenied, "PERMISSION_DENIED", "no"))
}

func (r *rig) count(where string, args ...any) (n int) {
	r.t.Helper()
	if err := r.pool.QueryRow(context.Background(), "SELECT count(*) FROM audit_records WHERE "+where, args...).Scan(&n); err != nil {
		r.t.Error(err)
	}
	return n
}

// A kill after the response loses nothing.
func TestEnd_refusal_isCommittedWhenItReturns(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for n := range 20 {
		r.refused("u1", "acme", true)
		if got := r.count("true"); got != n+1 {
			t.Fatalf("after %d responses there are %d records", n+1, got)
		}
	}
}

// sumOf checks that the records of calls add up: those recorded and those left out before a record.
func sumOf(t *testing.T, records []audit.Record) (calls int64, limits int) {
	t.Helper()
	for _, rec := range records {
		calls += 1 + rec.Omitted
		if (rec.Omitted > 0) != (rec.OmittedSince != nil && rec.Omitted > 0) || (rec.OmittedSince != nil && rec.OmittedSince.After(rec.Time)) {
			t.Errorf("record %d left out %d since %v", rec.Sequence, rec.Omitted, rec.OmittedSince)
		}
		if rec.LimitedUntil != nil {
			limits++
		}
	}
	return calls, limits
}

func TestEnd_floodOfOneActor_showsTheGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for range 100 {
		r.refused("u1", "acme", true)
	}
	if n := r.count("true"); n > 62 {
		t.Errorf("%d records", n)
	}
	r.settle()
	got := r.records()
	// 100 calls fall into two minutes at most.
	if calls, limits := sumOf(t, got); calls != 100 || limits < 1 || len(got) > 62 {
		t.Errorf("%d records of %d calls, %d say that more are left out", len(got), calls, limits)
	}
}

// Actors without a role in the tenant share one limit, however many they are.
func TestEnd_manyStrangers_growTheTrailByOneLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for n := range 90 {
		r.refused(fmt.Sprint("stranger-", n), "acme", false)
	}
	r.refused("u1", "acme", true)
	if n := r.count("actor = 'u1'"); n != 1 {
		t.Errorf("the member's call has %d records", n)
	}
	r.settle()
	got := r.records()
	if calls, _ := sumOf(t, got); calls != 91 || len(got) > 2*(30+1)+1 {
		t.Errorf("%d records of %d calls", len(got), calls)
	}
}

// A flood on tenants that do not exist, and one on another tenant, leave room for the calls of this one.
func TestEnd_floodElsewhere_recordsOtherTenants(t *testing.T) {
	t.Parallel()
	r := newRig(t, slog.New(slog.DiscardHandler))
	r.mu.Lock()
	r.owners["globex"] = "ten_2"
	r.mu.Unlock()
	for _, tenant := range []string{"acme", "globex"} {
		if err := r.change(r.begin(suspend, &tenantv1.SuspendTenantRequest{Name: "tenants/" + tenant}), "tenants/"+tenant, nil); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for flood := range 40 {
		all.Go(func() {
			for n := range 250 {
				r.refused(fmt.Sprint("s", flood, "-", n), fmt.Sprint("invented-", flood, "-", n%50), false)
				r.refused(fmt.Sprint("s", flood), "globex", true)
			}
		})
	}
	for n := range 60 {
		r.refused(fmt.Sprint("u", n%3), "acme", true)
	}
	all.Wait()
	if n := r.count("tenant_uid = 'ten_1' AND code = 'PERMISSION_DENIED'"); n != 60 {
		t.Errorf("of 60 refused calls on acme %d are recorded", n)
	}
}

func TestEnd_databaseAway_logsTheRecord(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := newRig(t, slog.New(slog.NewJSONHandler(&log, nil)))
	r.pool.Close()
	r.End(r.begin(suspend, &tenantv1.SuspendTenantRequest{Name: "tenants/acme"}), errs.New(errs.PermissionDenied, "D", "no"))
	r.settle()
	if !strings.Contains(log.String(), `"level":"ERROR"`) || !strings.Contains(log.String(), "req-7") {
		t.Errorf("logged %s", log.String())
	}
}

// A chain that something holds delays the responses of its own tenant, and those not for ever.
func TestEnd_chainIsLocked_responds(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.mu.Lock()
	r.owners["globex"] = "ten_2"
	r.mu.Unlock()
	r.refused("u1", "acme", true)
	err := pg.InTx(t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT FROM audit_heads WHERE tenant = 'acme' FOR UPDATE"); err != nil {
			return err
		}
		r.refused("u1", "acme", true) // returns although its record waits
		r.refused("u1", "globex", true)
		if n := r.count("tenant_uid = 'ten_2'"); n != 1 {
			t.Errorf("the other tenant has %d records", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.settle()
	if n := r.count("tenant_uid = 'ten_1'"); n != 2 {
		t.Errorf("%d records once the chain is free", n)
	}
}

// Each column that filters read is that of the record: a row edited in the database is refused by lists, and an export shows the
// record as it was chained.
func TestList_editedColumn_isRefused(t *testing.T) {
	t.Parallel()
	for column, value := range map[string]string{
		"actor": "'other'", "email": "'other'", "method": "'other'", "resource": "'tenants/acme/organisations/core'", "code": "'OK'",
		"reason": "'OTHER'", "request_id": "'other'", "on_behalf_of": "'other'", "create_time": "create_time + interval '1 hour'",
	} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			owner := pgtest.Pool(t, r.url)
			r.End(r.begin(suspend, &tenantv1.SuspendTenantRequest{Name: "tenants/acme"}), errs.New(errs.PermissionDenied, "D", "no"))
			list := func() error {
				_, err := r.List(t.Context(), trail.ListInput{UID: "ten_1", Where: "true", Limit: 10})
				return err
			}
			if err := list(); err != nil {
				t.Fatal(err)
			}
			for _, sql := range []string{"ALTER TABLE audit_records DISABLE TRIGGER USER", "UPDATE audit_records SET " + column + " = " + value} {
				if _, err := owner.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			if err := list(); err == nil || !strings.Contains(err.Error(), "was edited") {
				t.Errorf("got %v", err)
			}
			if got := r.records(); len(got) != 1 || got[0].Actor.Subject != "u1" {
				t.Errorf("the export holds %+v", got)
			}
		})
	}
}

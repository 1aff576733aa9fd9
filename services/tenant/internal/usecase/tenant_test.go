package usecase_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

func TestCreateTenant_forgetsTheCallsOfAnEarlierTenant(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.must(r.CreateTenant(t.Context(), own("one"), tenancy.CreateTenant{ID: "acme"}))
	if again := r.must(r.CreateTenant(t.Context(), own("one"), tenancy.CreateTenant{ID: "acme"})); again.Name != first.Name {
		t.Errorf("again: %s, want %s", again.Name, first.Name)
	}
	_, err := r.CreateTenant(t.Context(), own("two"), tenancy.CreateTenant{ID: "acme"})
	reason(t, err, "TENANT_EXISTS")
	r.must(r.UpdateTenant(t.Context(), own("three"), tenancy.UpdateTenant{ID: "acme"}))
	r.settle(tenancy.KindTenant, first.ResourceUID, provision.Done, true, false)
	second := r.must(r.CreateTenant(t.Context(), own("four"), tenancy.CreateTenant{ID: "acme"}))
	if op := r.must(r.UpdateTenant(t.Context(), own("three"), tenancy.UpdateTenant{ID: "acme"})); op.ResourceUID != second.ResourceUID {
		t.Errorf("the call of the earlier tenant's id returns %s of %s", op.Name, op.ResourceUID)
	}
}

func TestTenant_life_publishesEachRestrictionWhenAccepted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	v := r.tenant()
	if !v.ReadyTime.Equal(r.clock.Now()) || v.DomainID != "domain" {
		t.Errorf("settled: %+v", v)
	}
	_, err := r.ResumeTenant(ctx, own(""), "acme")
	reason(t, err, "TENANT_NOT_SUSPENDED")
	for range 2 { // a repeated call publishes nothing
		r.must(r.SuspendTenant(ctx, own("suspend"), "acme", "unpaid"))
	}
	_, err = r.SuspendTenant(ctx, own(""), "acme", "again")
	reason(t, err, "TENANT_SUSPENDED")
	if c := r.last(); c.Verb != "suspend" || c.Final != tenancy.StateSuspended || c.Transient != tenancy.StateUpdating || c.RequestID != "suspend" {
		t.Errorf("the engine got %+v", c)
	}
	r.must(r.ResumeTenant(ctx, own(""), "acme"))
	r.wantEvents(tenant, "tenant.created", "tenant.suspended")
	r.settle(tenancy.KindTenant, v.UID, provision.Done, false, true)
	r.wantEvents(tenant, "tenant.created", "tenant.suspended", "tenant.resumed")
	r.settle(tenancy.KindTenant, v.UID, provision.Blocked, false, true)
	r.must(r.DeleteTenant(ctx, own(""), tenancy.DeleteTenant{ID: "acme"}))
	_, err = r.UpdateTenant(ctx, own(""), tenancy.UpdateTenant{ID: "acme"})
	reason(t, err, "TENANT_DELETED")
	r.must(r.DeleteTenant(ctx, own(""), tenancy.DeleteTenant{ID: "acme", Purge: true}))
	if c := r.last(); !c.Deleting || c.Final != tenancy.StateDeleted {
		t.Errorf("the engine got %+v", c)
	}
	_, err = r.UndeleteTenant(ctx, own(""), "acme")
	reason(t, err, "TENANT_DELETED")
	r.settle(tenancy.KindTenant, v.UID, provision.Done, true, false)
	r.wantEvents(tenant, "tenant.created", "tenant.suspended", "tenant.resumed", "tenant.blocked", "tenant.deleted", "tenant.purged")
	_, err = r.Tenant(ctx, "acme")
	reason(t, err, "TENANT_NOT_FOUND")
}

func TestUpdateTenant_staleEtagOrWrongField_isRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	v := r.tenant()
	long, name := strings.Repeat("x", 121), "Acme"
	_, err := r.UpdateTenant(t.Context(), own(""), tenancy.UpdateTenant{ID: "acme", DisplayName: &long})
	if e, ok := errs.As(err); !ok || len(e.Fields) != 1 || e.Fields[0].Field != "tenant.display_name" {
		t.Errorf("a long name: %v", err)
	}
	r.must(r.UpdateTenant(t.Context(), own(""), tenancy.UpdateTenant{ID: "acme", Etag: v.Etag(), DisplayName: &name}))
	_, err = r.UpdateTenant(t.Context(), own(""), tenancy.UpdateTenant{ID: "acme", Etag: v.Etag(), DisplayName: &name})
	reason(t, err, errs.ReasonEtagMismatch)
	now := r.readTenant()
	if now.DisplayName != name || now.Revision != v.Revision+1 {
		t.Errorf("got %+v", now)
	}
	_, err = r.UpdateTenant(t.Context(), own(""), tenancy.UpdateTenant{ID: "none"})
	reason(t, err, "TENANT_NOT_FOUND")
}

func TestUpdateTenant_equalEtagsAtOnce_oneWins(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tag := r.tenant().Etag()
	failures := make([]error, 6)
	var all sync.WaitGroup
	for i := range failures {
		all.Go(func() {
			_, failures[i] = r.UpdateTenant(t.Context(), own(""), tenancy.UpdateTenant{ID: "acme", Etag: tag})
		})
	}
	all.Wait()
	won := 0
	for _, err := range failures {
		if err == nil {
			won++
		} else {
			reason(t, err, errs.ReasonEtagMismatch)
		}
	}
	if won != 1 {
		t.Errorf("%d updates of one etag succeeded", won)
	}
}

func TestDeleteTenant_force_takesOrganisationsAlongAndBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	r.tenant()
	r.organisation()
	_, err := r.DeleteTenant(ctx, own(""), tenancy.DeleteTenant{ID: "acme"})
	reason(t, err, "TENANT_NOT_EMPTY")
	r.network.protected = []string{core + "/vpcs/prod"}
	_, err = r.DeleteTenant(ctx, own(""), tenancy.DeleteTenant{ID: "acme", Force: true})
	reason(t, err, "DELETION_PROTECTED")
	if c := r.network.calls[len(r.network.calls)-1]; c != "ProtectedVPCs tenants/acme/organisations/-" {
		t.Errorf("the network service was asked for %s", c)
	}
	r.network.protected = nil
	r.must(r.DeleteTenant(ctx, own(""), tenancy.DeleteTenant{ID: "acme", Force: true}))
	v := r.readTenant()
	o := r.readOrganisation()
	if !o.DeletedWithTenant || !o.PurgeTime.Equal(r.clock.Now().Add(retention)) || !v.PurgeTime.Equal(o.PurgeTime) {
		t.Errorf("deleted: %+v", o)
	}
	if len(v.Cascade) != 1 || v.Cascade[0].UID != o.UID || v.Cascade[0].Operation == "" {
		t.Errorf("the tenant follows %+v", v.Cascade)
	}
	r.wantEvents(core, "organisation.created", "organisation.deleted")
	r.must(r.UndeleteTenant(ctx, own(""), "acme"))
	if o = r.readOrganisation(); o.Deleted() || !o.PurgeTime.IsZero() {
		t.Errorf("undeleted: %+v", o)
	}
	r.settle(tenancy.KindOrganisation, o.UID, provision.Done, false, true)
	r.wantEvents(core, "organisation.created", "organisation.deleted", "organisation.undeleted")
}

func TestDeleteTenant_purgeUnderWay_isJoined(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	r.tenant()
	r.organisation()
	running := r.must(r.DeleteOrganisation(ctx, call("", ""), tenancy.DeleteOrganisation{Key: coreKey, Purge: true}))
	first := r.must(r.DeleteTenant(ctx, own("first"), tenancy.DeleteTenant{ID: "acme", Purge: true}))
	if c := r.readTenant().Cascade; len(c) != 1 || c[0].Operation != running.Name {
		t.Errorf("the tenant follows %+v, want %s", c, running.Name)
	}
	asked := len(r.network.calls)
	second := r.must(r.DeleteTenant(ctx, own("second"), tenancy.DeleteTenant{ID: "acme", Purge: true, Force: true}))
	if second.Name != first.Name || len(r.network.calls) != asked {
		t.Errorf("the second purge returned %s, want %s; the network service was asked for %v", second.Name, first.Name, r.network.calls[asked:])
	}
	if !r.readOrganisation().Force {
		t.Error("force was not added to the purge under way")
	}
	_, err := r.DeleteTenant(ctx, own(""), tenancy.DeleteTenant{ID: "acme", Purge: true, Etag: "stale"})
	reason(t, err, errs.ReasonEtagMismatch)
}

func TestDeleteTenant_plan_showsThePurgeAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	v := r.tenant()
	o := r.organisation()
	op := r.must(r.DeleteTenant(t.Context(), plan, tenancy.DeleteTenant{ID: "acme", Force: true}))
	p := op.Preview
	if p == nil || !p.PurgeTime.Equal(r.clock.Now().Add(retention)) || len(p.Purged) != 3 || p.Purged[0].Service != "network" ||
		p.Purged[1].ID != v.UID || p.Purged[2].ID != o.UID || len(p.Objects) != 2 || p.Objects[0].Resource != core {
		t.Fatalf("the plan of a deletion: %+v", p)
	}
	p = r.must(r.DeleteTenant(t.Context(), plan, tenancy.DeleteTenant{ID: "acme", Force: true, Purge: true})).Preview
	if !p.PurgeTime.IsZero() || len(p.Purged) != 0 || len(p.Objects) != 3 || p.Objects[0].Service != "network" {
		t.Errorf("the plan of a purge: %+v", p)
	}
	if r.readTenant().Etag() != v.Etag() || r.readOrganisation().Etag() != o.Etag() || len(r.events(core)) != 1 {
		t.Error("a plan changed something")
	}
}

// mutating are the methods of the tenant service's API that change something.
func mutating() []string {
	var out []string
	protoregistry.GlobalFiles.RangeFilesByPackage("lowlayer.tenant.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for m, methods := 0, f.Services().Get(i).Methods(); m < methods.Len(); m++ {
				if name := string(methods.Get(m).Name()); !strings.HasPrefix(name, "Get") && !strings.HasPrefix(name, "List") {
					out = append(out, "/"+string(f.Services().Get(i).FullName())+"/"+name)
				}
			}
		}
		return true
	})
	return out
}

// Every mutating method of the service is refused in a suspended tenant, but for those of the golden list.
func TestClosed_everyMethod_isRefusedButTheListed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.tenant()
	r.must(r.SuspendTenant(t.Context(), own(""), "acme", ""))
	var open []string
	closed := usecase.Closed(r.store)
	for _, method := range mutating() {
		err := pg.InTx(t.Context(), r.pool, func(ctx context.Context, tx pgx.Tx) error {
			return closed(ctx, tx, resource.Identity{Method: method}, "acme")
		})
		if err == nil {
			open = append(open, method[strings.LastIndexByte(method, '/')+1:])
		} else {
			reason(t, err, "TENANT_SUSPENDED")
		}
	}
	slices.Sort(open)
	want := []string{"CreateTenant", "DeleteMember", "DeleteServiceAccount", "DeleteTenant", "ResumeTenant", "SuspendTenant", "UndeleteTenant", "UpdateTenant"}
	if !slices.Equal(open, want) {
		t.Errorf("open in a suspended tenant: %v, want %v", open, want)
	}
}

func TestPeriodic_pass_actsOnDueResourcesAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	r.tenant()
	o := r.organisation()
	r.exec(`INSERT INTO credentials (organisation_uid, generation, secret, external_id, in_use, create_time, expire_time, roles)
		VALUES ($1, 1, 'x', 'id', true, $2::timestamptz - interval '1 hour', $2::timestamptz + interval '10 days', '{member}')`, o.UID, r.clock.Now())
	r.exec(`INSERT INTO provision_resources (uid, kind, name, tenant, verb, state, transient_state, final_state, reconciling, deleting,
		generation, observed_generation, wake_at, create_time, update_time)
		VALUES ($1, 'organisation', $2, 'acme', 'create', 'ACTIVE', 'CREATING', 'ACTIVE', false, false, 1, 1, now(), now(), now())`, o.UID, core)
	p := usecase.NewPeriodic(r.Tenancy, r.clock, 24*time.Hour, []string{"member"})
	pass := func(want int) {
		t.Helper()
		if n, err := p.Pass(ctx); n != want || err != nil {
			t.Errorf("did %d, %v; want %d", n, err, want)
		}
	}
	pass(0)
	r.clock.Advance(9 * 24 * time.Hour)
	r.must(r.SuspendTenant(ctx, own(""), "acme", ""))
	pass(0) // a suspended tenant takes no new credential
	r.must(r.ResumeTenant(ctx, own(""), "acme"))
	pass(1)
	if got := r.readOrganisation().CredentialGeneration; got != 2 {
		t.Errorf("generation %d", got)
	}
	pass(0)
	other := usecase.NewPeriodic(r.Tenancy, r.clock, time.Minute, []string{"reader", "member"})
	r.exec(`UPDATE credentials SET generation = 2`)
	if n, err := other.Pass(ctx); n != 1 || err != nil {
		t.Errorf("other roles: did %d, %v", n, err)
	}
	r.must(r.DeleteOrganisation(ctx, call("", ""), tenancy.DeleteOrganisation{Key: coreKey}))
	pass(0)
	r.clock.Advance(retention)
	pass(1)
	if o := r.readOrganisation(); !o.Removing || !o.Force {
		t.Errorf("due organisation: %+v", o)
	}
	r.must(r.DeleteTenant(ctx, own(""), tenancy.DeleteTenant{ID: "acme", Force: true}))
	r.clock.Advance(retention)
	pass(1)
	if v := r.readTenant(); !v.Removing || len(v.Cascade) != 1 {
		t.Errorf("due tenant: %+v", v)
	}
	pass(0)
}

package machines_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/nova"
	"github.com/low-layer/platform/libs/openstack/placement"
	"github.com/low-layer/platform/libs/provision"
)

func (r *rig) servers() []nova.Server {
	r.t.Helper()
	out, err := r.yard.Nova.Servers(r.t.Context(), nova.Filter{ProjectID: r.project})
	must(r.t, err)
	return out
}

func TestMachine_made_showsWhatPlacementGave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.succeeds(r.tx(r.accept("create", spec{flavor: big, count: 1})))
	got := r.seen(1)
	if len(got.Allocations) != 1 || got.Allocations[0].Resources[placement.VCPU] != 2 || got.Allocations[0].Resources[placement.RAM] != 512 ||
		got.Allocations[0].Ratios[placement.RAM] != 1 {
		t.Errorf("allocations: %+v", got.Allocations)
	}
	if len(got.Addresses) != 1 || got.Server == "" || got.Volume == "" || got.Port == "" {
		t.Errorf("sight: %+v", got)
	}
}

func TestMachines_apart_shareNoHypervisor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.succeeds(r.tx(r.accept("create", spec{flavor: small, count: 3, apart: true})))
	hosts := map[string]bool{}
	for i := range 3 {
		hosts[r.seen(i + 1).Allocations[0].Provider] = true
	}
	if len(hosts) != 3 {
		t.Errorf("three machines are on the hypervisors %v", hosts)
	}
}

func TestMachine_withoutAHost_isBlockedByTheProviderAndHoldsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.blocked(r.tx(r.accept("create", spec{flavor: huge, count: 1})))
	if b.Owner != provision.OwnerProvider || b.Reason != "CLOUD_NO_CAPACITY" || !strings.Contains(b.Message, "No valid host was found") {
		t.Errorf("blockage: %+v", b)
	}
	for _, s := range r.servers() {
		if held, err := r.yard.Placement.Allocations(t.Context(), s.ID); err != nil || len(held) > 0 {
			t.Errorf("the failed server %s holds %+v (%v)", s.ID, held, err)
		}
	}
	r.succeeds(r.tx(r.accept("update", spec{flavor: small, count: 1})))
	if left := r.servers(); len(left) != 1 || left[0].Status != nova.Active || left[0].Flavor != small {
		t.Errorf("servers: %+v", left)
	}
}

func TestMachine_ofAnUnknownFlavor_isBlockedByThePlatform(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.blocked(r.tx(r.accept("create", spec{flavor: "no-such", count: 1})))
	if b.Owner != provision.OwnerPlatform || b.Reason != "CLOUD_UNPREPARED" || !strings.Contains(b.Message, `flavor "no-such"`) {
		t.Errorf("blockage: %+v", b)
	}
}

func TestMachine_withTooMuchUserData_isRefusedBeforeNovaIsCalled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.blocked(r.tx(r.accept("create", spec{flavor: small, count: 1, data: strings.Repeat("#", nova.MaxUserData)})))
	if b.Reason != "USER_DATA_TOO_LARGE" || len(r.servers()) > 0 {
		t.Errorf("blockage: %+v, servers %v", b, r.servers())
	}
}

// mended repairs the machine, and checks that another server has the address and the volume of the former.
func (r *rig) mended(was string) {
	r.t.Helper()
	before := r.seen(1)
	steps, err := r.kind.Plan(provision.Resource{}, r.wanted())
	must(r.t, err)
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = s.Name
	}
	r.succeeds(r.tx(func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
		return e.Repair(ctx, tx, r.uid, names, was)
	}))
	after := r.seen(1)
	if after.Server == before.Server || after.Volume != before.Volume || after.Addresses[0] != before.Addresses[0] {
		r.t.Errorf("%s: before %+v, after %+v", was, before, after)
	}
	v, err := r.yard.Cinder.Volume(r.t.Context(), after.Volume)
	must(r.t, err)
	if len(v.Servers) != 1 || v.Servers[0] != after.Server {
		r.t.Errorf("%s: the volume is at %v, the server is %s", was, v.Servers, after.Server)
	}
	if left := r.servers(); len(left) != 1 {
		r.t.Errorf("%s: servers %+v", was, left)
	}
}

func TestMachine_lost_isReplacedAndKeepsDataAndAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.succeeds(r.tx(r.accept("create", spec{flavor: small, count: 1})))
	must(t, r.yard.Nova.DeleteServer(t.Context(), r.seen(1).Server))
	r.mended("the server was deleted")
	must(t, r.sim.Cloud.FailServer(r.seen(1).Server, "the disk burned"))
	r.mended("the server failed")
}

func TestMachine_stopped_isStartedByARepair(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.succeeds(r.tx(r.accept("create", spec{flavor: small, count: 1})))
	id := r.seen(1).Server
	must(t, r.yard.Nova.StopServer(t.Context(), id))
	r.succeeds(r.tx(func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
		return e.Repair(ctx, tx, r.uid, []string{"vm-1"}, "the server was stopped")
	}))
	if s, err := r.yard.Nova.Server(t.Context(), id); err != nil || s.Status != nova.Active {
		t.Errorf("server: %+v %v", s, err)
	}
}

func TestMachines_deleted_leaveNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.succeeds(r.tx(r.accept("create", spec{flavor: small, count: 2, apart: true})))
	id := r.seen(1).Server
	r.succeeds(r.tx(r.accept("delete", spec{})))
	if left, err := r.inventory(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
	if _, err := r.yard.Nova.Server(t.Context(), id); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("read the deleted server: %v", err)
	}
}

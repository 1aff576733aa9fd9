package usecase_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

func TestCreateOrganisation_refusals_nameTheFieldAndTheRemedy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.must(r.CreateTenant(t.Context(), own(""), tenancy.CreateTenant{ID: "young"}))
	r.tenant()
	r.organisation()
	many := make([]tenancy.VPCOrder, 5)
	for i := range many {
		many[i].ID = "v" + strings.Repeat("x", i+1)
	}
	r.network.refusal = errs.Failed("ASKED", "the network service is asked")
	for name, c := range map[string]struct {
		in                    tenancy.CreateOrganisation
		reason, field, remedy string
	}{
		"a wrong id":            {order("-"), errs.ReasonInvalidFields, "organisation_id", "use 2 to 40"},
		"no such tenant":        {tenancy.CreateOrganisation{Tenant: "none", ID: "core", Mode: tenancy.Dedicated}, "TENANT_NOT_FOUND", "", ""},
		"a tenant in the works": {tenancy.CreateOrganisation{Tenant: "young", ID: "core", Mode: tenancy.Dedicated}, "TENANT_NOT_READY", "", "wait for its operation"},
		"a taken id":            {order("core"), "ORGANISATION_EXISTS", "", ""},
		"outside of the tenant": {
			tenancy.CreateOrganisation{Tenant: "acme", ID: "new", Mode: tenancy.Dedicated, HubCIDR: "192.168.0.0/24"},
			"CIDR_OUTSIDE_TENANT", "organisation.hub_cidr", "choose a part of it",
		},
		"more than the default quota": {
			tenancy.CreateOrganisation{Tenant: "acme", ID: "new", Mode: tenancy.Dedicated, VPCs: many},
			errs.ReasonInvalidFields, "organisation.quota.networks", "set it",
		},
		"nothing wrong": {order("new"), "ASKED", "", ""},
	} {
		_, err := r.CreateOrganisation(t.Context(), call("", ""), c.in)
		e, ok := errs.As(err)
		if !ok || e.Reason != c.reason {
			t.Errorf("%s: got %v, want %s", name, err, c.reason)
			continue
		}
		text := e.Message
		if c.field != "" {
			if len(e.Fields) != 1 || e.Fields[0].Field != c.field {
				t.Errorf("%s: fields %+v, want %s", name, e.Fields, c.field)
				continue
			}
			text = e.Fields[0].Description
		}
		if !strings.Contains(text, c.remedy) {
			t.Errorf("%s: %q has no remedy %q", name, text, c.remedy)
		}
	}
	if n := len(r.network.calls); n != 2 { // the organisation of the rig, and the order without a mistake
		t.Errorf("the network service was asked %d times: %v", n, r.network.calls)
	}
}

func TestCreateOrganisation_repeatedCall_asksNoNetwork(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.tenant()
	first := r.must(r.CreateOrganisation(t.Context(), call("one", "a"), order("core")))
	r.network.refusal = errs.New(errs.Unavailable, "NETWORK_UNAVAILABLE", "away")
	if again := r.must(r.CreateOrganisation(t.Context(), call("one", "a"), order("core"))); again.Name != first.Name {
		t.Errorf("again: %s, want %s", again.Name, first.Name)
	}
	_, err := r.CreateOrganisation(t.Context(), call("one", "b"), order("other"))
	reason(t, err, errs.ReasonRequestIDReused)
	_, err = r.CreateOrganisation(t.Context(), call("two", "b"), order("other"))
	reason(t, err, "NETWORK_UNAVAILABLE")
	_, err = r.Organisation(t.Context(), "acme", "other")
	reason(t, err, "ORGANISATION_NOT_FOUND")
}

func TestCreateOrganisation_ordersAtOnce_oneOfAnIdAndNoneBeyondTheQuota(t *testing.T) {
	t.Parallel()
	r := newRig(t) // a quota of 3
	r.tenant()
	failures := make([]error, 8)
	var all sync.WaitGroup
	ids := []string{"aa", "aa", "bb", "bb", "cc", "cc", "dd", "dd"}
	r.network.busy = true
	for i, id := range ids {
		all.Go(func() { _, failures[i] = r.CreateOrganisation(t.Context(), call("", ""), order(id)) })
	}
	all.Wait()
	made := 0
	for i, err := range failures {
		switch errs.ReasonOf(err) {
		case "ORGANISATION_EXISTS", "QUOTA_EXCEEDED":
		default:
			if err != nil {
				t.Errorf("%s: %v", ids[i], err)
			} else {
				made++
			}
		}
	}
	if made != 3 {
		t.Errorf("%d organisations were made, the quota is 3", made)
	}
}

func TestOrganisation_suspendedTenant_refusesEveryCommand(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	v := r.tenant()
	o := r.organisation()
	r.must(r.SuspendTenant(ctx, own(""), "acme", "unpaid"))
	for name, command := range map[string]func() (*provision.Operation, error){
		"create": func() (*provision.Operation, error) { return r.CreateOrganisation(ctx, call("", ""), order("new")) },
		"update": func() (*provision.Operation, error) {
			return r.UpdateOrganisation(ctx, call("", ""), tenancy.UpdateOrganisation{Key: coreKey})
		},
		"rotate":   func() (*provision.Operation, error) { return r.RotateCredential(ctx, call("", ""), coreKey) },
		"undelete": func() (*provision.Operation, error) { return r.UndeleteOrganisation(ctx, call("", ""), coreKey) },
		"delete": func() (*provision.Operation, error) {
			return r.DeleteOrganisation(ctx, call("", ""), tenancy.DeleteOrganisation{Key: coreKey})
		},
		"purge": func() (*provision.Operation, error) {
			return r.DeleteOrganisation(ctx, call("", ""), tenancy.DeleteOrganisation{Key: coreKey, Force: true, Purge: true})
		},
	} {
		if _, err := command(); errs.ReasonOf(err) != "TENANT_SUSPENDED" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if r.readOrganisation().Etag() != o.Etag() {
		t.Error("a refused command changed the organisation")
	}
	// The tenant itself can still be updated and deleted.
	r.must(r.UpdateTenant(ctx, own(""), tenancy.UpdateTenant{ID: v.ID}))
	r.must(r.DeleteTenant(ctx, own(""), tenancy.DeleteTenant{ID: v.ID, Force: true, Purge: true}))
}

func TestDeleteOrganisation_vpcsOrProtection_areRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	r.tenant()
	o := r.organisation()
	remove := func(in tenancy.DeleteOrganisation) error {
		in.Key = coreKey
		_, err := r.DeleteOrganisation(ctx, call("", ""), in)
		return err
	}
	r.network.vpcs = []string{core + "/vpcs/dev"}
	err := remove(tenancy.DeleteOrganisation{})
	reason(t, err, "ORGANISATION_NOT_EMPTY")
	if e, _ := errs.As(err); !strings.Contains(e.Message, core+"/vpcs/dev") || !strings.Contains(e.Message, "set force") {
		t.Errorf("the refusal names neither the VPC nor the remedy: %s", e.Message)
	}
	r.network.protected = []string{core + "/vpcs/dev"}
	reason(t, remove(tenancy.DeleteOrganisation{Force: true}), "DELETION_PROTECTED")
	r.network.vpcs, r.network.protected = nil, nil
	on := true
	r.must(r.UpdateOrganisation(ctx, call("", ""), tenancy.UpdateOrganisation{Key: coreKey, Protected: &on}))
	for _, in := range []tenancy.DeleteOrganisation{{}, {Purge: true}, {Force: true, Purge: true}} {
		reason(t, remove(in), "DELETION_PROTECTED")
	}
	on = false
	r.must(r.UpdateOrganisation(ctx, call("", ""), tenancy.UpdateOrganisation{Key: coreKey, Protected: &on}))
	reason(t, remove(tenancy.DeleteOrganisation{Etag: o.Etag()}), errs.ReasonEtagMismatch)
	if err := remove(tenancy.DeleteOrganisation{}); err != nil {
		t.Fatal(err)
	}
	reason(t, remove(tenancy.DeleteOrganisation{}), "ORGANISATION_DELETED")
	for name, err := range map[string]error{"rotate": second(r.RotateCredential(ctx, call("", ""), coreKey)), "create": second(r.CreateOrganisation(ctx, call("", ""), order("core")))} {
		if got := errs.ReasonOf(err); got != "ORGANISATION_DELETED" && got != "ORGANISATION_EXISTS" {
			t.Errorf("%s in a deleted organisation: %v", name, err)
		}
	}
	r.must(r.UndeleteOrganisation(ctx, call("", ""), coreKey))
	_, err = r.UndeleteOrganisation(ctx, call("", ""), coreKey)
	reason(t, err, "ORGANISATION_NOT_DELETED")
}

func TestDeleteOrganisation_purgeUnderWay_isJoinedAndForced(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx := t.Context()
	r.tenant()
	r.organisation()
	first := r.must(r.DeleteOrganisation(ctx, call("first", ""), tenancy.DeleteOrganisation{Key: coreKey, Purge: true}))
	r.network.vpcs = []string{core + "/vpcs/late"}
	second := r.must(r.DeleteOrganisation(ctx, call("second", ""), tenancy.DeleteOrganisation{Key: coreKey, Purge: true, Force: true}))
	if second.Name != first.Name || !r.readOrganisation().Force || r.engine.hastened != 1 {
		t.Errorf("the second purge: %s, want %s; hastened %d times", second.Name, first.Name, r.engine.hastened)
	}
	if again := r.must(r.DeleteOrganisation(ctx, call("second", ""), tenancy.DeleteOrganisation{Key: coreKey, Purge: true, Force: true})); again.Name != first.Name {
		t.Errorf("the repeated call: %s, want %s", again.Name, first.Name)
	}
}

func TestSettleOrganisation_quota_followsTheOrganisation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	counts := func(inUse, reserved int64) {
		t.Helper()
		all, err := r.ledger.List(t.Context(), r.pool, "acme", tenant)
		if err != nil || len(all) != 1 || all[0].InUse != inUse || all[0].Reserved != reserved {
			t.Errorf("got %+v, %v; want %d in use, %d reserved", all, err, inUse, reserved)
		}
	}
	r.tenant()
	op := r.must(r.CreateOrganisation(t.Context(), call("", ""), order("core")))
	counts(0, 1)
	r.settle(tenancy.KindOrganisation, op.ResourceUID, provision.Blocked, false, false)
	counts(0, 1)
	r.settle(tenancy.KindOrganisation, op.ResourceUID, provision.Unblocked, false, false)
	r.settle(tenancy.KindOrganisation, op.ResourceUID, provision.Done, false, true)
	counts(1, 0)
	ready := r.readOrganisation().ReadyTime
	r.clock.Advance(retention)
	r.settle(tenancy.KindOrganisation, op.ResourceUID, provision.Done, false, true)
	if !r.readOrganisation().ReadyTime.Equal(ready) {
		t.Error("the time of the first creation moved")
	}
	r.settle(tenancy.KindOrganisation, op.ResourceUID, provision.Done, true, false)
	counts(0, 0)
	r.wantEvents(core, "organisation.blocked", "organisation.unblocked", "organisation.created", "organisation.purged")
}

func TestListOrganisations_absentTenant_isNotFound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.ListOrganisations(t.Context(), "none", resource.List{Size: 10})
	reason(t, err, "TENANT_NOT_FOUND")
	r.tenant()
	r.organisation()
	r.must(r.DeleteOrganisation(t.Context(), call("", ""), tenancy.DeleteOrganisation{Key: coreKey}))
	for all, want := range map[bool]int{false: 0, true: 1} {
		page, err := r.ListOrganisations(t.Context(), "acme", resource.List{Size: 10, All: all})
		if err != nil || len(page.Items) != want {
			t.Errorf("deleted ones %t: %d organisations, %v", all, len(page.Items), err)
		}
	}
}

func second(_ *provision.Operation, err error) error { return err }

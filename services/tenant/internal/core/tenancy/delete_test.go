package tenancy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/errs"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const week = 7 * 24 * time.Hour

// family is a tenant with an organisation in each stage of life.
func family() (Tenant, []Organisation) {
	at := func(o Organisation) Organisation {
		o.TenantID, o.UID = "acme", "org_"+o.ID
		return o
	}
	return Tenant{ID: "acme", UID: "ten_1"}, []Organisation{
		at(Organisation{ID: "live"}),
		at(Organisation{ID: "left", DeleteTime: noon.Add(-time.Hour), PurgeTime: noon.Add(week)}),
		at(Organisation{ID: "going", DeleteTime: noon.Add(-time.Hour), Removing: true}),
	}
}

func ids(orgs []Organisation) string {
	out := make([]string, len(orgs))
	for i, o := range orgs {
		out[i] = o.ID
	}
	return strings.Join(out, " ")
}

func TestTenantDelete_decidesOnItsOrganisations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change        func(*Tenant, []Organisation)
		force         bool
		reason, along string
		children      string
	}{
		"empty":                           {func(_ *Tenant, o []Organisation) { o[0].Removing = true }, false, "", "", ""},
		"an organisation":                 {func(*Tenant, []Organisation) {}, false, "TENANT_NOT_EMPTY", "", "tenants/acme/organisations/live"},
		"force":                           {func(*Tenant, []Organisation) {}, true, "", "live", ""},
		"protected":                       {func(t *Tenant, _ []Organisation) { t.Protected = true }, true, "DELETION_PROTECTED", "", ""},
		"a protected organisation":        {func(_ *Tenant, o []Organisation) { o[0].Protected = true }, true, "DELETION_PROTECTED", "", ""},
		"a protected one deleted already": {func(_ *Tenant, o []Organisation) { o[1].Protected = true }, true, "", "live", ""},
		"deleted already":                 {func(t *Tenant, _ []Organisation) { t.DeleteTime = noon }, true, "TENANT_DELETED", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ten, orgs := family()
			c.change(&ten, orgs)
			before := slices.Clone(orgs)
			along, err := ten.Delete(orgs, c.force, noon, week)
			if errs.ReasonOf(err) != c.reason || ids(along) != c.along {
				t.Fatalf("along %q, %v; want %q, %s", ids(along), err, c.along, c.reason)
			}
			if e, ok := errs.As(err); ok && e.Metadata["children"] != c.children {
				t.Errorf("children %q, want %q", e.Metadata["children"], c.children)
			}
			for i := range orgs {
				if orgs[i].Etag() != before[i].Etag() || orgs[i].Deleted() != before[i].Deleted() {
					t.Errorf("the given %s was changed", orgs[i].ID)
				}
			}
			if err != nil {
				return
			}
			if !ten.DeleteTime.Equal(noon) || !ten.PurgeTime.Equal(noon.Add(week)) || ten.Removing {
				t.Errorf("the tenant is %+v", ten)
			}
			for _, o := range along {
				if !o.DeletedWithTenant || !o.DeleteTime.Equal(noon) || !o.PurgeTime.Equal(ten.PurgeTime) {
					t.Errorf("%s is %+v", o.ID, o)
				}
			}
		})
	}
}

func TestTenantRemove_needsForceForAllButThoseGoing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change           func(*Tenant, []Organisation)
		force            bool
		reason, children string
	}{
		"deleted ones count":      {func(*Tenant, []Organisation) {}, false, "TENANT_NOT_EMPTY", "tenants/acme/organisations/live,tenants/acme/organisations/left"},
		"those going do not":      {func(_ *Tenant, o []Organisation) { o[0].Removing, o[1].Removing = true, true }, false, "", ""},
		"force":                   {func(*Tenant, []Organisation) {}, true, "", ""},
		"a protected one going":   {func(_ *Tenant, o []Organisation) { o[2].Protected = true }, true, "DELETION_PROTECTED", ""},
		"a protected tenant":      {func(t *Tenant, _ []Organisation) { t.Protected = true }, true, "DELETION_PROTECTED", ""},
		"a tenant deleted before": {func(t *Tenant, _ []Organisation) { t.DeleteTime, t.PurgeTime = noon.Add(-week), noon }, true, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ten, orgs := family()
			c.change(&ten, orgs)
			deleted := ten.DeleteTime
			err := ten.Remove(orgs, c.force, noon)
			if errs.ReasonOf(err) != c.reason {
				t.Fatalf("got %v, want %s", err, c.reason)
			}
			if e, ok := errs.As(err); ok && e.Metadata["children"] != c.children {
				t.Errorf("children %q, want %q", e.Metadata["children"], c.children)
			}
			if err == nil && (!ten.Removing || !ten.PurgeTime.IsZero() || ten.DeleteTime.IsZero() || (!deleted.IsZero() && ten.DeleteTime != deleted)) {
				t.Errorf("the tenant is %+v", ten)
			}
		})
	}
}

func TestTenantUndelete_bringsBackWhatWentWithIt(t *testing.T) {
	t.Parallel()
	ten, orgs := family()
	if _, err := ten.Undelete(orgs, noon); errs.ReasonOf(err) != "TENANT_NOT_DELETED" {
		t.Errorf("a live tenant: %v", err)
	}
	along, err := ten.Delete(orgs, true, noon, week)
	if err != nil {
		t.Fatal(err)
	}
	all := append(along, orgs[1:]...)
	late := ten
	if _, err := late.Undelete(all, noon.Add(week)); errs.ReasonOf(err) != "TENANT_DELETED" {
		t.Errorf("past the purge time: %v", err)
	}
	back, err := ten.Undelete(all, noon.Add(time.Hour))
	if err != nil || ids(back) != "live" || back[0].Deleted() || back[0].DeletedWithTenant || ten.Deleted() {
		t.Errorf("back %+v, %v", back, err)
	}
}

func TestOrganisation_deleteRemoveUndelete(t *testing.T) {
	t.Parallel()
	o := Organisation{TenantID: "acme", ID: "core", Protected: true}
	if err := o.Delete(noon, week); errs.ReasonOf(err) != "DELETION_PROTECTED" {
		t.Errorf("protected: %v", err)
	}
	o.Protected = false
	if err := o.Undelete(noon); errs.ReasonOf(err) != "ORGANISATION_NOT_DELETED" {
		t.Errorf("live: %v", err)
	}
	if err := o.Delete(noon, week); err != nil || !o.PurgeTime.Equal(noon.Add(week)) || o.Settled() != StateDeleted {
		t.Errorf("deleted: %+v, %v", o, err)
	}
	for name, err := range map[string]error{"delete": o.Delete(noon, week), "rotate": o.Rotate(), "update": UpdateOrganisation{}.Apply(&o)} {
		if errs.ReasonOf(err) != "ORGANISATION_DELETED" {
			t.Errorf("%s of a deleted one: %v", name, err)
		}
	}
	back := o
	if err := back.Undelete(noon.Add(week - time.Second)); err != nil || back.Deleted() || back.Settled() != StateActive {
		t.Errorf("undeleted: %+v, %v", back, err)
	}
	o.Remove(false, noon.Add(time.Hour))
	if !o.Removing || o.Force || !o.PurgeTime.IsZero() || !o.DeleteTime.Equal(noon) {
		t.Errorf("removed: %+v", o)
	}
	o.Remove(true, noon)
	o.Remove(false, noon)
	if !o.Force {
		t.Error("force is lost by a later removal without it")
	}
	if err := o.Undelete(noon); errs.ReasonOf(err) != "ORGANISATION_DELETED" {
		t.Errorf("being removed: %v", err)
	}
}

// In any sequence of changes consumers see a creation first, and never the same event twice in a row but updates.
func TestEvents_anyLife_areInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ten := Tenant{ID: "acme", Revision: 1}
		var told []string
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			switch rapid.IntRange(0, 5).Draw(rt, "change") {
			case 0:
				_ = ten.Suspend("")
			case 1:
				_ = ten.Resume()
			case 2:
				_, _ = ten.Delete(nil, false, noon, week)
			case 3:
				_, _ = ten.Undelete(nil, noon)
			case 4:
				told = append(told, ten.Settle()...)
				continue
			}
			ten.Revision++
			told = append(told, ten.Restrict()...)
		}
		told = append(told, ten.Settle()...)
		open := true // as a consumer believes
		for i, e := range told {
			if (e == "tenant.created") != (i == 0) {
				rt.Fatalf("event %d of %v", i, told)
			}
			if i > 0 && told[i-1] == e && e != "tenant.updated" {
				rt.Fatalf("%s twice in %v", e, told)
			}
			switch e {
			case "tenant.suspended", "tenant.deleted":
				open = false
			case "tenant.resumed", "tenant.undeleted":
				open = true
			}
		}
		if created := len(told) == 1; !created && open != ten.Enabled() {
			rt.Fatalf("consumers believe it is open: %t, it is %t, after %v", open, ten.Enabled(), told)
		}
		if again := ten.Settle(); again != nil {
			rt.Fatalf("published twice: %v", again)
		}
	})
}

func TestRestrict_publishesEachRestrictionOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tenant Tenant
		want   string
	}{
		"active":                    {Tenant{}, ""},
		"suspended":                 {Tenant{Suspended: true, Announced: Announced{LifeActive, 1}}, "tenant.suspended"},
		"suspended before its time": {Tenant{Suspended: true}, "tenant.created tenant.suspended"},
		"suspended already":         {Tenant{Suspended: true, Announced: Announced{LifeSuspended, 1}}, ""},
		"deleted":                   {Tenant{DeleteTime: noon, Announced: Announced{LifeActive, 1}}, "tenant.deleted"},
		"deleted while suspended":   {Tenant{Suspended: true, DeleteTime: noon, Announced: Announced{LifeSuspended, 1}}, "tenant.deleted"},
		"purged after its deletion": {Tenant{Removing: true, Announced: Announced{LifeDeleted, 1}}, ""},
	} {
		if got := strings.Join(c.tenant.Restrict(), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if again := c.tenant.Restrict(); again != nil {
			t.Errorf("%s: again %v", name, again)
		}
	}
}

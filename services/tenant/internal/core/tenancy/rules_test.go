package tenancy

import (
	"slices"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

func TestLife(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		tenant  Tenant
		life    Life
		state   State
		enabled bool
		open    string
	}{
		"active":             {Tenant{}, LifeActive, StateActive, true, ""},
		"suspended":          {Tenant{Suspended: true}, LifeSuspended, StateSuspended, false, "TENANT_SUSPENDED"},
		"deleted":            {Tenant{DeleteTime: now}, LifeDeleted, StateDeleted, false, "TENANT_DELETED"},
		"suspended, deleted": {Tenant{Suspended: true, DeleteTime: now}, LifeDeleted, StateDeleted, false, "TENANT_DELETED"},
		"on its way out":     {Tenant{Removing: true}, LifeDeleted, StateDeleted, false, "TENANT_DELETED"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.tenant.Life() != c.life || c.tenant.Settled() != c.state || c.tenant.Enabled() != c.enabled {
				t.Errorf("got %s %s %t", c.tenant.Life(), c.tenant.Settled(), c.tenant.Enabled())
			}
			if got := errs.ReasonOf(c.tenant.Changeable()); got != c.open {
				t.Errorf("open: %q, want %q", got, c.open)
			}
		})
	}
}

func TestSettledEvents(t *testing.T) {
	for name, c := range map[string]struct {
		told     Announced
		life     Life
		revision int64
		want     []string
	}{
		"first":                  {Announced{}, LifeActive, 1, []string{"x.created"}},
		"first, suspended":       {Announced{}, LifeSuspended, 1, []string{"x.created"}},
		"nothing new":            {Announced{LifeActive, 3}, LifeActive, 3, nil},
		"changed":                {Announced{LifeActive, 3}, LifeActive, 4, []string{"x.updated"}},
		"suspension was told":    {Announced{LifeSuspended, 4}, LifeSuspended, 4, nil},
		"resumed":                {Announced{LifeSuspended, 4}, LifeActive, 5, []string{"x.resumed"}},
		"resumed and changed":    {Announced{LifeSuspended, 4}, LifeActive, 6, []string{"x.resumed"}},
		"undeleted":              {Announced{LifeDeleted, 4}, LifeActive, 5, []string{"x.undeleted"}},
		"undeleted as suspended": {Announced{LifeDeleted, 4}, LifeSuspended, 5, []string{"x.undeleted", "x.suspended"}},
		"deletion was told":      {Announced{LifeDeleted, 4}, LifeDeleted, 4, nil},
	} {
		t.Run(name, func(t *testing.T) {
			now := c.told
			got := settle("x.", &now, c.life, c.revision)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if again := settle("x.", &now, c.life, c.revision); again != nil {
				t.Errorf("told twice: %v", again)
			}
		})
	}
}

func TestRevivable(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		deleted, removing bool
		purge             time.Time
		want              string
	}{
		"live":           {false, false, time.Time{}, "TENANT_NOT_DELETED"},
		"in time":        {true, false, now.Add(time.Second), ""},
		"at the end":     {true, false, now, "TENANT_DELETED"},
		"on its way out": {true, true, time.Time{}, "TENANT_DELETED"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := errs.ReasonOf(revivable("TENANT", "tenants/acme", c.deleted, c.removing, c.purge, now)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestEtag(t *testing.T) {
	a := Organisation{UID: "org_1", Revision: 1}
	b := a
	b.Status.Reconciling = true
	if a.Etag() != b.Etag() {
		t.Error("the etag changes although nobody changed the organisation")
	}
	b.Revision++
	if a.Etag() == b.Etag() {
		t.Error("the etag stays although somebody changed the organisation")
	}
}

func TestList_manyNames_namesTen(t *testing.T) {
	names := make([]string, 12)
	for i := range names {
		names[i] = string(rune('a' + i))
	}
	if got := list(names); got != "a, b, c, d, e, f, g, h, i, j and others" {
		t.Errorf("got %q", got)
	}
}

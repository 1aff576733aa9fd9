package member_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

var (
	acme = member.Scope{Tenant: "acme"}
	core = member.Scope{Tenant: "acme", Organisation: "core"}
	dev  = member.Scope{Tenant: "acme", Organisation: "core", Vpc: "dev"}
)

func roles(r ...member.Role) []member.Role { return r }

func reason(t *testing.T, name string, err error, want string) {
	t.Helper()
	if got := errs.ReasonOf(err); (err == nil) != (want == "") || got != want {
		t.Errorf("%s: got %v, want %q", name, err, want)
	}
}

func TestSorted_roles_inTheirOrderAndOnce(t *testing.T) {
	t.Parallel()
	got := member.Sorted(roles(member.Billing, member.Owner, "unknown", member.Billing))
	if !slices.Equal(got, roles(member.Owner, member.Billing)) {
		t.Errorf("got %v", got)
	}
}

func TestParseScope_name_comesBack(t *testing.T) {
	t.Parallel()
	for _, s := range []member.Scope{acme, core, dev} {
		if got, err := member.ParseScope(s.Name()); err != nil || got != s {
			t.Errorf("%s: %+v, %v", s.Name(), got, err)
		}
	}
	for _, bad := range []string{"", "tenants", "tenants/A", "tenants/acme/vpcs/dev", "organisations/core", "tenants/acme/organisations/core/clusters/x"} {
		if got, err := member.ParseScope(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestParseKey_malformedName_isRefused(t *testing.T) {
	t.Parallel()
	if k, err := member.ParseKey(dev.Name()+"/members/s-1", "members"); err != nil || k.Scope != dev || k.ID != "s-1" {
		t.Errorf("got %+v, %v", k, err)
	}
	for _, bad := range []string{dev.Name(), dev.Name() + "/members/", dev.Name() + "/members/a/b", dev.Name() + "/serviceAccounts/ci"} {
		_, err := member.ParseKey(bad, "members")
		reason(t, bad, err, "INVALID_NAME")
	}
}

func TestHolds_scope_coversItselfAndBelow(t *testing.T) {
	t.Parallel()
	all := []member.Scope{acme, core, dev}
	for i, above := range all {
		for j, below := range all {
			if got := above.Holds(below); got != (i <= j) {
				t.Errorf("%s holds %s: %t", above.Name(), below.Name(), got)
			}
		}
	}
	for _, other := range []member.Scope{{Tenant: "other"}, {Tenant: "acme", Organisation: "x"}, {Tenant: "acme", Organisation: "core", Vpc: "x"}} {
		if dev.Holds(other) || (other.Tenant != "acme" && acme.Holds(other)) {
			t.Errorf("%s is held", other.Name())
		}
	}
}

func TestValidate_badInput_namesEachField(t *testing.T) {
	t.Parallel()
	key := member.Key{Scope: acme, ID: "ci"}
	for name, c := range map[string]struct {
		err    error
		fields []string
	}{
		"member":            {member.Create{Scope: acme, Email: "ada@acme.test", Roles: roles(member.Viewer)}.Validate(), nil},
		"member, empty":     {member.Create{Scope: acme, Roles: roles("unknown")}.Validate(), []string{"member.email", "member.roles"}},
		"update, no role":   {member.Update{Key: key}.Validate(), []string{"member.roles"}},
		"account":           {member.CreateAccount{Key: key, Roles: roles(member.Admin)}.Validate(), nil},
		"account, shortest": {member.CreateAccount{Key: key, Roles: roles(member.Admin), Lifetime: time.Hour}.Validate(), nil},
		"account, longest":  {member.CreateAccount{Key: key, Roles: roles(member.Admin), Lifetime: 400 * 24 * time.Hour}.Validate(), nil},
		"account, bad": {
			member.CreateAccount{Key: member.Key{Scope: acme, ID: "C"}, Lifetime: time.Hour - 1}.Validate(),
			[]string{"service_account_id", "service_account.roles", "lifetime"},
		},
		"rotate, too long": {member.Rotate{Key: key, Lifetime: 400*24*time.Hour + 1}.Validate(), []string{"lifetime"}},
	} {
		var got []string
		if e, ok := errs.As(c.err); ok {
			for _, f := range e.Fields {
				got = append(got, f.Field)
			}
		}
		if !slices.Equal(got, c.fields) {
			t.Errorf("%s: %v, want %v", name, c.err, c.fields)
		}
	}
}

func TestExpiry_noLifetime_takesTheDefault(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if got := member.Expiry(now, 0); got != now.Add(90*24*time.Hour) {
		t.Errorf("default: %s", got)
	}
	if got := member.Expiry(now, time.Hour); got != now.Add(time.Hour) {
		t.Errorf("an hour: %s", got)
	}
}

func TestOwnerRequired_callerBelowOwner_givesNoOwner(t *testing.T) {
	t.Parallel()
	reason(t, "admin gives owner", member.OwnerRequired(false, core, roles(member.Owner)), "OWNER_REQUIRED")
	reason(t, "admin gives admin", member.OwnerRequired(false, core, roles(member.Admin)), "")
	reason(t, "owner gives owner", member.OwnerRequired(true, core, roles(member.Owner)), "")
}

func TestTrust_unverifiedAccount_getsWhatItsMakersCouldGive(t *testing.T) {
	t.Parallel()
	ada := directory.Person{ID: "ada", Email: "ada@acme.test"}
	has := func(s member.Scope, vouched bool) []member.Member {
		return []member.Member{{Scope: acme, Subject: "bob", Vouched: true}, {Scope: s, Subject: "ada", Vouched: vouched}}
	}
	for name, c := range map[string]struct {
		members  []member.Member
		scope    member.Scope
		role     member.Role
		verified bool
		fresh    bool
		known    bool
		reason   string
	}{
		"stranger":                      {nil, acme, member.Viewer, false, false, false, "PERSON_UNVERIFIED"},
		"verified stranger":             {nil, acme, member.Owner, true, false, false, ""},
		"fresh":                         {nil, acme, member.Owner, false, true, false, ""},
		"below its place":               {has(core, false), dev, member.Operator, false, false, true, ""},
		"at its place":                  {has(core, false), core, member.Viewer, false, false, true, ""},
		"above its place":               {has(core, true), acme, member.Viewer, false, false, true, "PERSON_UNVERIFIED"},
		"beside its place":              {has(dev, true), member.Scope{Tenant: "acme", Organisation: "x"}, member.Viewer, false, false, true, "PERSON_UNVERIFIED"},
		"owner, made by an admin":       {has(core, false), dev, member.Owner, false, false, true, "PERSON_UNVERIFIED"},
		"owner, made by an owner":       {has(core, true), dev, member.Owner, false, false, true, ""},
		"owner above, made by an owner": {has(core, true), acme, member.Owner, false, false, true, "PERSON_UNVERIFIED"},
	} {
		p := ada
		p.Verified = c.verified
		known, err := member.Trust(c.members, member.Create{Scope: c.scope, Roles: roles(c.role)}, p, c.fresh)
		reason(t, name, err, c.reason)
		if known != c.known {
			t.Errorf("%s: known is %t", name, known)
		}
	}
	if known, err := member.Trust([]member.Member{{Scope: acme}}, member.Create{Scope: acme}, directory.Person{}, true); known || err != nil {
		t.Errorf("a person without an account: %t, %v", known, err)
	}
}

func TestTrustOwner_promotion_needsAVerifiedAccount(t *testing.T) {
	t.Parallel()
	m := member.Member{Subject: "ada", Roles: roles(member.Viewer)}
	vouched, owner := m, m
	vouched.Vouched, owner.Roles = true, roles(member.Owner)
	for name, c := range map[string]struct {
		m     member.Member
		to    member.Role
		needs bool
	}{
		"viewer to owner": {m, member.Owner, true}, "viewer to admin": {m, member.Admin, false},
		"made by an owner": {vouched, member.Owner, false}, "owner already": {owner, member.Owner, false},
	} {
		if got := c.m.NeedsTrust(roles(c.to)); got != c.needs {
			t.Errorf("%s: needs trust: %t", name, got)
		}
	}
	reason(t, "verified", m.TrustOwner(directory.Person{ID: "ada", Verified: true}), "")
	reason(t, "unverified", m.TrustOwner(directory.Person{ID: "ada"}), "PERSON_UNVERIFIED")
	reason(t, "another account", m.TrustOwner(directory.Person{ID: "eve", Verified: true}), "PERSON_UNVERIFIED")
}

func TestChangeable_lastOwner_stays(t *testing.T) {
	t.Parallel()
	seat := func(id string, program bool) directory.Seat {
		return directory.Seat{Person: directory.Person{ID: id}, Group: acme.Group(member.Owner), Program: program}
	}
	at := func(s member.Scope, r ...member.Role) member.Member {
		return member.Member{UID: "mbr_1", Scope: s, Subject: "ada", Roles: r, Revision: 1}
	}
	alone, two := []directory.Seat{seat("ada", false)}, []directory.Seat{seat("ada", false), seat("bob", false)}
	for name, c := range map[string]struct {
		m      member.Member
		tag    string
		owners []directory.Seat
		owns   bool
		to     []member.Role
		reason string
	}{
		"last owner leaves":               {at(acme, member.Owner), "", alone, true, nil, "LAST_OWNER"},
		"last owner becomes admin":        {at(acme, member.Owner), "", alone, true, roles(member.Admin), "LAST_OWNER"},
		"last owner stays owner":          {at(acme, member.Owner), "", alone, true, roles(member.Owner, member.Billing), ""},
		"one of two leaves":               {at(acme, member.Owner), "", two, true, nil, ""},
		"a program is no other owner":     {at(acme, member.Owner), "", append(slices.Clone(alone), seat("robot", true)), true, nil, "LAST_OWNER"},
		"owner in the directory only":     {at(acme, member.Viewer), "", alone, true, nil, "LAST_OWNER"},
		"owner in our records only":       {at(acme, member.Owner), "", []directory.Seat{seat("bob", false)}, true, nil, ""},
		"owner of an organisation leaves": {at(core, member.Owner), "", alone, true, nil, ""},
		"admin removes an owner":          {at(acme, member.Owner), "", two, false, nil, "OWNER_REQUIRED"},
		"admin removes an unrecorded one": {at(acme, member.Viewer), "", two, false, nil, "OWNER_REQUIRED"},
		"admin promotes":                  {at(acme, member.Viewer), "", nil, false, roles(member.Owner), "OWNER_REQUIRED"},
		"admin removes a viewer":          {at(acme, member.Viewer), "", nil, false, nil, ""},
		"an old etag":                     {at(acme, member.Viewer), "stale", nil, true, nil, "ETAG_MISMATCH"},
	} {
		reason(t, name, c.m.Changeable(c.tag, c.owners, c.owns, c.to), c.reason)
	}
}

func TestChangeable_accountOfAnOwner_needsAnOwner(t *testing.T) {
	t.Parallel()
	a := member.Account{UID: "sac_1", Scope: acme, ID: "ci", Roles: roles(member.Owner), Revision: 1}
	reason(t, "admin", a.Changeable("", false), "OWNER_REQUIRED")
	reason(t, "owner", a.Changeable(a.Etag(), true), "")
	reason(t, "old etag", a.Changeable("stale", true), "ETAG_MISMATCH")
}

func TestGroups_roles_joinTheirsAndLeaveTheRest(t *testing.T) {
	t.Parallel()
	join, leave := core.Groups(roles(member.Viewer, member.Owner))
	if !slices.Equal(join, []string{core.Group(member.Owner), core.Group(member.Viewer)}) || len(leave) != 3 || slices.Contains(leave, join[0]) {
		t.Errorf("join %v, leave %v", join, leave)
	}
	if join, leave := core.Groups(nil); len(join) != 0 || len(leave) != len(member.Roles) {
		t.Errorf("no roles: join %v, leave %v", join, leave)
	}
}

func TestRoom_beyondTheBound_namesTheSetting(t *testing.T) {
	t.Parallel()
	for have, want := range map[int]string{0: "", 2: "", 3: "QUOTA_EXCEEDED", 9: "QUOTA_EXCEEDED"} {
		err := member.Room("acme", "members", have, 3, "LOWLAYER_TENANT_QUOTA_MEMBERS")
		if errs.ReasonOf(err) != want {
			t.Errorf("%d of 3: got %v, want %q", have, err, want)
		}
		if e, ok := errs.As(err); ok && (e.Code != errs.ResourceExhausted || !strings.Contains(e.Message, "LOWLAYER_TENANT_QUOTA_MEMBERS") || e.Metadata["resource"] != "tenants/acme") {
			t.Errorf("%d of 3: %+v", have, e)
		}
	}
}

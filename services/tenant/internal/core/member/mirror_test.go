package member_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/services/tenant/internal/core/directory"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

func sits(id string, s member.Scope, r member.Role) directory.Seat {
	return directory.Seat{Person: directory.Person{ID: id, Email: id + "@acme.test", Name: id}, Group: s.Group(r)}
}

func TestParseGroup_otherGroups_areLeftOut(t *testing.T) {
	t.Parallel()
	if s, r, ok := member.ParseGroup(dev.Group(member.Viewer)); !ok || s != dev || r != member.Viewer {
		t.Errorf("got %+v, %s, %t", s, r, ok)
	}
	for _, bad := range []string{"", "owner", "tenants/acme", "tenants/acme/boss", "staff/acme/owner"} {
		if s, r, ok := member.ParseGroup(bad); ok {
			t.Errorf("%q was read as %+v, %s", bad, s, r)
		}
	}
}

func TestMirror_directory_decides(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	have := []member.Member{
		{UID: "mbr_same", Scope: acme, Subject: "ada", Email: "ada@acme.test", DisplayName: "ada", Roles: roles(member.Owner), Revision: 3},
		{UID: "mbr_more", Scope: acme, Subject: "bob", Email: "bob@acme.test", DisplayName: "bob", Roles: roles(member.Viewer), Revision: 1, Vouched: true},
		{UID: "mbr_gone", Scope: acme, Subject: "eve", Roles: roles(member.Viewer), Revision: 1},
	}
	robot := sits("robot", acme, member.Owner)
	robot.Program = true
	d := member.Mirror("ten_1", have, []directory.Seat{
		sits("ada", acme, member.Owner), sits("bob", acme, member.Viewer), sits("bob", acme, member.Billing), sits("new", dev, member.Admin), robot,
		{Person: directory.Person{ID: "x"}, Group: "elsewhere"},
	}, now)
	if len(d.Delete) != 1 || d.Delete[0].UID != "mbr_gone" {
		t.Errorf("deleted %+v", d.Delete)
	}
	if d.Len() != 3 || len(d.Put) != 2 {
		t.Fatalf("put %+v", d.Put)
	}
	bob, made := d.Put[0], d.Put[1]
	if bob.UID != "mbr_more" || !slices.Equal(bob.Roles, roles(member.Viewer, member.Billing)) || bob.Revision != 2 || bob.UpdateTime != now || !bob.Vouched {
		t.Errorf("changed %+v", bob)
	}
	if made.UID == "" || made.TenantUID != "ten_1" || made.Scope != dev || made.Subject != "new" || made.Revision != 1 || made.CreateTime != now || made.Vouched {
		t.Errorf("made %+v", made)
	}
}

// apply is our records after a delta.
func apply(have []member.Member, d member.Delta) []member.Member {
	var out []member.Member
	for _, m := range have {
		if !slices.ContainsFunc(slices.Concat(d.Delete, d.Put), func(x member.Member) bool { return x.UID == m.UID }) {
			out = append(out, m)
		}
	}
	return append(out, d.Put...)
}

func TestMirror_secondTime_changesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) []directory.Seat {
			var out []directory.Seat
			for i := range rapid.IntRange(0, 8).Draw(t, label) {
				who := rapid.SampledFrom([]string{"ada", "bob", "eve"}).Draw(t, fmt.Sprint(label, i, "who"))
				scope := rapid.SampledFrom([]member.Scope{acme, core, dev}).Draw(t, fmt.Sprint(label, i, "scope"))
				out = append(out, sits(who, scope, rapid.SampledFrom(member.Roles).Draw(t, fmt.Sprint(label, i, "role"))))
			}
			return out
		}
		now := time.Unix(0, 0)
		have := apply(nil, member.Mirror("ten_1", nil, draw("before"), now))
		seats := draw("after")
		have = apply(have, member.Mirror("ten_1", have, seats, now))
		if d := member.Mirror("ten_1", have, seats, now); d.Len() != 0 {
			t.Fatalf("the second time changes %+v", d)
		}
		for _, x := range seats {
			scope, role, _ := member.ParseGroup(x.Group)
			if !slices.ContainsFunc(have, func(m member.Member) bool {
				return m.Scope == scope && m.Subject == x.ID && slices.Contains(m.Roles, role)
			}) {
				t.Fatalf("%s has no %s at %s", x.ID, role, scope.Name())
			}
		}
	})
}

func TestVpcScopes_seatsAndAccounts_areListedOnce(t *testing.T) {
	t.Parallel()
	prod := member.Scope{Tenant: "acme", Organisation: "core", Vpc: "prod"}
	got := member.VpcScopes([]directory.Seat{sits("ada", dev, member.Owner), sits("bob", dev, member.Viewer), sits("bob", core, member.Viewer)},
		[]member.Account{{Scope: prod}, {Scope: acme}, {Scope: dev}})
	if !slices.Equal(got, []member.Scope{prod, dev}) {
		t.Errorf("got %v", got)
	}
}

func TestEnded_vpc_byItsUID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		recorded, now string
		want          bool
	}{
		"same": {"vpc_1", "vpc_1", false}, "another": {"vpc_1", "vpc_2", true}, "gone": {"vpc_1", "", true},
		"never recorded": {"", "vpc_1", false}, "never recorded and gone": {"", "", true},
	} {
		if got := member.Ended(c.recorded, c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestWithout_endedScopes_leaveTheOthers(t *testing.T) {
	t.Parallel()
	seats := []directory.Seat{sits("ada", acme, member.Owner), sits("bob", dev, member.Viewer)}
	if got := member.Without(seats, []member.Scope{dev}); len(got) != 1 || got[0].ID != "ada" || len(seats) != 2 || seats[1].ID != "bob" {
		t.Errorf("got %v of %v", got, seats)
	}
}

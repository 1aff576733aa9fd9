package usecase_test

import (
	"context"
	"sync"
	"testing"
	"time"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/api"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/store"
	"github.com/low-layer/platform/services/tenant/internal/usecase"
)

var (
	acme = member.Scope{Tenant: "acme"}
	dev  = member.Scope{Tenant: "acme", Organisation: "core", Vpc: "dev"}
	away = errs.New(errs.Unavailable, "DIRECTORY_UNAVAILABLE", "away")
)

// vpcs are the VPCs that the network service has, by name.
type vpcs struct {
	mu  sync.Mutex
	has map[string]string
	err error
}

func (v *vpcs) VPCUIDs(context.Context, string) (map[string]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.has, v.err
}

func (v *vpcs) set(has map[string]string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.has, v.err = has, err
}

// staffRig is a rig with members, on a directory in memory.
type staffRig struct {
	*rig
	people   *people
	vpcs     *vpcs
	members  *usecase.Members
	accounts *usecase.Accounts
	sync     *usecase.Sync
	rows     *store.Members
}

func newStaffRig(t *testing.T) *staffRig {
	t.Helper()
	r := newRig(t)
	r.tenant()
	r.organisation()
	s := &staffRig{rig: r, people: newPeople(), vpcs: &vpcs{}, rows: store.NewMembers(r.pool, paging.New([]byte("key")))}
	cfg := usecase.StaffConfig{
		Rows: s.rows, Tenancy: r.store, VPCs: s.vpcs, Directory: s.people, Clock: r.clock, MaxMembers: 4, MaxAccounts: 2,
		Member: api.Renderer{}.Member, Account: api.Renderer{}.Account,
		Changes: accept.New(accept.Config{Service: usecase.Source, DB: r.pool, Clock: r.clock, Closed: usecase.Closed(r.store)}),
	}
	s.members, s.accounts, s.sync = usecase.NewMembers(cfg), usecase.NewAccounts(cfg), usecase.NewSync(cfg)
	return s
}

func invite(scope member.Scope, email string, id resource.Identity, roles ...member.Role) member.Create {
	return member.Create{Scope: scope, Email: email, Roles: roles, Request: id}
}

func (s *staffRig) add(scope member.Scope, email string, roles ...member.Role) member.Member {
	s.t.Helper()
	m, err := s.members.Create(s.t.Context(), invite(scope, email, resource.Identity{}, roles...))
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

func TestCreateMember_failureOfTheDirectory_leavesNoAccount(t *testing.T) {
	t.Parallel()
	s := newStaffRig(t)
	for _, call := range []string{"CreatePerson", "Join", "Invite"} {
		s.people.fail(call, away)
		_, err := s.members.Create(t.Context(), invite(acme, "ada@acme.test", request(call), member.Owner))
		reason(t, err, "DIRECTORY_UNAVAILABLE")
		if len(s.people.persons) != 0 {
			t.Errorf("after a failure of %s: %v", call, s.people.persons)
		}
		s.people.fail(call, nil)
	}
	all, err := s.members.List(t.Context(), acme, resource.List{Size: 10})
	if err != nil || len(all.Items) != 0 {
		t.Errorf("recorded: %+v, %v", all.Items, err)
	}
	m := s.add(acme, "ada@acme.test", member.Owner)
	if m.InitialPassword != "first-password" || s.people.holders(acme.Group(member.Owner)) != "ada@acme.test" {
		t.Errorf("got %+v", m)
	}
}

func request(id string) resource.Identity {
	return resource.Identity{Method: "/lowlayer.tenant.v1.MemberService/CreateMember", ID: id, Digest: []byte(id)}
}

func TestCreateMember_repeatedCall_makesOneMember(t *testing.T) {
	t.Parallel()
	s := newStaffRig(t)
	made := make([]member.Member, 4)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			var err error
			if made[i], err = s.members.Create(t.Context(), invite(acme, "ada@acme.test", request("one"), member.Owner)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	passwords := 0
	for _, m := range made {
		if m.UID != made[0].UID {
			t.Errorf("members %s and %s", m.UID, made[0].UID)
		}
		if m.InitialPassword != "" {
			passwords++
		}
	}
	if passwords != 1 || len(s.people.persons) != 1 {
		t.Errorf("%d calls show the password, %d accounts exist", passwords, len(s.people.persons))
	}
	_, err := s.members.Create(t.Context(), invite(acme, "ada@acme.test", resource.Identity{}, member.Viewer))
	reason(t, err, "MEMBER_EXISTS")
}

func TestMembers_suspendedTenant_onlyLosesRoles(t *testing.T) {
	t.Parallel()
	s := newStaffRig(t)
	ada, bob := s.add(acme, "ada@acme.test", member.Owner), s.add(acme, "bob@acme.test", member.Viewer)
	s.must(s.SuspendTenant(t.Context(), own(""), "acme", "unpaid"))
	_, err := s.members.Create(t.Context(), invite(acme, "eve@acme.test", request("eve"), member.Viewer))
	reason(t, err, "TENANT_SUSPENDED")
	_, err = s.members.Update(t.Context(), member.Update{Key: member.Key{Scope: acme, ID: bob.Subject}, Roles: []member.Role{member.Admin}})
	reason(t, err, "TENANT_SUSPENDED")
	remove := func(m member.Member) error {
		return s.members.Delete(t.Context(), member.Delete{
			Key:     member.Key{Scope: acme, ID: m.Subject},
			Request: resource.Identity{Method: "/lowlayer.tenant.v1.MemberService/DeleteMember"},
		})
	}
	if err := remove(bob); err != nil {
		t.Errorf("delete a member: %v", err)
	}
	reason(t, remove(ada), "LAST_OWNER")
	if got := s.people.holders(acme.Group(member.Viewer)); got != "" {
		t.Errorf("viewers: %s", got)
	}
}

func TestServiceAccount_interruptedCreation_isFinishedOrRemoved(t *testing.T) {
	t.Parallel()
	s := newStaffRig(t)
	create := func(id string) (member.Account, error) {
		return s.accounts.Create(t.Context(), member.CreateAccount{Key: member.Key{Scope: acme, ID: id}, Roles: []member.Role{member.Viewer}})
	}
	s.people.fail("Join", away)
	for _, id := range []string{"ci", "cd"} {
		_, err := create(id)
		reason(t, err, "DIRECTORY_UNAVAILABLE")
	}
	s.people.fail("Join", nil)
	if _, err := s.accounts.Get(t.Context(), member.Key{Scope: acme, ID: "ci"}); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("an unfinished account: %v", err)
	}
	ci, err := create("ci")
	if err != nil || ci.Secret == "" || len(s.people.clients) != 2 {
		t.Errorf("finished: %+v, %v; %d clients", ci, err, len(s.people.clients))
	}
	_, err = create("third")
	reason(t, err, "QUOTA_EXCEEDED") // of two
	s.clock.Advance(11 * time.Minute)
	if n, err := s.sync.Expire(t.Context()); n != 1 || err != nil || len(s.people.clients) != 1 {
		t.Errorf("removed %d, %v; %d clients are left", n, err, len(s.people.clients))
	}
	if _, err := create("third"); err != nil {
		t.Errorf("there is room now: %v", err)
	}
}

func TestServiceAccount_expired_isDisabledUntilRotated(t *testing.T) {
	t.Parallel()
	s := newStaffRig(t)
	key := member.Key{Scope: acme, ID: "ci"}
	a, err := s.accounts.Create(t.Context(), member.CreateAccount{Key: key, Roles: []member.Role{member.Viewer}, Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	enabled := func() bool { return s.people.clients[a.External].Enabled }
	for _, want := range []int{0, 1, 0} {
		if n, err := s.sync.Expire(t.Context()); n != want || err != nil {
			t.Errorf("expired %d, %v; want %d", n, err, want)
		}
		s.clock.Advance(time.Hour)
	}
	if enabled() {
		t.Error("an expired account logs in")
	}
	rotated, err := s.accounts.Rotate(t.Context(), member.Rotate{Key: key})
	if err != nil || rotated.Secret == "" || rotated.Secret == a.Secret || !enabled() || rotated.Expired {
		t.Errorf("rotated: %+v, %v", rotated, err)
	}
	if err := s.accounts.Delete(t.Context(), member.Delete{Key: key, Etag: a.Etag()}); errs.ReasonOf(err) != errs.ReasonEtagMismatch {
		t.Errorf("a stale etag: %v", err)
	}
	if err := s.accounts.Delete(t.Context(), member.Delete{Key: key}); err != nil || len(s.people.clients) != 0 {
		t.Errorf("delete: %v, %d clients", err, len(s.people.clients))
	}
}

func TestFollow_deletedVpc_endsItsRolesAndReportsFailures(t *testing.T) {
	t.Parallel()
	s := newStaffRig(t)
	s.vpcs.set(map[string]string{dev.Name(): "vpc_1"}, nil)
	s.add(dev, "ada@acme.test", member.Operator)
	ctx, stop := context.WithCancel(t.Context())
	failed, ended := make(chan error, 8), make(chan struct{})
	go func() {
		defer close(ended)
		s.sync.Follow(ctx, func(_ context.Context, _ member.Scope, err error) { failed <- err })
	}()
	defer func() { stop(); <-ended }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deleted := s.sync.Handlers()["vpc.deleted"]
	event := func(subject string) {
		t.Helper()
		if err := deleted(t.Context(), nil, &eventv1.Event{Subject: subject}); err != nil {
			t.Error(err)
		}
	}
	for _, other := range []string{"", "tenants/acme", "nonsense", "tenants/none/organisations/core/vpcs/dev"} {
		event(other)
	}
	s.vpcs.set(nil, away)
	event(dev.Name())
	reason(t, <-failed, "DIRECTORY_UNAVAILABLE")
	if got := s.people.holders(dev.Group(member.Operator)); got != "ada@acme.test" {
		t.Errorf("while the network service is away: %q", got)
	}
	s.vpcs.set(map[string]string{dev.Name(): "vpc_2"}, nil) // another VPC has the id
	s.people.fail("RemoveGroup", away)
	event(dev.Name())
	reason(t, <-failed, "DIRECTORY_UNAVAILABLE")
	s.people.fail("RemoveGroup", nil)
	event(dev.Name())
	for s.people.holders(dev.Group(member.Operator)) != "" {
		select {
		case err := <-failed:
			t.Fatal(err)
		case <-tick.C:
		}
	}
	s.vpcs.set(nil, away)
	event(dev.Name())
	reason(t, <-failed, "DIRECTORY_UNAVAILABLE")
	if got := s.people.holders(dev.Group(member.Operator)); got != "" {
		t.Errorf("the roles at the deleted VPC are left: %q", got)
	}
	if uid, err := s.rows.VpcUID(t.Context(), dev); err != nil || uid == "vpc_1" {
		t.Errorf("the roles are still of %q, %v", uid, err)
	}
}

func TestHandlers_manyEvents_neverWait(t *testing.T) {
	t.Parallel()
	s := usecase.NewSync(usecase.StaffConfig{})
	for range 1000 { // nothing follows them
		if err := s.Handlers()["vpc.deleted"](t.Context(), nil, &eventv1.Event{Subject: dev.Name()}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMembers_withoutDirectory_areRefused(t *testing.T) {
	t.Parallel()
	none := usecase.StaffConfig{}
	_, created := usecase.NewMembers(none).Create(t.Context(), invite(acme, "ada@acme.test", resource.Identity{}, member.Viewer))
	_, listed := usecase.NewMembers(none).List(t.Context(), acme, resource.List{})
	_, read := usecase.NewAccounts(none).Get(t.Context(), member.Key{Scope: acme, ID: "ci"})
	for _, err := range []error{created, listed, read} {
		reason(t, err, "DIRECTORY_NOT_CONFIGURED")
	}
	s := usecase.NewSync(none)
	if n, err := s.Pass(t.Context()); n != 0 || err != nil {
		t.Errorf("pass: %d, %v", n, err)
	}
}

func TestRemove_organisation_endsAllBelow(t *testing.T) {
	t.Parallel()
	s := newStaffRig(t)
	s.vpcs.set(map[string]string{dev.Name(): "vpc_1"}, nil)
	s.add(acme, "ada@acme.test", member.Owner)
	s.add(dev, "bob@acme.test", member.Operator)
	if _, err := s.accounts.Create(t.Context(), member.CreateAccount{Key: member.Key{Scope: dev, ID: "ci"}, Roles: []member.Role{member.Viewer}}); err != nil {
		t.Fatal(err)
	}
	o := s.readOrganisation()
	below := member.Scope{Tenant: "acme", Organisation: "core"}
	for range 2 { // a removal can be repeated
		if err := s.sync.Remove(t.Context(), o.TenantUID, below); err != nil {
			t.Fatal(err)
		}
	}
	members, err := s.rows.Members(t.Context(), o.TenantUID)
	if err != nil || len(members) != 1 || members[0].Email != "ada@acme.test" || len(s.people.clients) != 0 {
		t.Errorf("left %+v, %v; %d clients", members, err, len(s.people.clients))
	}
	if s.people.holders(acme.Group(member.Owner)) != "ada@acme.test" || s.people.holders(dev.Group(member.Operator)) != "" {
		t.Error("the groups are not those of the tenant alone")
	}
}

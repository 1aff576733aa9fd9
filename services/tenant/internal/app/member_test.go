package app_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Nerzal/gocloak/v14"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/tenant/internal/app"
	"github.com/low-layer/platform/services/tenant/internal/client/networkfake"
	"github.com/low-layer/platform/services/tenant/internal/cloud/directorytest"
	"github.com/low-layer/platform/services/tenant/internal/cloud/keycloak"
	"github.com/low-layer/platform/tools/identitysim/sim"
)

// staff is a rig whose service has a user directory.
type staff struct {
	*rig
	tenantv1.MemberServiceClient
	tenantv1.ServiceAccountServiceClient

	identity *sim.Server
	realm    keycloak.Config
	keycloak *keycloak.Directory
}

func hire(t *testing.T) *staff {
	t.Helper()
	return hireWith(t, func(*app.Config) {})
}

// hireWith is hire with other settings.
func hireWith(t *testing.T, change func(*app.Config)) *staff {
	t.Helper()
	srv, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close the identity provider: %v", err)
		}
	})
	cfg := directorytest.Realm(t, srv.URL, "admin", "labpass")
	r := start(t, func(c *app.Config) {
		c.KeycloakURL, c.KeycloakRealm, c.KeycloakClientID, c.KeycloakClientSecret = cfg.URL, cfg.Realm, cfg.ClientID, cfg.ClientSecret
		change(c)
	})
	conn, err := rpc.Dial(rpc.ClientConfig{Target: r.app.Server.Addr(), Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	d := keycloak.New(cfg)
	t.Cleanup(func() {
		d.Close()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return &staff{
		rig: r, MemberServiceClient: tenantv1.NewMemberServiceClient(conn), ServiceAccountServiceClient: tenantv1.NewServiceAccountServiceClient(conn),
		identity: srv, realm: cfg, keycloak: d,
	}
}

func (s *staff) member(parent, email string, roles ...tenantv1.Role) *tenantv1.Member {
	s.t.Helper()
	m, err := s.CreateMember(s.t.Context(), &tenantv1.CreateMemberRequest{Parent: parent, Member: &tenantv1.Member{Email: email, Roles: roles}})
	if err != nil {
		s.t.Fatalf("make member %s: %v", email, err)
	}
	return m
}

// groups are the groups of the directory below a path that somebody sits in.
func (s *staff) groups(path string) string {
	s.t.Helper()
	seats, err := s.keycloak.Seats(s.t.Context(), path)
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, x := range seats {
		out = append(out, strings.TrimPrefix(x.Group, path+"/")+"="+strings.SplitN(x.Email, "@", 2)[0])
	}
	return strings.Join(out, " ")
}

func TestMembers(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	req := &tenantv1.CreateMemberRequest{
		Parent: "tenants/acme", RequestId: "one",
		Member: &tenantv1.Member{Email: "Ada@acme.test", DisplayName: "Ada King", Roles: []tenantv1.Role{tenantv1.Role_VIEWER, tenantv1.Role_OWNER}},
	}
	ada, err := s.CreateMember(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	if ada.GetInitialPassword() == "" || ada.GetEmail() != "ada@acme.test" || len(ada.GetRoles()) != 2 || ada.GetEtag() == "" {
		t.Errorf("made %v", ada)
	}
	if got := s.groups("tenants/acme"); got != "owner=ada viewer=ada" {
		t.Errorf("groups: %s", got)
	}
	// The repeated call returns the same member, but a password is shown once.
	again, err := s.CreateMember(ctx, req)
	if err != nil || again.GetUid() != ada.GetUid() || again.GetInitialPassword() != "" {
		t.Errorf("repeated: %v, %v", again, err)
	}
	req.Member.DisplayName = "Other"
	_, err = s.CreateMember(ctx, req)
	refused(t, err, "REQUEST_ID_REUSED")
	_, err = s.CreateMember(ctx, &tenantv1.CreateMemberRequest{
		Parent: "tenants/acme", Member: &tenantv1.Member{Email: "ada@acme.test", Roles: []tenantv1.Role{tenantv1.Role_ADMIN}},
	})
	refused(t, err, "MEMBER_EXISTS")

	_, err = s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: ada.GetName()})
	refused(t, err, "LAST_OWNER")
	update := &tenantv1.UpdateMemberRequest{
		Member:     &tenantv1.Member{Name: ada.GetName(), Roles: []tenantv1.Role{tenantv1.Role_ADMIN}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"roles"}},
	}
	_, err = s.UpdateMember(ctx, update)
	refused(t, err, "LAST_OWNER")

	bob := s.member("tenants/acme", "bob@acme.test", tenantv1.Role_OWNER)
	update.Member.Etag = "stale"
	_, err = s.UpdateMember(ctx, update)
	refused(t, err, "ETAG_MISMATCH")
	update.Member.Etag = ada.GetEtag()
	changed, err := s.UpdateMember(ctx, update)
	if err != nil || changed.GetEtag() == ada.GetEtag() {
		t.Fatalf("update: %v, %v", changed, err)
	}
	if got := s.groups("tenants/acme"); got != "admin=ada owner=bob" {
		t.Errorf("groups: %s", got)
	}
	list, err := s.ListMembers(ctx, &tenantv1.ListMembersRequest{Parent: "tenants/acme", PageSize: 1})
	if err != nil || len(list.GetMembers()) != 1 || list.GetNextPageToken() == "" {
		t.Errorf("list: %v, %v", list, err)
	}
	list, err = s.ListMembers(ctx, &tenantv1.ListMembersRequest{Parent: "tenants/acme", Filter: `email = "bob@acme.test"`})
	if err != nil || len(list.GetMembers()) != 1 || list.GetMembers()[0].GetName() != bob.GetName() {
		t.Errorf("list: %v, %v", list, err)
	}
	if _, err := s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: ada.GetName()}); err != nil {
		t.Fatal(err)
	}
	_, err = s.GetMember(ctx, &tenantv1.GetMemberRequest{Name: ada.GetName()})
	refused(t, err, "MEMBER_NOT_FOUND")
	_, err = s.CreateMember(ctx, &tenantv1.CreateMemberRequest{
		Parent: "tenants/none", Member: &tenantv1.Member{Email: "ada@acme.test", Roles: []tenantv1.Role{tenantv1.Role_ADMIN}},
	})
	refused(t, err, "TENANT_NOT_FOUND")
}

// TestCreateMember_unverifiedAccount_isRefused: whoever makes an account for somebody's address knows its first password, so another tenant
// must not take that account for theirs.
func TestCreateMember_unverifiedAccount_isRefused(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("evil")
	s.tenant("acme")
	made := s.member("tenants/evil", "ada@acme.test", tenantv1.Role_VIEWER)
	s.member("tenants/evil", "mallory@evil.test", tenantv1.Role_OWNER)
	if _, err := s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: made.GetName()}); err != nil {
		t.Fatal(err)
	}
	req := &tenantv1.CreateMemberRequest{
		Parent: "tenants/acme", Member: &tenantv1.Member{Email: "ada@acme.test", Roles: []tenantv1.Role{tenantv1.Role_OWNER}},
	}
	_, err := s.CreateMember(ctx, req)
	refused(t, err, "PERSON_UNVERIFIED")
	if got := s.groups("tenants/acme"); got != "" {
		t.Errorf("groups: %s", got)
	}
	// Once the account is gone the address is free for its owner.
	if err := s.keycloak.DeletePerson(ctx, made.GetName()[strings.LastIndexByte(made.GetName(), '/')+1:]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateMember(ctx, req); err != nil {
		t.Error(err)
	}
}

// TestMembers_endWithTheirPlace gives roles at every level, and ends them with what they were at.
func TestMembers_endWithTheirPlace(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	s.organisation("acme", "core", "dev")
	core, dev := "tenants/acme/organisations/core", "tenants/acme/organisations/core/vpcs/dev"
	s.member("tenants/acme", "ada@acme.test", tenantv1.Role_OWNER)
	s.member(core, "ada@acme.test", tenantv1.Role_ADMIN)
	s.member(dev, "bob@acme.test", tenantv1.Role_VIEWER)
	sa, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
		Parent: core, ServiceAccountId: "ci", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_OPERATOR}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CreateMember(ctx, &tenantv1.CreateMemberRequest{
		Parent: core + "/vpcs/none", Member: &tenantv1.Member{Email: "bob@acme.test", Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
	})
	refused(t, err, "VPC_NOT_FOUND")

	s.done(s.DeleteOrganisation(ctx, &tenantv1.DeleteOrganisationRequest{Name: core, Force: true, Purge: true}))
	if got := s.groups("tenants/acme"); got != "owner=ada" {
		t.Errorf("groups after the organisation's end: %s", got)
	}
	if directorytest.Login(t, s.realm, sa.GetClientId(), sa.GetSecret()) {
		t.Error("its service account still logs in")
	}
	s.done(s.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true}))
	if got := s.groups("tenants/acme"); got != "" {
		t.Errorf("groups after the tenant's end: %s", got)
	}
}

// TestMembers_mirrorTheDirectory takes over what was changed in Keycloak by hand, or by a call that died.
func TestMembers_mirrorTheDirectory(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	ada := s.member("tenants/acme", "ada@acme.test", tenantv1.Role_OWNER)
	subject := ada.GetName()[strings.LastIndexByte(ada.GetName(), '/')+1:]
	if err := s.keycloak.Join(ctx, subject, "tenants/acme/billing"); err != nil {
		t.Fatal(err)
	}
	bob := s.member("tenants/acme", "bob@acme.test", tenantv1.Role_VIEWER)
	if err := s.keycloak.Leave(ctx, bob.GetName()[strings.LastIndexByte(bob.GetName(), '/')+1:], "tenants/acme/viewer"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.app.Members.Pass(ctx); n != 2 || err != nil {
		t.Errorf("the pass answers %d, %v", n, err)
	}
	got, err := s.GetMember(ctx, &tenantv1.GetMemberRequest{Name: ada.GetName()})
	if err != nil || len(got.GetRoles()) != 2 || got.GetEtag() == ada.GetEtag() {
		t.Errorf("member: %v, %v", got, err)
	}
	_, err = s.GetMember(ctx, &tenantv1.GetMemberRequest{Name: bob.GetName()})
	refused(t, err, "MEMBER_NOT_FOUND")
	if n, err := s.app.Members.Pass(ctx); n != 0 || err != nil {
		t.Errorf("the second pass answers %d, %v", n, err)
	}
}

func TestServiceAccounts(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	sa, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
		Parent: "tenants/acme", ServiceAccountId: "ci", Lifetime: durationpb.New(time.Hour),
		ServiceAccount: &tenantv1.ServiceAccount{DisplayName: "CI", Roles: []tenantv1.Role{tenantv1.Role_OPERATOR}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if sa.GetSecret() == "" || sa.GetClientId() == "" || sa.GetSubject() == "" || sa.GetLastUseTime() != nil {
		t.Errorf("made %v", sa)
	}
	_, err = s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
		Parent: "tenants/acme", ServiceAccountId: "ci", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_OPERATOR}},
	})
	refused(t, err, "SERVICE_ACCOUNT_EXISTS")
	if !directorytest.Login(t, s.realm, sa.GetClientId(), sa.GetSecret()) {
		t.Error("the account does not log in")
	}
	if _, err := s.app.Members.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := s.GetServiceAccount(ctx, &tenantv1.GetServiceAccountRequest{Name: sa.GetName()})
	if err != nil || got.GetSecret() != "" || got.GetLastUseTime() == nil || got.GetEtag() != sa.GetEtag() {
		t.Errorf("read: %v, %v", got, err)
	}
	if _, err := s.pool.Exec(ctx, `UPDATE service_accounts SET expire_time = now() - interval '1 minute', create_time = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	if n, err := s.app.Members.Expire(ctx); n != 1 || err != nil {
		t.Errorf("the pass answers %d, %v", n, err)
	}
	if directorytest.Login(t, s.realm, sa.GetClientId(), sa.GetSecret()) {
		t.Error("the account logs in after its end")
	}
	list, err := s.ListServiceAccounts(ctx, &tenantv1.ListServiceAccountsRequest{Parent: "tenants/acme"})
	if err != nil || len(list.GetServiceAccounts()) != 1 || !list.GetServiceAccounts()[0].GetExpired() {
		t.Errorf("list: %v, %v", list, err)
	}
	fresh, err := s.RotateServiceAccount(ctx, &tenantv1.RotateServiceAccountRequest{Name: sa.GetName()})
	if err != nil || fresh.GetSecret() == "" || fresh.GetExpired() {
		t.Fatalf("rotate: %v, %v", fresh, err)
	}
	if directorytest.Login(t, s.realm, sa.GetClientId(), sa.GetSecret()) || !directorytest.Login(t, s.realm, sa.GetClientId(), fresh.GetSecret()) {
		t.Error("the new secret does not take the place of the old one")
	}
	if _, err := s.DeleteServiceAccount(ctx, &tenantv1.DeleteServiceAccountRequest{Name: sa.GetName()}); err != nil {
		t.Fatal(err)
	}
	if directorytest.Login(t, s.realm, sa.GetClientId(), fresh.GetSecret()) {
		t.Error("a deleted account logs in")
	}
	_, err = s.GetServiceAccount(ctx, &tenantv1.GetServiceAccountRequest{Name: sa.GetName()})
	refused(t, err, "SERVICE_ACCOUNT_NOT_FOUND")
}

// TestDirectory_away_readsGoOn: reads succeed, and changes fail with the name of the directory.
func TestDirectory_away_readsGoOn(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	ada := s.member("tenants/acme", "ada@acme.test", tenantv1.Role_OWNER)
	s.identity.SetDown(true)
	defer s.identity.SetDown(false)
	if _, err := s.GetMember(ctx, &tenantv1.GetMemberRequest{Name: ada.GetName()}); err != nil {
		t.Errorf("read: %v", err)
	}
	_, err := s.CreateMember(ctx, &tenantv1.CreateMemberRequest{
		Parent: "tenants/acme", Member: &tenantv1.Member{Email: "bob@acme.test", Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
	})
	refused(t, err, "DIRECTORY_UNAVAILABLE")
}

// TestMembers_withoutDirectory_areRefused says what to configure.
func TestMembers_withoutDirectory_areRefused(t *testing.T) {
	t.Parallel()
	r := start(t)
	conn, err := rpc.Dial(rpc.ClientConfig{Target: r.app.Server.Addr(), Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	_, err = tenantv1.NewMemberServiceClient(conn).ListMembers(t.Context(), &tenantv1.ListMembersRequest{Parent: "tenants/acme"})
	if e := refusal(t, err, "DIRECTORY_NOT_CONFIGURED"); strings.Contains(e.Message, "LOWLAYER_") || !strings.Contains(e.Message, "its operator") {
		t.Errorf("message: %s", e.Message)
	}
}

// TestMembersAreForetold asks what each change would answer, and holds it to what the change then does.
func TestMembersAreForetold(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	create := &tenantv1.CreateMemberRequest{
		Parent: "tenants/acme", ValidateOnly: true, RequestId: "plan", Member: &tenantv1.Member{Email: "ada@acme.test", Roles: []tenantv1.Role{tenantv1.Role_OWNER}},
	}
	plan, err := s.CreateMember(ctx, create)
	if err != nil || plan.GetName() != "" || plan.GetUid() != "" || plan.GetEtag() != "" || plan.GetInitialPassword() != "" || plan.GetEmail() != "ada@acme.test" {
		t.Fatalf("foretold %v, %v", plan, err)
	}
	if _, err := s.keycloak.PersonByEmail(ctx, "ada@acme.test"); err == nil {
		t.Error("the plan made an account")
	}
	create.ValidateOnly = false
	ada, err := s.CreateMember(ctx, create)
	if err != nil {
		t.Fatal(err)
	}
	create.ValidateOnly = true
	_, err = s.CreateMember(ctx, create)
	refused(t, err, "MEMBER_EXISTS")

	_, err = s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: ada.GetName(), ValidateOnly: true})
	refused(t, err, "LAST_OWNER")
	bob := s.member("tenants/acme", "bob@acme.test", tenantv1.Role_OWNER)
	update := &tenantv1.UpdateMemberRequest{
		Member: &tenantv1.Member{Name: bob.GetName(), Roles: []tenantv1.Role{tenantv1.Role_VIEWER}}, ValidateOnly: true,
	}
	foretold, err := s.UpdateMember(ctx, update)
	if err != nil || len(foretold.GetRoles()) != 1 || foretold.GetEtag() == bob.GetEtag() {
		t.Fatalf("foretold %v, %v", foretold, err)
	}
	if _, err = s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: bob.GetName(), ValidateOnly: true}); err != nil {
		t.Error(err)
	}
	if got := s.groups("tenants/acme"); got != "owner=ada owner=bob" {
		t.Errorf("plans changed the groups: %s", got)
	}
	update.ValidateOnly = false
	if got, err := s.UpdateMember(ctx, update); err != nil || got.GetEtag() != foretold.GetEtag() {
		t.Errorf("done %v, foretold %v, %v", got, foretold, err)
	}

	order := &tenantv1.CreateServiceAccountRequest{
		Parent: "tenants/acme", ServiceAccountId: "ci", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_VIEWER}}, ValidateOnly: true,
	}
	account, err := s.CreateServiceAccount(ctx, order)
	if err != nil || account.GetName() != "tenants/acme/serviceAccounts/ci" || account.GetUid() != "" || account.GetClientId() != "" || account.GetSecret() != "" {
		t.Fatalf("foretold %v, %v", account, err)
	}
	if _, err := s.GetServiceAccount(ctx, &tenantv1.GetServiceAccountRequest{Name: account.GetName()}); err == nil {
		t.Error("the plan made an account")
	}
	order.ValidateOnly = false
	if account, err = s.CreateServiceAccount(ctx, order); err != nil {
		t.Fatal(err)
	}
	order.ValidateOnly = true
	_, err = s.CreateServiceAccount(ctx, order)
	refused(t, err, "SERVICE_ACCOUNT_EXISTS")
	rotated, err := s.RotateServiceAccount(ctx, &tenantv1.RotateServiceAccountRequest{Name: account.GetName(), ValidateOnly: true})
	if err != nil || rotated.GetSecret() != "" || rotated.GetEtag() == account.GetEtag() {
		t.Errorf("foretold %v, %v", rotated, err)
	}
	if _, err := s.DeleteServiceAccount(ctx, &tenantv1.DeleteServiceAccountRequest{Name: account.GetName(), ValidateOnly: true}); err != nil {
		t.Error(err)
	}
	if !directorytest.Login(t, s.realm, account.GetClientId(), account.GetSecret()) {
		t.Error("a plan ended the account or its secret")
	}
}

// again removes a VPC and makes another one with the same id.
func (s *staff) again(organisation, id string) {
	s.t.Helper()
	ctx := s.t.Context()
	name := organisation + "/vpcs/" + id
	if _, err := s.network.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: name}); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the VPC is gone", func() bool {
		_, err := s.network.GetVpc(ctx, &networkv1.GetVpcRequest{Name: name})
		return status.Code(err) == codes.NotFound
	})
	if _, err := s.network.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: organisation, VpcId: id, Vpc: &networkv1.Vpc{}}); err != nil {
		s.t.Fatal(err)
	}
}

// TestRoles_vpcReplaced_end: nobody of a VPC that is gone gets into another one that has its id.
func TestRoles_vpcReplaced_end(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	s.organisation("acme", "core", "dev")
	core, dev := "tenants/acme/organisations/core", "tenants/acme/organisations/core/vpcs/dev"
	people := func() (*tenantv1.Member, *tenantv1.ServiceAccount) {
		bob := s.member(dev, "bob@acme.test", tenantv1.Role_VIEWER)
		ci, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
			Parent: dev, ServiceAccountId: "ci", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_OPERATOR}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return bob, ci
	}
	none := func(what string, bob *tenantv1.Member, ci *tenantv1.ServiceAccount) {
		t.Helper()
		if got := s.groups(dev); strings.Contains(got, "bob") {
			t.Errorf("%s: groups %s", what, got)
		}
		_, err := s.GetMember(ctx, &tenantv1.GetMemberRequest{Name: bob.GetName()})
		refused(t, err, "MEMBER_NOT_FOUND")
		if directorytest.Login(t, s.realm, ci.GetClientId(), ci.GetSecret()) {
			t.Errorf("%s: its service account logs in", what)
		}
	}

	bob, ci := people()
	s.again(core, "dev")
	if _, err := s.app.Members.Pass(ctx); err != nil {
		t.Fatal(err)
	}
	none("after a pass", bob, ci)

	// The account of bob was made for the old one; here it is as good as any that somebody else made.
	if err := s.keycloak.DeletePerson(ctx, last(bob.GetName())); err != nil {
		t.Fatal(err)
	}
	bob, ci = people()
	if _, err := s.app.Members.Pass(ctx); err != nil {
		t.Fatal(err)
	}
	if got := s.groups(dev); !strings.Contains(got, "viewer=bob") {
		t.Errorf("the new one's groups: %s", got)
	}
	s.again(core, "dev")
	s.member(dev, "eve@acme.test", tenantv1.Role_VIEWER)
	none("at the next change", bob, ci)
	if got := s.groups(dev); got != "viewer=eve" {
		t.Errorf("groups: %s", got)
	}

	// While it cannot be told what there is, nothing ends.
	for _, unsure := range []error{errs.NotFound("organisation", core), errs.New(errs.Unavailable, "AWAY", "away")} {
		s.network.Fail(networkfake.Fault{Method: "ListVpcs", Err: unsure, Count: 100})
		if _, err := s.app.Members.Pass(ctx); err != nil {
			t.Fatal(err)
		}
		if got := s.groups(dev); got != "viewer=eve" {
			t.Errorf("a network service that answers %v ended roles: %s", unsure, got)
		}
		s.network.Forget()
	}
}

func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// TestCreateMember_accountOfALowerPlace_isNotTrustedAbove: whoever made it below knows its first password.
func TestCreateMember_accountOfALowerPlace_isNotTrustedAbove(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	s.organisation("acme", "core", "dev")
	core := "tenants/acme/organisations/core"
	s.member("tenants/acme", "ada@acme.test", tenantv1.Role_OWNER)
	cto := s.member(core, "cto@acme.test", tenantv1.Role_VIEWER)
	// As an admin of the organisation would have made it, who is no owner.
	if _, err := s.pool.Exec(ctx, `UPDATE members SET vouched = false WHERE email = 'cto@acme.test'`); err != nil {
		t.Fatal(err)
	}
	add := func(parent string, role tenantv1.Role) error {
		_, err := s.CreateMember(ctx, &tenantv1.CreateMemberRequest{Parent: parent, Member: &tenantv1.Member{Email: "cto@acme.test", Roles: []tenantv1.Role{role}}})
		return err
	}
	refused(t, add("tenants/acme", tenantv1.Role_OWNER), "PERSON_UNVERIFIED")
	refused(t, add("tenants/acme", tenantv1.Role_VIEWER), "PERSON_UNVERIFIED")
	refused(t, add(core+"/vpcs/dev", tenantv1.Role_OWNER), "PERSON_UNVERIFIED")
	if err := add(core+"/vpcs/dev", tenantv1.Role_OPERATOR); err != nil {
		t.Errorf("below its place: %v", err)
	}
	promote := &tenantv1.UpdateMemberRequest{Member: &tenantv1.Member{Name: cto.GetName(), Roles: []tenantv1.Role{tenantv1.Role_OWNER}}}
	_, err := s.UpdateMember(ctx, promote)
	refused(t, err, "PERSON_UNVERIFIED")
	if _, err := s.pool.Exec(ctx, `UPDATE members SET vouched = true WHERE email = 'cto@acme.test' AND scope = $1`, core); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateMember(ctx, promote); err != nil {
		t.Errorf("one that an owner had made: %v", err)
	}
}

// TestMemberPlan_showsNothingOfOthers: whom other tenants know is not told by a plan.
func TestMemberPlan_showsNothingOfOthers(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	verified := true
	admin := gocloak.NewClient(s.realm.URL)
	token, err := admin.LoginAdmin(ctx, "admin", "labpass", "master")
	if err != nil {
		t.Fatal(err)
	}
	email, name := "grace@other.test", "Grace"
	if _, err := admin.CreateUser(ctx, token.AccessToken, s.realm.Realm, gocloak.User{Username: &email, Email: &email, FirstName: &name, Enabled: &verified, EmailVerified: &verified}); err != nil {
		t.Fatal(err)
	}
	admin.RestyClient().GetClient().CloseIdleConnections()
	plan, err := s.CreateMember(ctx, &tenantv1.CreateMemberRequest{
		Parent: "tenants/acme", ValidateOnly: true, Member: &tenantv1.Member{Email: "Grace@other.test", DisplayName: "G", Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
	})
	if err != nil || plan.GetName() != "" || plan.GetDisplayName() != "G" || plan.GetEmail() != "grace@other.test" {
		t.Errorf("the plan answers %v, %v", plan, err)
	}
}

// TestDeleteMember_networkAwayOrSuspended_succeeds: a leaked secret must be of no use, whatever state its place is in.
func TestDeleteMember_networkAwayOrSuspended_succeeds(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	s.organisation("acme", "core", "dev")
	dev := "tenants/acme/organisations/core/vpcs/dev"
	s.member("tenants/acme", "ada@acme.test", tenantv1.Role_OWNER)
	bob := s.member(dev, "bob@acme.test", tenantv1.Role_VIEWER)
	ci, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
		Parent: dev, ServiceAccountId: "ci", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_OPERATOR}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.done(s.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: "tenants/acme"}))
	s.network.Fail(networkfake.Fault{Method: "ListVpcs", Err: errs.New(errs.Unavailable, "AWAY", "away"), Count: 100})
	_, err = s.UpdateMember(ctx, &tenantv1.UpdateMemberRequest{Member: &tenantv1.Member{Name: bob.GetName(), Roles: []tenantv1.Role{tenantv1.Role_ADMIN}}})
	refused(t, err, "TENANT_SUSPENDED")
	if _, err := s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: bob.GetName()}); err != nil {
		t.Error(err)
	}
	if _, err := s.DeleteServiceAccount(ctx, &tenantv1.DeleteServiceAccountRequest{Name: ci.GetName()}); err != nil {
		t.Error(err)
	}
	if got := s.groups(dev); got != "" || directorytest.Login(t, s.realm, ci.GetClientId(), ci.GetSecret()) {
		t.Errorf("left: %s", got)
	}
}

// TestDeleteMember_lastOwnersAtOnce_oneStays, whoever is first; and a program is no owner that could let anybody in again.
func TestDeleteMember_lastOwnersAtOnce_oneStays(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	if _, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
		Parent: "tenants/acme", ServiceAccountId: "robot", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_OWNER}},
	}); err != nil {
		t.Fatal(err)
	}
	ada := s.member("tenants/acme", "ada@acme.test", tenantv1.Role_OWNER)
	_, err := s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: ada.GetName()})
	refused(t, err, "LAST_OWNER")
	for range 5 {
		email := strings.ToLower(rand.Text()) + "@acme.test"
		s.member("tenants/acme", email, tenantv1.Role_OWNER)
		owners, err := s.ListMembers(ctx, &tenantv1.ListMembersRequest{Parent: "tenants/acme"})
		if err != nil || len(owners.GetMembers()) != 2 {
			t.Fatalf("owners %v, %v", owners, err)
		}
		var both sync.WaitGroup
		failed := make(chan error, 2)
		for _, m := range owners.GetMembers() {
			both.Go(func() {
				if _, err := s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: m.GetName()}); err != nil {
					failed <- err
				}
			})
		}
		both.Wait()
		if len(failed) != 1 {
			t.Fatalf("%d of two removals were refused", len(failed))
		}
		refused(t, <-failed, "LAST_OWNER")
	}
}

// TestUnfinishedAccount_isRemoved ends accounts that a call left unfinished, and leaves those alone that it finished meanwhile.
func TestUnfinishedAccount_isRemoved(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	ci, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
		Parent: "tenants/acme", ServiceAccountId: "ci", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_OPERATOR}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var external, subject, tenantUID string
	if err := s.pool.QueryRow(ctx, `SELECT external_id, subject, tenant_uid FROM service_accounts`).Scan(&external, &subject, &tenantUID); err != nil {
		t.Fatal(err)
	}
	begun := func() {
		t.Helper()
		if _, err := s.pool.Exec(ctx, `UPDATE service_accounts SET external_id = '', subject = '', create_time = now() - interval '1 day'`); err != nil {
			t.Fatal(err)
		}
	}
	begun()
	// The tenant's lock is held. The pass has found the account, which is finished before the pass gets its turn.
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('members/' || $1, 0))`, tenantUID); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.app.Members.Expire(ctx)
		ended <- err
	}()
	s.eventually("the pass waits for the lock", func() bool {
		var waits bool
		if err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
			WHERE l.locktype = 'advisory' AND NOT l.granted)`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits
	})
	if _, err := tx.Exec(ctx, `UPDATE service_accounts SET external_id = $1, subject = $2`, external, subject); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tx.Commit(ctx), <-ended); err != nil {
		t.Fatal(err)
	}
	if !directorytest.Login(t, s.realm, ci.GetClientId(), ci.GetSecret()) {
		t.Error("an account that was finished meanwhile is gone")
	}
	begun()
	if n, err := s.app.Members.Expire(ctx); n != 1 || err != nil {
		t.Errorf("the pass answers %d, %v", n, err)
	}
	if directorytest.Login(t, s.realm, ci.GetClientId(), ci.GetSecret()) {
		t.Error("the client of an account that was never finished is left")
	}
}

// TestPurge_unfinishedAccount_isRemoved: a client that a call left unfinished ends with its tenant, too.
func TestPurge_unfinishedAccount_isRemoved(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	ci, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
		Parent: "tenants/acme", ServiceAccountId: "ci", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_OPERATOR}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.pool.Exec(ctx, `UPDATE service_accounts SET external_id = '', subject = ''`); err != nil {
		t.Fatal(err)
	}
	s.done(s.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true}))
	if directorytest.Login(t, s.realm, ci.GetClientId(), ci.GetSecret()) {
		t.Error("its client is left")
	}
}

// TestPurge_withoutDirectory_waits: an id is free after a purge, and must not have anybody's roles on it.
func TestPurge_withoutDirectory_waits(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	s.member("tenants/acme", "ada@acme.test", tenantv1.Role_OWNER)
	url := s.cfg.KeycloakURL
	s.restart(func(c *app.Config) { c.KeycloakURL = "" })
	op, err := s.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true})
	if err != nil {
		t.Fatal(err)
	}
	op = s.until(op, "blocked", blocked)
	if b := s.metadata(op).GetBlockage(); b.GetReason() != "DIRECTORY_NOT_CONFIGURED" || b.GetRemedy() == "" {
		t.Errorf("blocked by %v", b)
	}
	s.restart(func(c *app.Config) { c.KeycloakURL = url })
	s.done(op, nil)
	if got := s.groups("tenants/acme"); got != "" {
		t.Errorf("groups: %s", got)
	}
}

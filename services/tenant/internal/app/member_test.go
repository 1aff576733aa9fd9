package app_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/tenant/internal/app"
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
	// The repeated call answers the same member, but a password is shown once.
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

// TestAddressesAreNotSquatted: whoever makes an account for somebody's address knows its first password, so another tenant
// must not take that account for theirs.
func TestAddressesAreNotSquatted(t *testing.T) {
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

// TestMembersFollowTheirPlace gives roles at every level, and ends them with what they were at.
func TestMembersFollowTheirPlace(t *testing.T) {
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

// TestMembersMirrorTheDirectory takes over what was changed in Keycloak by hand, or by a call that died.
func TestMembersMirrorTheDirectory(t *testing.T) {
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

// TestDirectoryAway answers reads and names what changes wait for.
func TestDirectoryAway(t *testing.T) {
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

// TestNoDirectory says what to configure.
func TestNoDirectory(t *testing.T) {
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
	if e := refusal(t, err, "DIRECTORY_NOT_CONFIGURED"); !strings.Contains(e.Message, "LOWLAYER_TENANT_KEYCLOAK_URL") {
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

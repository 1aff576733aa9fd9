package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/realm"
	"github.com/low-layer/platform/tools/identitysim/person"
	"github.com/low-layer/platform/tools/identitysim/sim"
)

// Tests must not meet the logins of whoever runs them.
func init() {
	_ = os.Setenv("LOWLAYER_CREDENTIALS", filepath.Join(os.TempDir(), "lowlayer-cli-test-none", "credentials.json"))
	_ = os.Unsetenv(tokenVariable)
	_ = os.Unsetenv(issuerVariable)
	_ = os.Unsetenv(clientVariable)
}

// directoryFake is the gateway as far as members go; it notes the bearer tokens that reach it.
type directoryFake struct {
	tenantv1.UnimplementedMemberServiceServer
	tenantv1.UnimplementedServiceAccountServiceServer

	mu      sync.Mutex
	bearers []string
	members []*tenantv1.Member
	account *tenantv1.ServiceAccount
}

func (f *directoryFake) record(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	f.mu.Lock()
	f.bearers = append(f.bearers, strings.Join(md.Get("authorization"), "|"))
	f.mu.Unlock()
	return next(ctx, req)
}

func (f *directoryFake) bearer() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.bearers) == 0 {
		return "no call"
	}
	return f.bearers[len(f.bearers)-1]
}

func (f *directoryFake) CreateMember(_ context.Context, req *tenantv1.CreateMemberRequest) (*tenantv1.Member, error) {
	m := req.GetMember()
	if req.GetValidateOnly() {
		return m, nil
	}
	m.Name, m.Etag, m.InitialPassword = req.GetParent()+"/members/4f1c0f3e-0000", "e1", "first-password"
	f.members = append(f.members, m)
	return m, nil
}

func (f *directoryFake) ListMembers(_ context.Context, req *tenantv1.ListMembersRequest) (*tenantv1.ListMembersResponse, error) {
	out := &tenantv1.ListMembersResponse{}
	for _, m := range f.members {
		if req.GetFilter() == "" || strings.Contains(req.GetFilter(), `"`+m.GetEmail()+`"`) {
			out.Members = append(out.Members, m)
		}
	}
	return out, nil
}

func (f *directoryFake) UpdateMember(_ context.Context, req *tenantv1.UpdateMemberRequest) (*tenantv1.Member, error) {
	m := f.members[0]
	if req.GetValidateOnly() {
		m = proto.CloneOf(m)
	}
	m.Roles = req.GetMember().GetRoles()
	return m, nil
}

func (f *directoryFake) DeleteMember(_ context.Context, req *tenantv1.DeleteMemberRequest) (*emptypb.Empty, error) {
	if !req.GetValidateOnly() {
		f.members = nil
	}
	return &emptypb.Empty{}, nil
}

func (f *directoryFake) CreateServiceAccount(_ context.Context, req *tenantv1.CreateServiceAccountRequest) (*tenantv1.ServiceAccount, error) {
	a := req.GetServiceAccount()
	a.Name = req.GetParent() + "/serviceAccounts/" + req.GetServiceAccountId()
	if !req.GetValidateOnly() {
		a.ClientId, a.Secret = "ll-sac_x", "the-secret"
		f.account = a
	}
	return a, nil
}

func (f *directoryFake) GetServiceAccount(context.Context, *tenantv1.GetServiceAccountRequest) (*tenantv1.ServiceAccount, error) {
	if f.account == nil {
		return nil, status.Error(codes.NotFound, "there is no such account")
	}
	shown := proto.CloneOf(f.account)
	shown.Secret = ""
	return shown, nil
}

func (f *directoryFake) RotateServiceAccount(_ context.Context, req *tenantv1.RotateServiceAccountRequest) (*tenantv1.ServiceAccount, error) {
	a := proto.CloneOf(f.account)
	if a.Secret = ""; !req.GetValidateOnly() {
		f.account.Secret, a.Secret = "another-secret", "another-secret"
	}
	return a, nil
}

func (f *directoryFake) DeleteServiceAccount(_ context.Context, req *tenantv1.DeleteServiceAccountRequest) (*emptypb.Empty, error) {
	if !req.GetValidateOnly() {
		f.account = nil
	}
	return &emptypb.Empty{}, nil
}

func newDirectoryFake(t *testing.T) (*directoryFake, string) {
	t.Helper()
	f := &directoryFake{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(f.record))
	tenantv1.RegisterMemberServiceServer(server, f)
	tenantv1.RegisterServiceAccountServiceServer(server, f)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return f, listener.Addr().String()
}

const (
	testPassword = "correct horse battery"
	testOTP      = "SEEDEDSECRET12345678"
	testSecret   = "secret-of-the-tenant-service"
)

// identity is a provider with one user who has an authenticator; its issuer is answered.
func identity(t *testing.T) string {
	t.Helper()
	srv, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	cfg := realm.Config{URL: srv.URL, AdminUser: "admin", AdminPassword: "labpass", TenantSecret: testSecret, PollInterval: time.Second}
	if err := realm.Setup(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	_, err = realm.EnsureUser(t.Context(), cfg, realm.User{
		Email: "ada@acme.test", FirstName: "Ada", LastName: "King", Password: testPassword, OTP: testOTP, Groups: []string{"/tenants/acme/owner"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return realm.Issuer(srv.URL, realm.Name)
}

// watched is standard error that a person reads while the command runs.
type watched struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.lines <- struct{}{}:
	default:
	}
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// logIn runs a login and follows its instructions in a browser.
func logIn(t *testing.T, address, issuer string, more ...string) (stderr string, code int) {
	t.Helper()
	errs := &watched{lines: make(chan struct{}, 1)}
	done := make(chan int, 1)
	args := append([]string{"--address", address, "login", "--wait", "--no-browser", "--issuer", issuer}, more...)
	go func() {
		done <- Run(t.Context(), args, Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: errs})
	}()
	select {
	case <-errs.lines:
	case code := <-done:
		return errs.String(), code
	}
	var invitation person.Invitation
	known := false
	for line := range strings.Lines(errs.String()) {
		known = invitation.Read(line) || known
	}
	if !known {
		t.Fatalf("said %q", errs.String())
	}
	ada := &person.Person{Email: "ada@acme.test", Password: testPassword, OTP: testOTP}
	if err := ada.Accept(t.Context(), issuer, invitation); err != nil {
		t.Fatal(err)
	}
	code = <-done
	return errs.String(), code
}

func TestLogin_device_storesTheToken(t *testing.T) {
	issuer := identity(t)
	f, address := newDirectoryFake(t)
	file := filepath.Join(t.TempDir(), "sub", "credentials.json")
	t.Setenv("LOWLAYER_CREDENTIALS", file)

	for _, command := range []string{"whoami", "token"} {
		if out, errs, code := cliRun(t, address, command); code != exitLogin || out != "" || !strings.Contains(errs, "lowlayer login") {
			t.Errorf("%s before: %d %s%s", command, code, out, errs)
		}
	}
	if _, errs, code := cliRun(t, address, "member", "list", "acme"); code != 0 || f.bearer() != "" {
		t.Errorf("a call of nobody: %d %s carries %q", code, errs, f.bearer())
	}
	errs, code := logIn(t, address, issuer)
	if code != 0 || !strings.Contains(errs, "Logged in as ada@acme.test") {
		t.Fatalf("login: %d %s", code, errs)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of logins: %v, %v", info.Mode(), err)
	}
	out, errs, code := cliRun(t, address, "whoami")
	if code != 0 || !strings.Contains(out, "ada@acme.test") || !strings.Contains(out, "/tenants/acme/owner") {
		t.Errorf("whoami: %d %s%s", code, out, errs)
	}
	if _, errs, code := cliRun(t, address, "member", "list", "acme"); code != 0 || !strings.HasPrefix(f.bearer(), "Bearer ey") {
		t.Errorf("a call: %d %s carries %q", code, errs, f.bearer())
	}

	if out, errs, code := cliRun(t, address, "token"); code != 0 || "Bearer "+out != f.bearer()+"\n" {
		t.Errorf("token: %d %s%s, calls carry %q", code, out, errs, f.bearer())
	}

	// A token near its end is renewed, and the new one kept.
	before := f.bearer()
	v := fileVault{file}
	c, err := v.load(address)
	if err != nil {
		t.Fatal(err)
	}
	c.Expiry = time.Now()
	if err := v.store(address, c); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := cliRun(t, address, "member", "list", "acme"); code != 0 || f.bearer() == before {
		t.Errorf("a call with an old token: %d %s", code, errs)
	}
	if c, err = v.load(address); err != nil || "Bearer "+c.Access != f.bearer() || time.Until(c.Expiry) < time.Minute {
		t.Errorf("kept: %v, %v", c.Expiry, err)
	}

	// After a logout the refresh token is of no use, even to somebody who copied it.
	copied := c
	if _, errs, code := cliRun(t, address, "logout"); code != 0 || !strings.Contains(errs, "Logged out") {
		t.Errorf("logout: %d %s", code, errs)
	}
	copied.Expiry = time.Now()
	if err := v.store(address, copied); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := cliRun(t, address, "member", "list", "acme"); code != exitLogin || !strings.Contains(errs, "your login has ended") {
		t.Errorf("a copied login: %d %s", code, errs)
	}
}

func TestLogin_secondFactor_usesTheBrowser(t *testing.T) {
	issuer := identity(t)
	_, address := newDirectoryFake(t)
	t.Setenv("LOWLAYER_CREDENTIALS", filepath.Join(t.TempDir(), "credentials.json"))
	if errs, code := logIn(t, address, issuer, "--mfa"); code != 0 {
		t.Fatalf("login: %d %s", code, errs)
	}
	out, errs, code := cliRun(t, address, "-o", "json", "whoami")
	if code != 0 || !strings.Contains(out, `"level": "2"`) {
		t.Errorf("whoami: %d %s%s", code, out, errs)
	}
}

func TestLogin_noTerminal_fails(t *testing.T) {
	_, errs, code := cliRun(t, "127.0.0.1:1", "login", "--issuer", "http://127.0.0.1:1/realms/lowlayer")
	if code != exitUsage || !strings.Contains(errs, tokenVariable) {
		t.Errorf("%d %s", code, errs)
	}
	for issuer, want := range map[string]string{
		"":                       "--issuer or LOWLAYER_ISSUER",
		"http://id.example.com/": "give an https address",
		"http://id.example.com:": "give an https address",
		"nonsense":               "give an https address",
	} {
		_, errs, code := cliRun(t, "127.0.0.1:1", "login", "--wait", "--issuer", issuer)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("issuer %q: %d %s", issuer, code, errs)
		}
	}
}

func TestToken_environment_isSent(t *testing.T) {
	f, address := newDirectoryFake(t)
	t.Setenv(tokenVariable, "given")
	if _, errs, code := cliRun(t, address, "member", "list", "acme"); code != 0 || f.bearer() != "Bearer given" {
		t.Errorf("%d %s carries %q", code, errs, f.bearer())
	}
	for form, want := range map[string]string{"table": "given\n", "name": "given\n", "json": `"token": "given"`, "yaml": "token: given"} {
		if out, errs, code := cliRun(t, address, "token", "-o", form); code != 0 || !strings.Contains(out, want) {
			t.Errorf("token as %s: %d %s%s", form, code, out, errs)
		}
	}
	// In the clear it goes to this machine only.
	if _, errs, code := cliRun(t, "192.0.2.1:8080", "member", "list", "acme"); code != exitUsage || !strings.Contains(errs, "not encrypted") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestToken_serviceAccount_isSent(t *testing.T) {
	f, address := newDirectoryFake(t)
	t.Setenv(clientVariable, realm.TenantClient)
	if _, errs, code := cliRun(t, address, "member", "list", "acme"); code != exitUsage || !strings.Contains(errs, secretVariable) {
		t.Errorf("without a secret: %d %s", code, errs)
	}
	t.Setenv(issuerVariable, identity(t))
	t.Setenv(secretVariable, "wrong")
	if _, errs, code := cliRun(t, address, "member", "list", "acme"); code != exitLogin || !strings.Contains(errs, "service-account rotate") {
		t.Errorf("with a wrong secret: %d %s", code, errs)
	}
	t.Setenv(secretVariable, testSecret)
	_, errs, code := cliRun(t, address, "member", "list", "acme")
	if got := claimsOf(strings.TrimPrefix(f.bearer(), "Bearer ")).ClientID; code != 0 || got != realm.TenantClient {
		t.Errorf("%d %s carries the token of %q", code, errs, got)
	}
	if out, errs, code := cliRun(t, address, "whoami", "-o", "json"); code != 0 || !strings.Contains(out, realm.TenantClient) || !strings.Contains(out, clientVariable) {
		t.Errorf("whoami: %d %s%s", code, out, errs)
	}
}

func TestMemberCommands(t *testing.T) {
	f, address := newDirectoryFake(t)
	out, errs, code := cliRun(t, address, "member", "add", "acme/core", "ada@acme.test", "--role", "owner,viewer")
	if code != 0 || !strings.Contains(out, "owner,viewer") || !strings.Contains(errs, "first-password") {
		t.Errorf("add: %d %s%s", code, out, errs)
	}
	if m := f.members[0]; !strings.HasPrefix(m.GetName(), "tenants/acme/organisations/core/members/") {
		t.Errorf("added %v", m)
	}
	out, errs, code = cliRun(t, address, "member", "update", "acme/core", "ada@acme.test", "--role", "admin")
	if code != 0 || !strings.Contains(out, "admin") {
		t.Errorf("update: %d %s%s", code, out, errs)
	}
	if _, errs, code = cliRun(t, address, "member", "update", "acme", "ada@acme.test", "--role", "king"); code != exitUsage || !strings.Contains(errs, "owner, admin") {
		t.Errorf("unknown role: %d %s", code, errs)
	}
	if _, errs, code = cliRun(t, address, "member", "remove", "acme/core", "bob@acme.test", "--yes"); code != exitNotFound {
		t.Errorf("somebody else: %d %s", code, errs)
	}
	if _, errs, code = cliRun(t, address, "member", "remove", "acme/core", "ada@acme.test"); code != exitUsage {
		t.Errorf("without --yes: %d %s", code, errs)
	}
	if _, errs, code = cliRun(t, address, "member", "remove", "acme/core", "ada@acme.test", "--yes"); code != 0 || len(f.members) != 0 {
		t.Errorf("remove: %d %s", code, errs)
	}
	out, errs, code = cliRun(t, address, "service-account", "create", "acme", "ci", "--role", "operator", "--lifetime", "24h")
	if code != 0 || !strings.Contains(out, "ll-sac_x") || !strings.Contains(errs, "the-secret") {
		t.Errorf("service account: %d %s%s", code, out, errs)
	}
}

// TestPlan_access_changesNothing asks for the plan of every change to who may do what: these are done at once, so they answer no operation.
func TestPlan_access_changesNothing(t *testing.T) {
	f, address := newDirectoryFake(t)
	add := []string{"member", "add", "acme", "ada@acme.test", "--role", "owner"}
	create := []string{"service-account", "create", "acme", "ci", "--role", "operator"}
	plan := func(says string, args ...string) {
		t.Helper()
		before := fmt.Sprint(f.members, f.account)
		out, errs, code := cliRun(t, address, append(args, "--plan")...)
		if code != 0 || !strings.HasPrefix(out, "Plan: "+says+"; nothing was changed\n") || strings.Contains(out+errs, "secret") || strings.Contains(out+errs, "password") {
			t.Errorf("%v: %d %s%s", args, code, out, errs)
		}
		out, errs, code = cliRun(t, address, append(args, "--plan", "-o", "json")...)
		if code != 0 || !strings.Contains(out, `"roles"`) || !strings.Contains(errs, "Nothing was changed.") {
			t.Errorf("%v as JSON: %d %s%s", args, code, out, errs)
		}
		out, errs, code = cliRun(t, address, append(args, "--plan", "-o", "name")...)
		named := strings.HasPrefix(out, "tenants/acme/") && strings.Count(out, "\n") == 1 && !strings.Contains(out, " ")
		if code != 0 || !named && (out != "" || args[1] != "add") { // a new member has no name before it is made
			t.Errorf("%v as a name: %d %s%s", args, code, out, errs)
		}
		if now := fmt.Sprint(f.members, f.account); now != before {
			t.Errorf("%v changed %s to %s", args, before, now)
		}
	}
	plan("add ada@acme.test to tenants/acme", add...)
	plan("create service account ci in tenants/acme", create...)
	for _, args := range [][]string{add, create} {
		if _, errs, code := cliRun(t, address, args...); code != 0 {
			t.Fatal(errs)
		}
	}
	plan("update ada@acme.test of tenants/acme", "member", "update", "acme", "ada@acme.test", "--role", "viewer")
	plan("remove ada@acme.test from tenants/acme", "member", "remove", "acme", "ada@acme.test")
	plan("rotate service account ci of tenants/acme", "service-account", "rotate", "acme", "ci")
	plan("end tenants/acme/serviceAccounts/ci", "service-account", "delete", "acme", "ci")
	if _, errs, code := cliRun(t, address, "service-account", "delete", "acme", "ci", "--yes"); code != 0 || f.account != nil {
		t.Errorf("%d %s", code, errs)
	}
	if _, errs, code := cliRun(t, address, "service-account", "delete", "acme", "ci", "--plan"); code != exitNotFound {
		t.Errorf("the plan to end nothing: %d %s", code, errs)
	}
}

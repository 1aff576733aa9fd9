package trail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/rpc"
)

const (
	suspend = "/lowlayer.tenant.v1.TenantService/SuspendTenant"
	rotate  = "/lowlayer.tenant.v1.ServiceAccountService/RotateServiceAccount"
)

// rig is a trail that runs, on a database of its own.
type rig struct {
	*trail.Trail
	t      *testing.T
	url    string // of the owner of the tables
	pool   *pgxpool.Pool
	signer *receipt.Signer
	asked  trail.Asked
	// settle ends the trail, which writes what waits.
	settle func()

	mu     sync.Mutex
	owners map[string]string
}

func newRig(t *testing.T, logger *slog.Logger) *rig {
	t.Helper()
	key, err := receipt.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	url := pgtest.OwnerURL(t, trail.Migrations())
	r := &rig{t: t, url: url, pool: pgtest.Pool(t, pgtest.AppURL(t, url)), owners: map[string]string{"acme": "ten_1"}, asked: trail.Asked{Tenant: "acme"}}
	if r.signer, err = receipt.NewSigner(key); err != nil {
		t.Fatal(err)
	}
	r.Trail, err = trail.New(trail.Config{Service: "tenant", Pool: r.pool, Owner: r.owner, Signer: r.signer, Clock: clock.Real(), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.settle = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.settle)
	return r
}

func (r *rig) owner(_ context.Context, _ trail.Querier, tenant string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owners[tenant], nil
}

func (r *rig) begin(method string, request proto.Message) context.Context {
	ctx := rpc.WithRequestID(r.t.Context(), "req-7")
	ctx = identity.With(ctx, &identity.Principal{Subject: "u1", Name: "jo", Email: "jo@example.com", Issuer: "https://id", ACR: "2"})
	return r.Begin(ctx, method, request)
}

func (r *rig) change(ctx context.Context, resource string, then error) error {
	return pg.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error {
		if err := r.Append(ctx, tx, resource, nil); err != nil {
			return err
		}
		return then
	})
}

// records is the whole chain of acme, which must verify.
func (r *rig) records() []audit.Record {
	r.t.Helper()
	head, err := r.Head(r.t.Context(), r.asked)
	if err != nil || head == nil {
		r.t.Fatalf("head: %v, %v", head, err)
	}
	rows, err := r.After(r.t.Context(), head.TenantUID, 0, head.Sequence, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	var file bytes.Buffer
	var out []audit.Record
	for _, e := range rows {
		rec, err := audit.Parse(e.Payload)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, rec)
		if err := audit.WriteEntry(&file, e.Entry); err != nil {
			r.t.Fatal(err)
		}
	}
	envelope, _, err := r.Sign(*head)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := audit.WriteCheckpoint(&file, envelope); err != nil {
		r.t.Fatal(err)
	}
	if _, err := audit.Verify(&file, audit.Expect{Keys: []receipt.Key{r.signer.Key()}, Services: []string{"tenant"}}); err != nil {
		r.t.Errorf("the trail does not verify: %v", err)
	}
	return out
}

var errUndone = errors.New("undone")

func TestRecord_change_isOneTransaction(t *testing.T) {
	r := newRig(t, nil)
	request := &tenantv1.SuspendTenantRequest{Name: "tenants/acme"}
	ctx := r.begin(suspend, request)
	if err := r.change(ctx, "tenants/acme", errUndone); !errors.Is(err, errUndone) {
		t.Fatal(err)
	}
	if got := r.records(); len(got) != 0 {
		t.Fatalf("a change that was rolled back left %v", got)
	}
	if err := r.change(ctx, "tenants/acme", nil); err != nil {
		t.Fatal(err)
	}
	// The change is committed: there is one record, whatever the response is.
	r.End(ctx, nil)
	r.End(ctx, errs.New(errs.Unavailable, "AWAY", "away"))
	r.settle()
	got := r.records()
	if len(got) != 1 {
		t.Fatalf("got %d records", len(got))
	}
	want := audit.Record{
		Name: got[0].Name, Service: "tenant", Tenant: "tenants/acme", TenantUID: "ten_1", Sequence: 1, Time: got[0].Time,
		Actor:  audit.Actor{Kind: audit.User, Subject: "u1", Name: "jo", Email: "jo@example.com", Issuer: "https://id", ACR: "2"},
		Method: "lowlayer.tenant.v1.TenantService.SuspendTenant", Permission: "tenant.tenants.suspend", Resource: "tenants/acme",
		RequestID: "req-7", Code: "OK", Changes: []audit.Change{},
	}
	if fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got[0], want)
	}
}

func TestRecord_concurrentCalls_makeOneChain(t *testing.T) {
	r := newRig(t, nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			ctx := r.begin(suspend, &tenantv1.SuspendTenantRequest{Name: "tenants/acme"})
			if err := r.change(ctx, "tenants/acme", nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := r.records(); len(got) != 50 || got[49].Sequence != 50 {
		t.Errorf("got %d records", len(got))
	}
}

func TestRecord_failedCall_isRecorded(t *testing.T) {
	r := newRig(t, nil)
	request := &tenantv1.SuspendTenantRequest{Name: "tenants/acme"}
	denied := errs.New(errs.PermissionDenied, "PERMISSION_DENIED", "no")
	r.End(r.begin(suspend, request), denied)
	r.End(r.begin(suspend, &tenantv1.SuspendTenantRequest{Name: "tenants/other"}), denied)
	r.End(r.begin(suspend, &tenantv1.SuspendTenantRequest{Name: "rubbish"}), denied)
	r.End(r.begin(suspend, &tenantv1.SuspendTenantRequest{Name: "tenants/acme", ValidateOnly: true}), denied)
	r.End(r.begin("/lowlayer.tenant.v1.TenantService/GetTenant", &tenantv1.GetTenantRequest{Name: "tenants/acme"}), denied)
	r.End(r.Begin(t.Context(), suspend, request), nil) // nothing was to be done
	replayed := r.begin(suspend, request)
	trail.Replayed(replayed)
	r.End(replayed, nil)
	r.settle()
	got := r.records()
	if len(got) != 2 || got[0].Code != "PERMISSION_DENIED" || got[0].Reason != "PERMISSION_DENIED" || got[0].Actor.Subject != "u1" {
		t.Fatalf("got %+v", got)
	}
	if got[1].Code != "OK" || got[1].Actor.Kind != audit.Anonymous {
		t.Errorf("got %+v", got[1])
	}
}

// Background work names the service and its orderer; the claim of a user's call counts for nothing.
func TestRecord_cascade_namesBoth(t *testing.T) {
	r := newRig(t, nil)
	request := &tenantv1.SuspendTenantRequest{Name: "tenants/acme"}
	said := metadata.NewIncomingContext(t.Context(), metadata.MD{behalf.Key: {`{"kind":"USER","subject":"u2","email":"ada@acme.test"}`}})
	by := func(ctx context.Context, service string) context.Context {
		return peer.NewContext(ctx, &peer.Peer{AuthInfo: credentials.TLSInfo{SPIFFEID: &url.URL{Scheme: "spiffe", Host: "x.test", Path: "/" + service}}})
	}
	asUser := identity.With(by(said, "gateway"), &identity.Principal{Subject: "u1"})
	for _, ctx := range []context.Context{by(said, "tenant"), by(t.Context(), "tenant"), asUser, by(said, "gateway"), said} {
		if err := r.change(r.Begin(ctx, suspend, request), "tenants/acme", nil); err != nil {
			t.Fatal(err)
		}
	}
	r.End(r.Begin(by(said, "tenant"), suspend, request), errs.New(errs.FailedPrecondition, "X", "no"))
	r.settle()
	var got []string
	for _, rec := range r.records() {
		line := string(rec.Actor.Kind) + " " + rec.Actor.Subject
		if rec.OnBehalfOf != nil {
			line += " for " + string(rec.OnBehalfOf.Kind) + " " + rec.OnBehalfOf.Subject + " " + rec.OnBehalfOf.Email
		}
		got = append(got, line)
	}
	const both, anonymous = "SERVICE tenant for USER u2 ada@acme.test", "ANONYMOUS anonymous"
	if want := []string{both, "SERVICE tenant", "USER u1", anonymous, anonymous, both}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for subject, want := range map[string]int{"u2": 2, "": 4} {
		if rows, err := r.List(t.Context(), trail.ListInput{UID: "ten_1", Where: "a.on_behalf_of = $1", Args: []any{subject}, Limit: 10}); err != nil || len(rows) != want {
			t.Errorf("on behalf of %q: %d records, %v", subject, len(rows), err)
		}
	}
}

// A create that failed is about what it was to make, as far as the request says what that is.
func TestRecord_refusedCreate_namesTheResource(t *testing.T) {
	r := newRig(t, nil)
	const core = "tenants/acme/organisations/core"
	const create = "/lowlayer.network.v1.VpcService/CreateVpc"
	denied := errs.New(errs.PermissionDenied, "PERMISSION_DENIED", "no")
	for _, id := range []string{"dev", "", "-", "a/b", "../x", "Dev!", "tenants"} {
		r.End(r.begin(create, &networkv1.CreateVpcRequest{Parent: core, VpcId: id}), denied)
	}
	r.End(r.begin(create, &networkv1.CreateVpcRequest{Parent: "tenants/acme", VpcId: "dev"}), denied)
	r.End(r.begin("/lowlayer.tenant.v1.OrganisationService/CreateOrganisation",
		&tenantv1.CreateOrganisationRequest{Parent: "tenants/acme", OrganisationId: "lab"}), denied)
	r.End(r.begin("/lowlayer.tenant.v1.ServiceAccountService/CreateServiceAccount",
		&tenantv1.CreateServiceAccountRequest{Parent: core, ServiceAccountId: "ci"}), denied)
	r.End(r.begin("/lowlayer.tenant.v1.MemberService/CreateMember", &tenantv1.CreateMemberRequest{Parent: core}), denied)
	r.End(r.begin("/lowlayer.tenant.v1.TenantService/CreateTenant", &tenantv1.CreateTenantRequest{TenantId: "acme"}), denied)
	r.settle()
	var got []string
	for _, rec := range r.records() {
		got = append(got, rec.Resource)
	}
	want := []string{core + "/vpcs/dev", core, core, core, core, core, core, "tenants/acme", "tenants/acme/organisations/lab", core + "/serviceAccounts/ci", core}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Over a server: refusals and the handler's failures are recorded with the error of the response.
func TestRecord_refusal_isRecorded(t *testing.T) {
	r := newRig(t, nil)
	server, err := rpc.NewServer(rpc.ServerConfig{
		Name: "tenant", Listen: "127.0.0.1:0", Audit: r.Trail, Logger: slog.New(slog.DiscardHandler),
		Authorize: func(ctx context.Context, _ string, m proto.Message) (context.Context, error) {
			if request, ok := m.(*tenantv1.SuspendTenantRequest); ok && request.GetReason() == "denied" {
				return nil, errs.New(errs.PermissionDenied, "PERMISSION_DENIED", "no")
			}
			return ctx, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	tenantv1.RegisterTenantServiceServer(server.Registrar(), tenantv1.UnimplementedTenantServiceServer{})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	conn, err := rpc.Dial(rpc.ClientConfig{Target: server.Addr(), Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	client := tenantv1.NewTenantServiceClient(conn)
	for _, reason := range []string{"denied", "other"} {
		if _, err := client.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: "tenants/acme", Reason: reason}); err == nil {
			t.Errorf("%s: it succeeds", reason)
		}
	}
	stop()
	if err := errors.Join(<-served, conn.Close()); err != nil {
		t.Error(err)
	}
	r.settle()
	got := r.records()
	if len(got) != 2 || got[0].Code != "PERMISSION_DENIED" || got[1].Code != "UNIMPLEMENTED" || got[0].Resource != "tenants/acme" || got[0].RequestID == "" {
		t.Errorf("got %+v", got)
	}
}

func TestTables_areAppendOnly_always(t *testing.T) {
	r := newRig(t, nil)
	for range 2 {
		if err := r.change(r.begin(suspend, &tenantv1.SuspendTenantRequest{Name: "tenants/acme"}), "tenants/acme", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{
		`UPDATE audit_records SET code = 'X'`, `DELETE FROM audit_records`, `TRUNCATE audit_records`, `DELETE FROM audit_heads`,
		`TRUNCATE audit_heads CASCADE`, `UPDATE audit_heads SET sequence = 1`, `UPDATE audit_heads SET hash = repeat('0', 64)`,
		`UPDATE audit_heads SET tenant = 'x'`,
	} {
		if _, err := r.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s is carried out", sql)
		}
	}
	if got := r.records(); len(got) != 2 {
		t.Errorf("got %d records", len(got))
	}
}

// A purged tenant's chain stays. Callers who may see the past read it under its name until another tenant takes the
// name, and under its unique id for ever.
func TestChain_purgedTenant_isKept(t *testing.T) {
	r := newRig(t, nil)
	request := &tenantv1.SuspendTenantRequest{Name: "tenants/acme"}
	write := func() {
		t.Helper()
		if err := r.change(r.begin(suspend, request), "tenants/acme", nil); err != nil {
			t.Fatal(err)
		}
	}
	own := func(uid string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.owners["acme"] = uid
	}
	sees := func(a trail.Asked, uid string, n int64) {
		t.Helper()
		head, err := r.Head(t.Context(), a)
		if err != nil || (head == nil) != (uid == "") || (head != nil && (head.TenantUID != uid || head.Sequence != n)) {
			t.Errorf("%+v sees %+v, %v", a, head, err)
		}
	}
	write()
	present := trail.Asked{Tenant: "acme"}
	sees(present, "ten_1", 1)
	own("")
	sees(present, "", 0)
	sees(trail.Asked{Tenant: "acme", UID: "ten_1"}, "", 0)
	sees(trail.Asked{Tenant: "acme", Past: true}, "ten_1", 1)
	own("ten_2")
	sees(present, "ten_2", 0)
	sees(trail.Asked{Tenant: "acme", UID: "ten_1"}, "", 0)
	sees(trail.Asked{Tenant: "acme", Past: true}, "ten_2", 0)
	sees(trail.Asked{Tenant: "acme", UID: "ten_1", Past: true}, "ten_1", 1)
	sees(trail.Asked{Tenant: "other", UID: "ten_1", Past: true}, "", 0) // no tenant of that name had this unique id
	sees(trail.Asked{Tenant: "acme", UID: "ten_9", Past: true}, "", 0)  // nor this one
	write()
	if got := r.records(); len(got) != 1 || got[0].TenantUID != "ten_2" || got[0].Sequence != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestSecretsStayOut(t *testing.T) {
	r := newRig(t, nil)
	name := "tenants/acme/serviceAccounts/ci"
	ctx := r.begin(rotate, &tenantv1.RotateServiceAccountRequest{Name: name})
	err := pg.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error {
		var c audit.Changes
		c.Before(name, &tenantv1.ServiceAccount{Name: name})
		c.After(name, &tenantv1.ServiceAccount{Name: name, ClientId: "ll-x", Secret: "hunter2"})
		return r.Append(ctx, tx, name, &c)
	})
	if err != nil {
		t.Fatal(err)
	}
	got := r.records()[0].Changes
	if len(got) != 1 || !strings.Contains(string(got[0].After), `"clientId":"ll-x"`) || strings.Contains(string(got[0].After), "hunter2") {
		t.Errorf("got %s", got)
	}
	// Of what is sensitive the resource is there whole.
	if !strings.Contains(string(got[0].Before), name) {
		t.Errorf("before is %s", got[0].Before)
	}
}

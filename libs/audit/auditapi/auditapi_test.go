package auditapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/auditapi"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/rpc"
)

const parent = "tenants/acme"

// rig is the API of a trail, on a database of its own.
type rig struct {
	*auditapi.Server
	t    *testing.T
	pool *pgxpool.Pool
	// owned is the pool of the database's owner, which can lift its rules.
	owned  *pgxpool.Pool
	trail  *trail.Trail
	signer *receipt.Signer
	// present is the unique id of the tenant acme.
	present string
	ada     context.Context //nolint:containedctx // an owner of it
	staff   context.Context //nolint:containedctx // an operator of the platform
}

func newRig(t *testing.T) *rig {
	t.Helper()
	key, err := receipt.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	owned := pgtest.OwnerURL(t, trail.Migrations())
	r := &rig{t: t, pool: pgtest.Pool(t, pgtest.AppURL(t, owned)), owned: pgtest.Pool(t, owned), present: "ten_1"}
	if r.signer, err = receipt.NewSigner(key); err != nil {
		t.Fatal(err)
	}
	owner := func(_ context.Context, _ trail.Querier, tenant string) (string, error) {
		if tenant != "acme" {
			return "", nil
		}
		return r.present, nil
	}
	if r.trail, err = trail.New(trail.Config{Service: "tenant", Pool: r.pool, Owner: owner, Signer: r.signer}); err != nil {
		t.Fatal(err)
	}
	r.Server = auditapi.New(r.trail, paging.New([]byte("k")))
	r.ada = identity.With(t.Context(), &identity.Principal{Subject: "ada", Email: "ada@acme.test", Groups: []string{"/tenants/acme/owner"}})
	r.staff = identity.With(t.Context(), &identity.Principal{Subject: "staff", Groups: []string{"/platform/operator"}})
	return r
}

// suspends records n calls of ada that change something.
func (r *rig) suspends(n int) {
	r.t.Helper()
	for i := range n {
		ctx := r.trail.Begin(rpc.WithRequestID(r.ada, fmt.Sprint("req-", i+1)), tenantv1.TenantService_SuspendTenant_FullMethodName, &tenantv1.SuspendTenantRequest{Name: parent})
		err := pg.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error {
			var c audit.Changes
			c.Before(parent, &tenantv1.Tenant{Name: parent, DisplayName: fmt.Sprint(i)})
			c.After(parent, &tenantv1.Tenant{Name: parent, DisplayName: fmt.Sprint(i + 1)})
			return r.trail.Append(ctx, tx, parent, &c)
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// denied records a call of the staff that was denied.
func (r *rig) denied() {
	r.t.Helper()
	ctx := r.trail.Begin(r.staff, tenantv1.TenantService_ResumeTenant_FullMethodName, &tenantv1.ResumeTenantRequest{Name: parent})
	r.trail.End(ctx, errs.New(errs.PermissionDenied, "PERMISSION_DENIED", "no"))
	ended, cancel := context.WithCancel(r.t.Context())
	cancel()
	if err := r.trail.Run(ended); err != nil { // writes what waits
		r.t.Fatal(err)
	}
}

// list is every event, in pages.
func (r *rig) list(ctx context.Context, req *auditv1.ListAuditEventsRequest) []*auditv1.AuditEvent {
	r.t.Helper()
	var out []*auditv1.AuditEvent
	for {
		page, err := r.ListAuditEvents(ctx, req)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, page.GetAuditEvents()...)
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return out
		}
		if n := len(page.GetAuditEvents()); n == 0 || n > int(req.GetPageSize()) {
			r.t.Fatalf("a page of %d", n)
		}
	}
}

// export is a whole chain as a file.
func (r *rig) export(ctx context.Context, size int32, uid string) string {
	r.t.Helper()
	var file bytes.Buffer
	req := &auditv1.ExportAuditEventsRequest{Parent: parent, PageSize: size, TenantUid: uid}
	for {
		page, err := r.ExportAuditEvents(ctx, req)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, rec := range page.GetRecords() {
			err = errors.Join(err, audit.WriteEntry(&file, audit.Entry{Payload: rec.GetRecord(), Hash: rec.GetHash()}))
		}
		if c := page.GetCheckpoint(); c != nil {
			err = errors.Join(err, audit.WriteCheckpoint(&file, envelope(c)))
		}
		if err != nil {
			r.t.Fatal(err)
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return file.String()
		}
	}
}

func envelope(m *receiptv1.Envelope) receipt.Envelope {
	e := receipt.Envelope{Payload: m.GetPayload(), PayloadType: m.GetPayloadType()}
	for _, s := range m.GetSignatures() {
		e.Signatures = append(e.Signatures, receipt.Signature{KeyID: s.GetKeyid(), Sig: s.GetSig()})
	}
	return e
}

// verified is how many records an export has, which must verify.
func (r *rig) verified(file string) int64 {
	r.t.Helper()
	chains, err := audit.Verify(strings.NewReader(file), audit.Expect{Keys: []receipt.Key{r.signer.Key()}, Services: []string{"tenant"}})
	if err != nil {
		r.t.Fatalf("%v\n%s", err, file)
	}
	return chains[0].Records
}

func TestEvent_fields_matchItsRecord(t *testing.T) {
	r := newRig(t)
	r.suspends(1)
	got := r.list(r.ada, &auditv1.ListAuditEventsRequest{Parent: parent})
	if len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	e := got[0]
	if !strings.HasPrefix(e.GetName(), parent+"/auditEvents/aud_tenant_") || e.GetService() != "tenant" || e.GetSequence() != 1 ||
		time.Since(e.GetCreateTime().AsTime()) > time.Minute || e.GetActor().GetKind() != auditv1.Actor_USER || e.GetActor().GetEmail() != "ada@acme.test" ||
		e.GetMethod() != "lowlayer.tenant.v1.TenantService.SuspendTenant" || e.GetPermission() != "tenant.tenants.suspend" ||
		e.GetResource() != parent || e.GetRequestId() != "req-1" || e.GetCode() != "OK" || len(e.GetHash()) != 64 || len(e.GetChanges()) != 1 {
		t.Errorf("got %v", e)
	}
	c := e.GetChanges()[0]
	if c.GetResource() != parent || c.GetBefore().GetFields()["displayName"].GetStringValue() != "0" || c.GetAfter().GetFields()["displayName"].GetStringValue() != "1" {
		t.Errorf("got %v", c)
	}
}

func TestEvent_cascade_namesBoth(t *testing.T) {
	r := newRig(t)
	ctx := peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{SPIFFEID: &url.URL{Scheme: "spiffe", Host: "x.test", Path: "/network"}}})
	ctx = metadata.NewIncomingContext(ctx, metadata.MD{behalf.Key: {`{"kind":"USER","subject":"ada","name":"a","email":"ada@acme.test","issuer":"i","acr":"2"}`}})
	ctx = r.trail.Begin(ctx, "/lowlayer.tenant.v1.TenantService/SuspendTenant", &tenantv1.SuspendTenantRequest{Name: parent})
	if err := pg.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error { return r.trail.Append(ctx, tx, parent, nil) }); err != nil {
		t.Fatal(err)
	}
	r.suspends(1)
	got := r.list(r.ada, &auditv1.ListAuditEventsRequest{Parent: parent, Filter: `on_behalf_of = "ada"`})
	if len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	want := &auditv1.Actor{Kind: auditv1.Actor_USER, Subject: "ada", DisplayName: "a", Email: "ada@acme.test", Issuer: "i", Acr: "2"}
	if a := got[0].GetActor(); a.GetKind() != auditv1.Actor_SERVICE || a.GetSubject() != "network" || !proto.Equal(got[0].GetOnBehalfOf(), want) {
		t.Errorf("got %v", got[0])
	}
}

func TestList_pages_areNewestFirst(t *testing.T) {
	r := newRig(t)
	r.suspends(7)
	for _, size := range []int32{1, 3, 7, 50} {
		var got []int64
		for _, e := range r.list(r.ada, &auditv1.ListAuditEventsRequest{Parent: parent, PageSize: size}) {
			got = append(got, e.GetSequence())
		}
		if !slices.Equal(got, []int64{7, 6, 5, 4, 3, 2, 1}) {
			t.Errorf("in pages of %d: %v", size, got)
		}
		if n := r.verified(r.export(r.ada, size, "")); n != 7 {
			t.Errorf("exported in pages of %d: %d records", size, n)
		}
	}
}

func TestFilters(t *testing.T) {
	r := newRig(t)
	r.suspends(3)
	r.denied()
	for filter, want := range map[string]int{
		`code = "PERMISSION_DENIED"`:                                       1,
		`code = "OK" AND actor = "ada"`:                                    3,
		`actor = "staff" OR request_id = "req-2"`:                          2,
		`method = "lowlayer.tenant.v1.TenantService.SuspendTenant"`:        3,
		`resource = "tenants/acme" AND reason = "PERMISSION_DENIED"`:       1,
		`email = "ada@acme.test" AND create_time > "2020-01-01T00:00:00Z"`: 3,
		`create_time < "2020-01-01T00:00:00Z"`:                             0,
		`method = "*Resume*"`:                                              1,
	} {
		if got := r.list(r.ada, &auditv1.ListAuditEventsRequest{Parent: parent, PageSize: 1, Filter: filter}); len(got) != want {
			t.Errorf("%s: got %d", filter, len(got))
		}
	}
}

// Pages are bounded in bytes, too.
func TestLargeRecords(t *testing.T) {
	r := newRig(t)
	for range 5 {
		ctx := r.trail.Begin(r.ada, tenantv1.TenantService_SuspendTenant_FullMethodName, &tenantv1.SuspendTenantRequest{Name: parent})
		err := pg.InTx(ctx, r.pool, func(ctx context.Context, tx pgx.Tx) error {
			var c audit.Changes
			c.After(parent, &tenantv1.Tenant{Name: parent, DisplayName: strings.Repeat("x", 700_000)})
			return r.trail.Append(ctx, tx, parent, &c)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	page, err := r.ListAuditEvents(r.ada, &auditv1.ListAuditEventsRequest{Parent: parent, PageSize: 1000})
	if err != nil || len(page.GetAuditEvents()) != 1 || page.GetNextPageToken() == "" {
		t.Fatalf("a page of %d, %v", len(page.GetAuditEvents()), err)
	}
	if got := r.list(r.ada, &auditv1.ListAuditEventsRequest{Parent: parent, PageSize: 1000}); len(got) != 5 {
		t.Errorf("got %d", len(got))
	}
	if n := r.verified(r.export(r.ada, 1000, "")); n != 5 {
		t.Errorf("got %d", n)
	}
}

// A record that was taken out of the table, and one that was edited there, are found in an export.
func TestTamperingIsExported(t *testing.T) {
	r := newRig(t)
	r.suspends(5)
	for want, sql := range map[string]string{
		audit.CheckSequence:  `DELETE FROM audit_records WHERE sequence = 2`,
		audit.CheckTruncated: `DELETE FROM audit_records WHERE sequence > 3`,
		audit.CheckHash:      `UPDATE audit_records SET payload = convert_to(replace(convert_from(payload, 'UTF8'), 'ada', 'eve'), 'UTF8') WHERE sequence = 5`,
	} {
		for _, size := range []int32{2, 50} {
			if _, err := r.owned.Exec(t.Context(), `CREATE TABLE kept AS SELECT * FROM audit_records; ALTER TABLE audit_records DISABLE TRIGGER USER; `+sql); err != nil {
				t.Fatal(err)
			}
			_, err := audit.Verify(strings.NewReader(r.export(r.ada, size, "")), audit.Expect{Keys: []receipt.Key{r.signer.Key()}})
			if audit.CheckOf(err) != want {
				t.Errorf("%s, in pages of %d: %v", sql, size, err)
			}
			if _, err := r.owned.Exec(t.Context(), `DELETE FROM audit_records; INSERT INTO audit_records SELECT * FROM kept; DROP TABLE kept;
				ALTER TABLE audit_records ENABLE TRIGGER USER`); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := r.verified(r.export(r.ada, 50, "")); n != 5 {
		t.Errorf("got %d", n)
	}
}

// A caller with roles on a tenant sees nothing of the earlier tenant of that name; operators of the platform do.
func TestList_earlierTenant_isForOperators(t *testing.T) {
	r := newRig(t)
	r.suspends(2)
	sees := func(ctx context.Context, uid, owner string, want int) {
		t.Helper()
		page, err := r.ListAuditEvents(ctx, &auditv1.ListAuditEventsRequest{Parent: parent, TenantUid: uid})
		if err != nil || len(page.GetAuditEvents()) != want || page.GetTenantUid() != owner {
			t.Errorf("lists %v, %v", page, err)
		}
		exported, err := r.ExportAuditEvents(ctx, &auditv1.ExportAuditEventsRequest{Parent: parent, TenantUid: uid})
		if err != nil || len(exported.GetRecords()) != want || exported.GetTenantUid() != owner || (exported.GetCheckpoint() == nil) != (owner == "") {
			t.Errorf("exports %v, %v", exported, err)
		}
	}
	sees(r.ada, "", "ten_1", 2)
	r.present = "" // purged
	sees(r.ada, "", "", 0)
	sees(r.ada, "ten_1", "", 0)
	sees(r.staff, "", "ten_1", 2)
	r.present = "ten_2" // another tenant's
	sees(r.ada, "", "ten_2", 0)
	sees(r.ada, "ten_1", "", 0)
	sees(r.staff, "", "ten_2", 0)
	sees(r.staff, "ten_1", "ten_1", 2)
	if n := r.verified(r.export(r.staff, 1, "ten_1")); n != 2 {
		t.Errorf("got %d", n)
	}
	r.suspends(1)
	sees(r.ada, "", "ten_2", 1)
	// A page of before does not lead into the past.
	r.present = "ten_1"
	page, err := r.ListAuditEvents(r.ada, &auditv1.ListAuditEventsRequest{Parent: parent, PageSize: 1})
	if err != nil || page.GetNextPageToken() == "" {
		t.Fatal(page, err)
	}
	r.present = "ten_2"
	_, err = r.ListAuditEvents(r.ada, &auditv1.ListAuditEventsRequest{Parent: parent, PageSize: 1, PageToken: page.GetNextPageToken()})
	if errs.CodeOf(err) != errs.InvalidArgument {
		t.Errorf("got %v", err)
	}
}

func TestRefusals(t *testing.T) {
	r := newRig(t)
	for _, req := range []*auditv1.ListAuditEventsRequest{
		{Parent: "acme"}, {Parent: parent, Filter: "colour = 1"}, {Parent: parent, PageToken: "x"},
	} {
		if _, err := r.ListAuditEvents(r.ada, req); errs.CodeOf(err) != errs.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
	for _, req := range []*auditv1.ExportAuditEventsRequest{{Parent: "acme"}, {Parent: parent, PageToken: "x"}} {
		if _, err := r.ExportAuditEvents(r.ada, req); errs.CodeOf(err) != errs.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
	// A tenant that never existed has no events, for any caller.
	for _, ctx := range []context.Context{r.ada, r.staff, t.Context()} {
		if got, err := r.ListAuditEvents(ctx, &auditv1.ListAuditEventsRequest{Parent: "tenants/none"}); err != nil || len(got.GetAuditEvents()) != 0 || got.GetTenantUid() != "" {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

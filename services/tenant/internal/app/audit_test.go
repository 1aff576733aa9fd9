package app_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/rpc"
)

// No record holds what is shown once: passwords, and secrets of service accounts.
func TestAuditRecords_secretsShownOnce_areLeftOut(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	ada := s.member("tenants/acme", "ada@acme.test", tenantv1.Role_OWNER)
	made, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
		Parent: "tenants/acme", ServiceAccountId: "ci", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
	})
	if err != nil {
		t.Fatal(err)
	}
	bob := s.member("tenants/acme", "bob@acme.test", tenantv1.Role_VIEWER)
	if _, err := s.UpdateMember(ctx, &tenantv1.UpdateMemberRequest{
		Member: &tenantv1.Member{Name: bob.GetName(), Roles: []tenantv1.Role{tenantv1.Role_ADMIN}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"roles"}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: bob.GetName()}); err != nil {
		t.Fatal(err)
	}
	rotated, err := s.RotateServiceAccount(ctx, &tenantv1.RotateServiceAccountRequest{Name: made.GetName()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteServiceAccount(ctx, &tenantv1.DeleteServiceAccountRequest{Name: made.GetName()}); err != nil {
		t.Fatal(err)
	}
	rows, err := s.pool.Query(ctx, `SELECT payload FROM audit_records ORDER BY sequence`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var methods []string
	for rows.Next() {
		var payload []byte
		if err := rows.Scan(&payload); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{ada.GetInitialPassword(), made.GetSecret(), rotated.GetSecret()} {
			if secret == "" || strings.Contains(string(payload), secret) {
				t.Errorf("the secret %q is in %s", secret, payload)
			}
		}
		r, err := audit.Parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		methods = append(methods, r.Method[strings.LastIndexByte(r.Method, '.')+1:])
		if len(r.Changes) != 1 || r.Code != "OK" {
			t.Errorf("got %+v", r)
		}
	}
	want := "CreateTenant CreateMember CreateServiceAccount CreateMember UpdateMember DeleteMember RotateServiceAccount DeleteServiceAccount"
	if got := strings.Join(methods, " "); rows.Err() != nil || got != want {
		t.Errorf("got %s, %v", got, rows.Err())
	}
}

// The trail of a purged tenant is kept, and is not that of the next one of its name.
func TestAuditTrail_purgedTenant_isKept(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	conn, err := rpc.Dial(rpc.ClientConfig{Target: r.app.Server.Addr(), Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := auditv1.NewAuditServiceClient(conn)
	// sees is what is listed, newest first, and exported of a tenant; nobody is identified here, so that all of it is shown.
	sees := func(asked, uid, want string) {
		t.Helper()
		listed, err := client.ListAuditEvents(ctx, &auditv1.ListAuditEventsRequest{Parent: "tenants/acme", TenantUid: asked})
		if err != nil {
			t.Fatal(err)
		}
		exported, err := client.ExportAuditEvents(ctx, &auditv1.ExportAuditEventsRequest{Parent: "tenants/acme", TenantUid: asked})
		if err != nil {
			t.Fatal(err)
		}
		var methods []string
		for _, e := range listed.GetAuditEvents() {
			methods = append(methods, e.GetMethod()[strings.LastIndexByte(e.GetMethod(), '.')+1:])
		}
		if strings.Join(methods, " ") != want || len(exported.GetRecords()) != len(methods) || listed.GetTenantUid() != uid || exported.GetTenantUid() != uid {
			t.Errorf("lists %v of %s, exports %d of %s", methods, listed.GetTenantUid(), len(exported.GetRecords()), exported.GetTenantUid())
		}
	}
	first := r.tenant("acme")
	r.done(r.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: "tenants/acme", Reason: "unpaid"}))
	r.done(r.ResumeTenant(ctx, &tenantv1.ResumeTenantRequest{Name: "tenants/acme"}))
	r.done(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Purge: true}))
	sees("", first.GetUid(), "DeleteTenant ResumeTenant SuspendTenant CreateTenant")
	second := r.tenant("acme")
	sees("", second.GetUid(), "CreateTenant")
	sees(first.GetUid(), first.GetUid(), "DeleteTenant ResumeTenant SuspendTenant CreateTenant")
}

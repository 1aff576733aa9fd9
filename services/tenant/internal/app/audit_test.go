package app_test

import (
	"strings"
	"testing"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/audit"
)

// No record holds what is shown once: passwords, and secrets of service accounts.
func TestRecordsHoldNoSecret(t *testing.T) {
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
	want := "CreateTenant CreateMember CreateServiceAccount RotateServiceAccount DeleteServiceAccount"
	if got := strings.Join(methods, " "); rows.Err() != nil || got != want {
		t.Errorf("got %s, %v", got, rows.Err())
	}
}

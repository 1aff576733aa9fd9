package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/seal"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestSecretsStaySealed goes through making, failing and rotating, and then looks for the secrets in clear everywhere the
// service writes: its log and every table of its database.
func TestSecretsStaySealed(t *testing.T) {
	t.Parallel()
	log := &lines{}
	r := startLogged(t, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	ctx := t.Context()
	r.tenant("acme")
	if _, err := r.cloud.AddFault(sim.Fault{Method: "POST", Path: "(users|application_credentials|auth/tokens)$", Status: 400, Count: 3}); err != nil {
		t.Fatal(err)
	}
	o := r.organisation("acme", "core")
	secrets := []string{r.secret(o), r.password(o.GetUid())}
	r.done(r.RotateOrganisationCredential(ctx, &tenantv1.RotateOrganisationCredentialRequest{Name: o.GetName()}))
	secrets = append(secrets, r.secret(r.getOrganisation(o.GetName())))

	rows, err := r.pool.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 10 {
		t.Fatalf("tables: %v, %v", tables, err)
	}
	places := map[string]string{"the log": log.String()}
	for _, table := range tables {
		rows, err := r.pool.Query(ctx, fmt.Sprintf(`SELECT t::text FROM %s t`, pgx.Identifier{table}.Sanitize()))
		if err != nil {
			t.Fatal(err)
		}
		text, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Logf("%s cannot be read by the service: %v", table, err)
			continue
		}
		places["table "+table] = strings.Join(text, "\n")
	}
	if !strings.Contains(places["the log"], "a step failed") {
		t.Error("the faults left nothing in the log, so this shows nothing")
	}
	for place, text := range places {
		for _, s := range secrets {
			// bytea is shown in hexadecimal.
			if strings.Contains(text, s) || strings.Contains(text, fmt.Sprintf("%x", s)) {
				t.Errorf("%s holds a secret in clear", place)
			}
		}
	}
}

// password opens the sealed password of an organisation's service user.
func (r *rig) password(uid string) string {
	r.t.Helper()
	var sealed []byte
	if err := r.pool.QueryRow(r.t.Context(), `SELECT password FROM service_users WHERE organisation_uid = $1`, uid).Scan(&sealed); err != nil {
		r.t.Fatalf("read service user: %v", err)
	}
	keeper, err := seal.Open(r.t.Context(), sealURL)
	if err != nil {
		r.t.Fatal(err)
	}
	plain, err := keeper.Open(r.t.Context(), "service_user/"+uid, sealed)
	if err != nil {
		r.t.Fatalf("open password: %v", err)
	}
	if err := keeper.Close(); err != nil {
		r.t.Fatal(err)
	}
	return string(plain)
}

// TestReads_callNoCloud shows that reads, and calls that only order something, make no call in the cloud.
func TestReads_callNoCloud(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	o := r.organisation("acme", "core")
	id, err := r.cloud.AddFault(sim.Fault{Path: "/", Status: 503})
	if err != nil {
		t.Fatal(err)
	}
	r.cloud.ResetCalls()
	if _, err := r.GetTenant(ctx, &tenantv1.GetTenantRequest{Name: "tenants/acme"}); err != nil {
		t.Error(err)
	}
	if _, err := r.ListTenants(ctx, &tenantv1.ListTenantsRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := r.ListOrganisations(ctx, &tenantv1.ListOrganisationsRequest{Parent: "tenants/acme"}); err != nil {
		t.Error(err)
	}
	if r.getOrganisation(o.GetName()).GetUid() != o.GetUid() {
		t.Error("another organisation")
	}
	if n := len(r.cloud.Calls()); n != 0 {
		t.Errorf("reads made %d calls in the cloud", n)
	}
	op, err := r.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: "later", Tenant: &tenantv1.Tenant{}})
	if err != nil || op.GetDone() {
		t.Errorf("an order while the cloud is away: %v, %v", op, err)
	}
	r.cloud.RemoveFault(id)
	r.done(op, nil)
}

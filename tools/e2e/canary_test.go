package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/identity/identitytest"
	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/libs/telemetry/telemetrytest"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// canaries are secrets that were given to the platform, or that it gave out, by what they are.
type canaries map[string]string

// spellings are the ways a secret may be written down by somebody who did not mean to. Of a token its signature is enough.
func spellings(secret string) []string {
	if parts := strings.Split(secret, "."); len(parts) == 3 {
		secret = parts[2]
	}
	return []string{
		secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
}

// in looks for all of them in a text.
func (c canaries) in(t *testing.T, where, text string) {
	t.Helper()
	for name, secret := range c {
		for _, spelling := range spellings(secret) {
			if i := strings.Index(text, spelling); i >= 0 {
				t.Errorf("%s: there is %s in …%s…", where, name, strings.ReplaceAll(text[max(0, i-120):i], "\n", " "))
				break
			}
		}
	}
}

// TestSecrets_everyOutput_staySecret works with more than a hundred secrets, also where they do not belong, and looks for them in
// everything that is written down or sent on: logs, traces, metrics, errors, both databases and Redis.
func TestSecrets_everyOutput_staySecret(t *testing.T) {
	turn(t, &alone)
	i := identitytest.Start(t)
	receiver := telemetrytest.NewReceiver(t)
	env := []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.Endpoint(), "OTEL_EXPORTER_OTLP_INSECURE=true", "OTEL_BSP_SCHEDULE_DELAY=200", "OTEL_TRACES_SAMPLER=always_on",
	}
	for _, service := range []string{"GATEWAY", "METERING", "TENANT", "NETWORK"} {
		env = append(env, "LOWLAYER_"+service+"_ISSUER="+i.URL)
	}
	p := stacktest.Start(t, stack.Options{Env: env, Identity: true})
	s := &secured{Platform: p, issuer: i, conn: stacktest.Dial(t, p.Addresses().Gateway)}
	operator := i.Token(t, "staff", []string{"/platform/operator"}, identitytest.SteppedUp())
	s.operator = s.as(t, operator)
	s.own = s.tenant(t, "own")

	found := canaries{"the operator's token": operator}
	var errorsTold strings.Builder
	s.programs(t, found)
	s.strangers(t, found, &errorsTold)
	for name, file := range map[string]string{"the key of receipts": "receipt-tenant.pem", "the secret of Keycloak's client": "keycloak.secret", "the key that seals": "seal.url"} {
		data, err := os.ReadFile(filepath.Join(p.Dir(), file))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		found[name] = strings.TrimPrefix(lines[len(lines)/2], "base64key://") // of a PEM file a line of the key
	}
	if len(found) < 100 {
		t.Fatalf("only %d secrets", len(found))
	}

	found.in(t, "errors", errorsTold.String())
	seen := func(where, text, control string) {
		t.Helper()
		if !strings.Contains(text, control) {
			t.Errorf("%s: there is nothing of what was done", where)
		}
		found.in(t, where, text)
	}
	seen("logs", s.logs(t), "ServiceAccountService/CreateServiceAccount")
	receiver.WaitFor(t, func(all []*telemetrytest.Span) bool {
		return len(named(all, "gateway", "lowlayer.tenant.v1.ServiceAccountService")) > 0 || len(all) > 200
	})
	var spans strings.Builder
	for _, span := range receiver.Spans() {
		fmt.Fprintln(&spans, span.Service, span.Name, span.Attributes)
	}
	seen("traces", spans.String(), s.own["tenants"])
	a := p.Addresses()
	for _, service := range registry.Names(registry.All()) {
		admin := a.Admin(service)
		found.in(t, "metrics of "+admin, fetched(t, "http://"+admin+"/metrics"))
	}
	for _, service := range registry.Names(registry.Databases()) {
		seen("the database of "+service, dump(t, p.DatabaseURL(service)), s.own["tenants"])
	}
	seen("Redis", redisDump(t, a.Redis), s.own["tenants"])
	t.Logf("%d secrets, %d spans", len(found), len(receiver.Spans()))
}

// programs makes accounts and people whose secrets are told once.
func (s *secured) programs(t *testing.T, found canaries) {
	t.Helper()
	tenant := "tenants/" + s.own["tenants"]
	accounts, members := tenantv1.NewServiceAccountServiceClient(s.conn), tenantv1.NewMemberServiceClient(s.conn)
	for n := range 20 {
		id := fmt.Sprintf("robot-%d", n)
		made, err := accounts.CreateServiceAccount(s.operator, &tenantv1.CreateServiceAccountRequest{
			Parent: tenant, ServiceAccountId: id, ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
		})
		if err != nil {
			t.Fatal(err)
		}
		renewed, err := accounts.RotateServiceAccount(s.operator, &tenantv1.RotateServiceAccountRequest{Name: made.GetName()})
		if err != nil {
			t.Fatal(err)
		}
		member, err := members.CreateMember(s.operator, &tenantv1.CreateMemberRequest{
			Parent: tenant, Member: &tenantv1.Member{Email: id + "@own.test", Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range map[string]string{
			"the first secret of " + id: made.GetSecret(), "the secret of " + id: renewed.GetSecret(), "the password of " + id: member.GetInitialPassword(),
		} {
			if len(secret) < 12 {
				t.Fatalf("%s is %q", name, secret)
			}
			found[name] = secret
		}
	}
}

// strangers call with tokens that are good, of the wrong people, and none at all; and put secrets where none belongs.
func (s *secured) strangers(t *testing.T, found canaries, told *strings.Builder) {
	t.Helper()
	tenants := tenantv1.NewTenantServiceClient(s.conn)
	get := &tenantv1.GetTenantRequest{Name: "tenants/" + s.own["tenants"]}
	for n := range 15 {
		good := s.issuer.Token(t, fmt.Sprintf("viewer-%d", n), []string{"/" + get.GetName() + "/viewer"})
		if _, err := tenants.GetTenant(s.as(t, good), get); err != nil {
			t.Fatal(err)
		}
		found[fmt.Sprintf("the token of viewer %d", n)] = good
		foreign := s.issuer.Token(t, fmt.Sprintf("stranger-%d", n), []string{"/tenants/foreign/owner"})
		_, err := tenants.GetTenant(s.as(t, foreign), get)
		if status.Code(err) != codes.NotFound {
			t.Fatal(err)
		}
		fmt.Fprintln(told, err, status.Convert(err).Details())
		found[fmt.Sprintf("the token of stranger %d", n)] = foreign
		forged := good[:len(good)-6] + fmt.Sprintf("AAAA%02d", n)
		ctx := metadata.AppendToOutgoingContext(s.as(t, forged), "x-api-key", fmt.Sprintf("canary-header-%02d-7f3a9c", n))
		if _, err = tenants.GetTenant(ctx, get); status.Code(err) != codes.Unauthenticated {
			t.Fatal(err)
		}
		fmt.Fprintln(told, err, status.Convert(err).Details())
		found[fmt.Sprintf("forged token %d", n)] = forged
		found[fmt.Sprintf("header %d", n)] = fmt.Sprintf("canary-header-%02d-7f3a9c", n)
		_, body := s.ask(t, http.MethodGet, "/v1/"+get.GetName(), "", forged)
		fmt.Fprintln(told, string(body))
	}
}

// logs are those of the platform's own programs.
func (s *secured) logs(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, part := range append(registry.Names(registry.All()), "postgres", "redis", "openstacksim") {
		data, err := os.ReadFile(s.Log(part))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	if all.Len() < 1000 {
		t.Errorf("the logs are %d bytes", all.Len())
	}
	return all.String()
}

func fetched(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || len(body) < 1000 {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	return string(body)
}

// dump is every row of every table of a database.
func dump(t *testing.T, url string) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, url+"&lowlayer.tenants=*")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 5 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	slices.Sort(tables)
	var all strings.Builder
	for _, table := range tables {
		if _, err := conn.PgConn().CopyTo(ctx, &all, "COPY "+table+" TO STDOUT"); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
	}
	return all.String()
}

func redisDump(t *testing.T, address string) string {
	t.Helper()
	client, err := redisdb.Open(redisdb.Config{URL: "redis://" + address + "/0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.ConfigSet(t.Context(), "rdbcompression", "no").Err(); err != nil {
		t.Fatal(err)
	}
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	var all strings.Builder
	for _, key := range keys {
		value, err := client.Dump(t.Context(), key).Result()
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		fmt.Fprintln(&all, key, value)
	}
	return all.String()
}

package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"github.com/low-layer/platform/libs/identity/identitytest"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/libs/watch/resume"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

const (
	reconnects = 1000
	// everySSE of them are Server-Sent Events, everyKill come after a service or the gateway was killed.
	everySSE, everyKill = 5, 250
)

// noted is what a change is, in the log of a service and on a stream.
type noted struct {
	service  string
	sequence int64
	kind     string
	name     string
}

// follower reads what changes over streams that are cut all the time.
type follower struct {
	s        *secured
	t        *testing.T
	token    string
	tenant   string
	resume   string
	got      []noted
	snapshot int
}

// watches has writers at work while one who watches is cut off a thousand times, and parts of the platform are killed: what he was told is then
// what the logs of the services hold, each change once and in order. Then it compares the streams of the roles.
func (s *secured) watches(t *testing.T) {
	t.Run("a thousand reconnects", s.reconnects)
	t.Run("everybody is told what he may read", s.watchedByRole)
	t.Run("a stream ends with its token, and goes on with the next", s.streamEndsWithToken)
	t.Run("nothing secret is told", s.watchTellsNoSecret)
	t.Run("the end of a tenant is the last word", s.lastWord)
}

func (s *secured) longToken(t *testing.T, name string, groups ...string) string {
	t.Helper()
	return s.issuer.Token(t, name, groups, identitytest.SteppedUp(), identitytest.Claims{"exp": time.Now().Add(time.Hour).Unix()})
}

func (s *secured) reconnects(t *testing.T) {
	tenant := "tenants/" + s.own["tenants"]
	f := &follower{s: s, t: t, tenant: tenant, token: s.longToken(t, "watcher", "/"+tenant+"/owner")}
	f.open(0, func(m *watchv1.WatchTenantResponse) bool { return m.GetSnapshotDone() })
	if f.resume == "" || f.snapshot < 8 {
		t.Fatalf("the snapshot has %d resources, token %q", f.snapshot, f.resume)
	}
	began := f.places()
	f.got = nil

	writing, stop := context.WithCancel(s.as(t, s.longToken(t, "writer", "/"+tenant+"/owner")))
	var writers sync.WaitGroup
	for _, write := range s.writers() {
		writers.Go(func() {
			for n := 0; writing.Err() == nil; n++ {
				// Refusals are no matter: of interest is what was changed. A platform that is killed is back soon.
				if err := write(writing, n); status.Code(err) == codes.Unavailable {
					pauseFor(writing, 100*time.Millisecond)
				}
			}
		})
	}
	for i := range reconnects {
		if i%everyKill == everyKill-1 {
			all := registry.Names(registry.All())
			part := all[i/everyKill%len(all)]
			if err := errors.Join(s.Kill(t.Context(), part), s.Restart(t.Context(), part)); err != nil {
				t.Fatal(err)
			}
		}
		f.cutAfter(i)
	}
	stop()
	writers.Wait()
	// The work goes on behind; it is followed to its end.
	f.catchUp()
	s.compare(t, f, began)
}

// writers change what there is in the tenant, each another part of it.
func (s *secured) writers() []func(context.Context, int) error {
	tenant := "tenants/" + s.own["tenants"]
	organisation := tenant + "/organisations/" + s.own["organisations"]
	vpc := organisation + "/vpcs/" + s.own["vpcs"]
	mask := &fieldmaskpb.FieldMask{Paths: []string{"display_name"}}
	word := func(n int) string { return fmt.Sprint("number ", n) }
	return []func(context.Context, int) error{
		func(ctx context.Context, n int) error {
			_, err := networkv1.NewVpcServiceClient(s.conn).UpdateVpc(ctx, &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: vpc, DisplayName: word(n)}, UpdateMask: mask})
			return err
		},
		func(ctx context.Context, n int) error {
			_, err := networkv1.NewVpcServiceClient(s.conn).UpdateVpc(ctx, &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: vpc + "x", DisplayName: word(n)}, UpdateMask: mask})
			return err
		},
		func(ctx context.Context, n int) error {
			_, err := tenantv1.NewOrganisationServiceClient(s.conn).UpdateOrganisation(ctx, &tenantv1.UpdateOrganisationRequest{
				Organisation: &tenantv1.Organisation{Name: organisation, DisplayName: word(n)}, UpdateMask: mask,
			})
			return err
		},
		func(ctx context.Context, n int) error {
			_, err := tenantv1.NewTenantServiceClient(s.conn).UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{Tenant: &tenantv1.Tenant{Name: tenant, DisplayName: word(n)}, UpdateMask: mask})
			return err
		},
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// places are those of the token.
func (f *follower) places() map[string]int64 {
	token, err := resume.Parse(f.resume, strings.TrimPrefix(f.tenant, "tenants/"))
	if err != nil {
		f.t.Fatal(err)
	}
	return token.At
}

// take notes a message.
func (f *follower) take(m *watchv1.WatchTenantResponse) {
	if m.GetResumeToken() != "" {
		f.resume = m.GetResumeToken()
	}
	switch m.GetKind() {
	case watchv1.WatchTenantResponse_BOOKMARK:
	case watchv1.WatchTenantResponse_SNAPSHOT:
		f.snapshot++
	default:
		f.got = append(f.got, noted{m.GetService(), m.GetSequence(), m.GetKind().String(), m.GetName()})
	}
}

// cutAfter opens a stream and cuts it off after none, one or a few messages.
func (f *follower) cutAfter(i int) {
	left := rand.IntN(4)
	f.open(i, func(*watchv1.WatchTenantResponse) bool {
		left--
		return left < 0
	})
}

// open opens a stream by one of the two protocols on a connection of its own, and breaks that off once enough came. A platform that is not back yet
// is called again.
func (f *follower) open(i int, enough func(*watchv1.WatchTenantResponse) bool) {
	f.t.Helper()
	stacktest.Eventually(f.t, "open a stream", func() bool {
		over := f.overGRPC
		if i%everySSE == everySSE-1 {
			over = f.overSSE
		}
		err := over(enough)
		if err != nil && status.Code(err) != codes.Unavailable {
			f.t.Fatalf("reconnect %d: %v", i, err)
		}
		return err == nil
	})
}

func (f *follower) overGRPC(enough func(*watchv1.WatchTenantResponse) bool) error {
	conn, err := grpc.NewClient("passthrough:///"+f.s.Addresses().Gateway, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stream, err := watchv1.NewWatchServiceClient(conn).WatchTenant(f.s.as(f.t, f.token), &watchv1.WatchTenantRequest{Name: f.tenant, ResumeToken: f.resume})
	if err != nil {
		return err
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		f.take(m)
		if enough(m) {
			return nil
		}
	}
}

func (f *follower) overSSE(enough func(*watchv1.WatchTenantResponse) bool) error {
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.s.Addresses().Gateway+"/v1/"+f.tenant+":watch", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+f.token)
	r.Header.Set("Last-Event-ID", f.resume)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode == http.StatusServiceUnavailable {
			return status.Error(codes.Unavailable, string(body))
		}
		return fmt.Errorf("%d %s", resp.StatusCode, body)
	}
	lines, id := bufio.NewScanner(resp.Body), ""
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = value
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		m := &watchv1.WatchTenantResponse{}
		if err := protojson.Unmarshal([]byte(data), m); err != nil {
			return status.Error(codes.Unavailable, data) // an error event: the stream is over
		}
		if m.GetResumeToken() != id {
			return fmt.Errorf("the id of the event is %q, its token %q", id, m.GetResumeToken())
		}
		f.take(m)
		if enough(m) {
			return nil
		}
	}
	return status.Error(codes.Unavailable, "the stream ended")
}

// catchUp follows until all that is in the logs was told and no operation runs.
func (f *follower) catchUp() {
	stacktest.Eventually(f.t, "everything is told", func() bool {
		if f.running() > 0 {
			f.cutAfter(0)
			return false
		}
		want := f.last()
		f.open(0, func(*watchv1.WatchTenantResponse) bool {
			at := f.places()
			return at["tenant"] >= want["tenant"] && at["network"] >= want["network"]
		})
		return f.running() == 0
	})
}

func (f *follower) running() int {
	n := 0
	for _, service := range registry.Names(registry.Databases()) {
		n += ask[int](f.t, f.s, service, `SELECT count(*) FROM provision_operations WHERE tenant = $1 AND state = 'RUNNING'`, f.s.own["tenants"])
	}
	return n
}

// last are the last changes of the services.
func (f *follower) last() map[string]int64 {
	out := make(map[string]int64)
	for _, service := range registry.Names(registry.Databases()) {
		out[service] = ask[int64](f.t, f.s, service, `SELECT coalesce(max(last), 0) FROM watch_sequences WHERE tenant = $1`, f.s.own["tenants"])
	}
	return out
}

func ask[T any](t *testing.T, s *secured, service, sql string, args ...any) (v T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL(service)+"&options=-c%20lowlayer.tenants%3D%2A")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// compare holds what was told against the logs, in which there is also the boundary of a tenant, which is no resource of the API.
func (s *secured) compare(t *testing.T, f *follower, began map[string]int64) {
	t.Helper()
	for _, service := range registry.Names(registry.Databases()) {
		conn, err := pgx.Connect(t.Context(), s.DatabaseURL(service)+"&options=-c%20lowlayer.tenants%3D%2A")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), `SELECT $3, sequence, kind, name FROM watch_changes WHERE tenant = $1 AND type <> 'boundary' AND sequence BETWEEN $2 AND $4 ORDER BY sequence`,
			s.own["tenants"], began[service]+1, service, f.places()[service])
		if err != nil {
			t.Fatal(err)
		}
		want, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n noted, err error) {
			return n, row.Scan(&n.service, &n.sequence, &n.kind, &n.name)
		})
		if err := errors.Join(err, conn.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(slices.Clone(f.got), func(n noted) bool { return n.service != service })
		if service != "metering" && len(want) < 100 { // metering has no resources
			t.Errorf("only %d changes of %s", len(want), service)
		}
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s, change %d: told %v, in the log %v", service, i, got[i:min(i+3, len(got))], want[i:min(i+3, len(want))])
				break
			}
		}
		t.Logf("%s: %d changes over %d reconnects", service, len(got), reconnects)
	}
}

// beginning is what a stream sends before and in the first bookmark behind its snapshot.
func (s *secured) beginning(t *testing.T, token string, req *watchv1.WatchTenantRequest) []*watchv1.WatchTenantResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(s.as(t, token), stacktest.Patience)
	defer cancel()
	stream, err := watchv1.NewWatchServiceClient(s.conn).WatchTenant(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	var out []*watchv1.WatchTenantResponse
	for {
		m, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
		if m.GetSnapshotDone() {
			return out
		}
	}
}

func (s *secured) watchedByRole(t *testing.T) {
	tenant := "tenants/" + s.own["tenants"]
	organisation := tenant + "/organisations/" + s.own["organisations"]
	vpc := organisation + "/vpcs/" + s.own["vpcs"]
	for name, c := range map[string]struct {
		group string
		want  []string
	}{
		"owner":                 {tenant + "/owner", []string{"hub", "member", "organisation", "peering", "serviceAccount", "tenant", "vpc"}},
		"viewer":                {tenant + "/viewer", []string{"hub", "organisation", "peering", "tenant", "vpc"}},
		"billing":               {tenant + "/billing", []string{"organisation", "tenant", "vpc"}},
		"admin of organisation": {organisation + "/admin", []string{"hub", "organisation", "tenant", "vpc"}},
		"viewer of a VPC":       {vpc + "/viewer", []string{"organisation", "tenant", "vpc"}},
	} {
		token := s.issuer.Token(t, "w", []string{"/" + c.group})
		var types []string
		for _, m := range s.beginning(t, token, &watchv1.WatchTenantRequest{Name: tenant}) {
			types = append(types, m.GetType())
			if strings.Contains(m.GetName(), "side-watch") && name != "owner" && name != "viewer" && name != "billing" {
				t.Errorf("%s is told of %s", name, m.GetName())
			}
			if m.GetType() == "vpc" && name == "viewer of a VPC" && m.GetName() != vpc {
				t.Errorf("%s is told of %s", name, m.GetName())
			}
		}
		slices.Sort(types)
		if got := slices.DeleteFunc(slices.Compact(types), func(s string) bool { return s == "" || s == "operation" }); !slices.Equal(got, c.want) {
			t.Errorf("%s is told of %v, want %v", name, got, c.want)
		}
	}
	token := s.issuer.Token(t, "w", []string{"/" + tenant + "/owner"})
	for _, m := range s.beginning(t, token, &watchv1.WatchTenantRequest{Name: tenant, Within: organisation, Types: []string{"vpc"}}) {
		if m.GetName() != "" && !strings.HasPrefix(m.GetName(), organisation+"/vpcs/") {
			t.Errorf("the filter lets %s pass", m.GetName())
		}
	}
}

func (s *secured) streamEndsWithToken(t *testing.T) {
	tenant := "tenants/" + s.own["tenants"]
	short := s.issuer.Token(t, "w", []string{"/" + tenant + "/viewer"}, identitytest.Claims{"exp": time.Now().Add(4 * time.Second).Unix()})
	ctx, cancel := context.WithTimeout(s.as(t, short), stacktest.Patience)
	defer cancel()
	stream, err := watchv1.NewWatchServiceClient(s.conn).WatchTenant(ctx, &watchv1.WatchTenantRequest{Name: tenant})
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for {
		m, err := stream.Recv()
		if status.Code(err) == codes.Unauthenticated && strings.Contains(err.Error(), "resume_token") {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if m.GetResumeToken() != "" {
			last = m.GetResumeToken()
		}
	}
	f := &follower{s: s, t: t, tenant: tenant, token: s.longToken(t, "w", "/"+tenant+"/viewer"), resume: last}
	f.open(0, func(m *watchv1.WatchTenantResponse) bool {
		return m.GetKind() == watchv1.WatchTenantResponse_BOOKMARK && !m.GetSnapshotDone() && m.GetResumeToken() != ""
	})
	if f.snapshot > 0 {
		t.Error("it began anew")
	}
}

func (s *secured) watchTellsNoSecret(t *testing.T) {
	tenant := "tenants/" + s.own["tenants"]
	token := s.longToken(t, "watcher", "/"+tenant+"/owner")
	f := &follower{s: s, t: t, tenant: tenant, token: token}
	f.open(0, func(m *watchv1.WatchTenantResponse) bool { return m.GetSnapshotDone() })
	account, err := tenantv1.NewServiceAccountServiceClient(s.conn).CreateServiceAccount(s.operator, &tenantv1.CreateServiceAccountRequest{
		Parent: tenant, ServiceAccountId: "secretive", ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
	})
	if err != nil || account.GetSecret() == "" {
		t.Fatalf("%v, %v", account, err)
	}
	f.open(0, func(m *watchv1.WatchTenantResponse) bool {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), account.GetSecret()) || strings.Contains(protojson.Format(m), account.GetSecret()) {
			t.Errorf("the secret is told: %s", protojson.Format(m))
		}
		return m.GetName() == account.GetName() && m.GetKind() == watchv1.WatchTenantResponse_ADDED && m.GetResource() != nil
	})
}

// lastWord: with the tenant the stream ends, and one of another tenant of its id begins with nothing of it.
func (s *secured) lastWord(t *testing.T) {
	id := "shortlived"
	tenants := tenantv1.NewTenantServiceClient(s.conn)
	create := func() {
		s.done(t)(tenants.CreateTenant(s.operator, &tenantv1.CreateTenantRequest{TenantId: id, Tenant: &tenantv1.Tenant{}}))
	}
	create()
	f := &follower{s: s, t: t, tenant: "tenants/" + id, token: s.longToken(t, "w", "/tenants/"+id+"/owner")}
	f.open(0, func(m *watchv1.WatchTenantResponse) bool { return m.GetSnapshotDone() })
	before := f.resume
	s.done(t)(tenants.DeleteTenant(s.operator, &tenantv1.DeleteTenantRequest{Name: f.tenant, Force: true, Purge: true}))
	err := f.overGRPC(func(*watchv1.WatchTenantResponse) bool { return false })
	if status.Code(err) != codes.NotFound {
		t.Errorf("the stream ends with %v", err)
	}
	create()
	f.resume = before
	if err := f.overGRPC(func(*watchv1.WatchTenantResponse) bool { return true }); status.Code(err) != codes.OutOfRange {
		t.Errorf("the next tenant's stream goes on from the token of the one before: %v", err)
	}
	f.resume, f.got = "", nil
	f.open(0, func(m *watchv1.WatchTenantResponse) bool { return m.GetSnapshotDone() })
	if len(f.got) > 0 {
		t.Errorf("the next tenant is told %v", f.got)
	}
}

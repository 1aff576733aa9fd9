package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/mtls/mtlsca"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/app"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var quiet = slog.New(slog.DiscardHandler)

// tenants is a tenant service that records requests and returns the responses of a test.
type tenants struct {
	tenantv1.UnimplementedTenantServiceServer
	*recorder
}

// recorder is what the fake services share.
type recorder struct {
	mu       sync.Mutex
	requests []proto.Message
	seen     []metadata.MD
	ids      []string
	// left is how much time each call had, zero when it had no deadline.
	left []time.Duration
	err  error
	// hold, when not nil, keeps calls until it is closed; entered receives each.
	hold    chan struct{}
	entered chan struct{}
}

func (r *recorder) record(ctx context.Context, m proto.Message) error {
	r.mu.Lock()
	md, _ := metadata.FromIncomingContext(ctx)
	r.requests, r.seen, r.ids = append(r.requests, m), append(r.seen, md), append(r.ids, rpc.RequestID(ctx))
	var left time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	r.left = append(r.left, left)
	hold, entered, err := r.hold, r.entered, r.err
	r.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the response of a handler
		}
	}
	return err
}

func (r *recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// last is the last request that arrived, as it arrived.
func (r *recorder) last(t *testing.T) (proto.Message, metadata.MD) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.requests) == 0 {
		t.Fatal("no request arrived at the service")
	}
	return r.requests[len(r.requests)-1], r.seen[len(r.seen)-1]
}

// lastLeft is how much time the last call had.
func (r *recorder) lastLeft() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.left) == 0 {
		return 0
	}
	return r.left[len(r.left)-1]
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.requests)
}

const etagNow = "e-1"

func (s *tenants) GetTenant(ctx context.Context, r *tenantv1.GetTenantRequest) (*tenantv1.Tenant, error) {
	if err := s.record(ctx, r); err != nil {
		return nil, err
	}
	if err := grpc.SetHeader(ctx, metadata.Pairs("x-secret", "header")); err != nil {
		return nil, err //nolint:wrapcheck // a test
	}
	if err := grpc.SetTrailer(ctx, metadata.Pairs("x-cost", "7")); err != nil {
		return nil, err //nolint:wrapcheck // a test
	}
	return &tenantv1.Tenant{Name: r.GetName(), DisplayName: "Acme", State: typev1.State_ACTIVE, Etag: etagNow}, nil
}

func (s *tenants) ListTenants(ctx context.Context, r *tenantv1.ListTenantsRequest) (*tenantv1.ListTenantsResponse, error) {
	return &tenantv1.ListTenantsResponse{}, s.record(ctx, r)
}

func (s *tenants) CreateTenant(ctx context.Context, r *tenantv1.CreateTenantRequest) (*longrunningpb.Operation, error) {
	return accepted("tenant"), s.record(ctx, r)
}

func (s *tenants) UpdateTenant(ctx context.Context, r *tenantv1.UpdateTenantRequest) (*longrunningpb.Operation, error) {
	return accepted("tenant"), s.record(ctx, r)
}

func (s *tenants) DeleteTenant(ctx context.Context, r *tenantv1.DeleteTenantRequest) (*longrunningpb.Operation, error) {
	return accepted("tenant"), s.record(ctx, r)
}

func (s *tenants) SuspendTenant(ctx context.Context, r *tenantv1.SuspendTenantRequest) (*longrunningpb.Operation, error) {
	return accepted("tenant"), s.record(ctx, r)
}

func accepted(service string) *longrunningpb.Operation {
	return &longrunningpb.Operation{Name: "tenants/acme/operations/op_" + service + "_00000000000000000000000001"}
}

// vpcs is a network service.
type vpcs struct {
	networkv1.UnimplementedVpcServiceServer
	*recorder
}

func (s *vpcs) GetVpc(ctx context.Context, r *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
	return &networkv1.Vpc{Name: r.GetName()}, s.record(ctx, r)
}

func (s *vpcs) CreateVpc(ctx context.Context, r *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
	return accepted("network"), s.record(ctx, r)
}

func (s *vpcs) UpdateVpc(ctx context.Context, r *networkv1.UpdateVpcRequest) (*longrunningpb.Operation, error) {
	return accepted("network"), s.record(ctx, r)
}

// service is a running fake service.
type service struct {
	t       *testing.T
	address string
	stop    context.CancelFunc
	done    chan error
}

func startService(t *testing.T, dir, name string, audit rpc.Auditor, register func(grpc.ServiceRegistrar)) *service {
	t.Helper()
	identity, err := mtls.Open(filepath.Join(dir, name), name, quiet)
	if err != nil {
		t.Fatal(err)
	}
	server, err := rpc.NewServer(rpc.ServerConfig{Name: name, Listen: "127.0.0.1:0", Logger: quiet, Identity: identity, Audit: audit})
	if err != nil {
		t.Fatal(err)
	}
	register(server.Registrar())
	ctx, stop := context.WithCancel(t.Context())
	s := &service{t: t, address: server.Addr(), stop: stop, done: make(chan error, 1)}
	go func() { s.done <- server.Serve(ctx) }()
	t.Cleanup(s.end)
	return s
}

func (s *service) end() {
	s.stop()
	if s.done != nil {
		if err := <-s.done; err != nil {
			s.t.Error(err)
		}
		s.done = nil
	}
}

// edge is a running gateway with its fake services.
type edge struct {
	*testing.T
	url      string
	admin    string
	conn     *grpc.ClientConn
	client   *http.Client
	tenants  *recorder
	vpcs     *recorder
	tenant   *service
	network  *service
	tenantOp *operations
	netOp    *operations
	receipts map[string]*receipts
	trails   map[string]*trails
	feeds    map[string]*feed
	quotas   map[string]*quotas
	noted    *noted
	stop     context.CancelFunc
	done     chan error
}

// standard registers what every service serves.
func (e *edge) standard(r grpc.ServiceRegistrar, service string, o *operations) {
	operationv1.RegisterOperationServiceServer(r, o)
	receiptv1.RegisterReceiptServiceServer(r, e.receipts[service])
	auditv1.RegisterAuditServiceServer(r, e.trails[service])
	watchv1.RegisterWatchServiceServer(r, e.feeds[service])
	quotav1.RegisterQuotaServiceServer(r, e.quotas[service])
}

// pageOf returns the items behind the token, the name of the last item before, and the token of the next page.
func pageOf[M interface{ GetName() string }](list iter.Seq[M], token string, size int32) (items []M, next string) {
	for m := range list {
		if token != "" && m.GetName() >= token {
			continue
		}
		if len(items) == int(size) {
			return items, items[len(items)-1].GetName()
		}
		items = append(items, m)
	}
	return items, ""
}

// merged lists the items that add makes in both services, in pages of several sizes: each list must hold every item once, newest first.
func (e *edge) merged(collection string, add func(service string, i int) string, check func(body []byte)) {
	e.Helper()
	var want []string
	for i := range 9 {
		want = append(want, add([]string{"tenant", "network", "network"}[i%3], i))
	}
	slices.Reverse(want)
	for _, size := range []int{1, 4, 50} {
		var got []string
		query := fmt.Sprintf("pageSize=%d", size)
		for token := "-"; token != ""; {
			var p map[string]json.RawMessage
			var items []struct{ Name string }
			a := e.do("GET", "/v1/tenants/acme/"+collection+"?"+query, "", nil)
			token = ""
			err := json.Unmarshal(a.body, &p)
			if err == nil {
				err = json.Unmarshal(p[collection], &items)
			}
			if next := p["nextPageToken"]; err == nil && next != nil {
				err = json.Unmarshal(next, &token)
			}
			if err != nil || a.status != 200 {
				e.Fatalf("got %d %s: %v", a.status, a.body, err)
			}
			check(a.body)
			for _, r := range items {
				got = append(got, r.Name)
			}
			query = fmt.Sprintf("pageSize=%d&pageToken=%s", size, token)
		}
		if !slices.Equal(got, want) {
			e.Errorf("in pages of %d: got %v", size, got)
		}
	}
}

func newEdge(t *testing.T, settings ...string) *edge {
	t.Helper()
	e := &edge{T: t, tenants: &recorder{}, vpcs: &recorder{}, tenantOp: &operations{service: "tenant"}, netOp: &operations{service: "network"}}
	e.receipts = map[string]*receipts{"tenant": {service: "tenant"}, "network": {service: "network"}}
	e.trails = map[string]*trails{"tenant": {service: "tenant", uid: "ten_1"}, "network": {service: "network", uid: "ten_0"}}
	e.feeds = map[string]*feed{"tenant": newFeed("tenant"), "network": newFeed("network")}
	e.quotas = map[string]*quotas{"tenant": {service: "tenant"}, "network": {service: "network"}}
	// The metering service has none of these.
	e.receipts["metering"], e.trails["metering"] = &receipts{service: "metering"}, &trails{service: "metering"}
	e.feeds["metering"], e.quotas["metering"] = newFeed("metering"), &quotas{service: "metering"}
	e.noted = &noted{}
	dir := t.TempDir()
	authority, err := mtlsca.New(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gateway", "metering", "tenant", "network"} {
		if err := authority.Write(filepath.Join(dir, name), name, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	e.tenant = startService(t, dir, "tenant", e.noted, func(r grpc.ServiceRegistrar) {
		tenantv1.RegisterTenantServiceServer(r, &tenants{recorder: e.tenants})
		e.standard(r, "tenant", e.tenantOp)
	})
	e.network = startService(t, dir, "network", e.noted, func(r grpc.ServiceRegistrar) {
		networkv1.RegisterVpcServiceServer(r, &vpcs{recorder: e.vpcs})
		e.standard(r, "network", e.netOp)
	})
	metering := startService(t, dir, "metering", e.noted, func(r grpc.ServiceRegistrar) {
		operationv1.RegisterOperationServiceServer(r, &operations{service: "metering"})
		receiptv1.RegisterReceiptServiceServer(r, e.receipts["metering"])
		auditv1.RegisterAuditServiceServer(r, e.trails["metering"])
		watchv1.RegisterWatchServiceServer(r, e.feeds["metering"])
		quotav1.RegisterQuotaServiceServer(r, e.quotas["metering"])
	})
	environment := []string{
		app.Prefix + "METERING_TARGET=" + metering.address,
		app.Prefix + "LISTEN=127.0.0.1:0", app.Prefix + "ADMIN_LISTEN=127.0.0.1:0", app.Prefix + "READ_TIMEOUT=1s",
		app.Prefix + "TENANT_TARGET=" + e.tenant.address, app.Prefix + "NETWORK_TARGET=" + e.network.address, app.Prefix + "DRAIN_TIMEOUT=10s",
		app.Prefix + "TLS_DIR=" + filepath.Join(dir, "gateway"),
	}
	for _, s := range settings {
		environment = append(environment, app.Prefix+s)
	}
	cfg, err := config.Load[app.Config](app.Prefix, environment)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	e.stop, e.done = stop, make(chan error, 1)
	go func() { e.done <- a.Serve(ctx) }()
	e.url, e.admin = "http://"+a.Addr(), "http://"+a.AdminAddr()
	transport := &http.Transport{}
	e.client = &http.Client{Transport: transport, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	e.conn, err = grpc.NewClient(a.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := e.conn.Close(); err != nil {
			t.Error(err)
		}
		e.end()
	})
	return e
}

// end stops the gateway and waits for it.
func (e *edge) end() {
	e.stop()
	if e.done == nil {
		return
	}
	if err := <-e.done; err != nil {
		e.Errorf("the gateway ended with %v", err)
	}
	e.done = nil
}

// answer is a response over REST.
type answer struct {
	status int
	header http.Header
	body   []byte
}

type headers map[string]string

func (e *edge) do(method, path, body string, h headers) answer {
	e.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(e.Context(), method, e.url+path, from)
	if err != nil {
		e.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range h {
		r.Header.Set(k, v)
		if k == "Host" {
			r.Host = v
		}
	}
	return e.send(r)
}

func (e *edge) send(r *http.Request) answer {
	e.Helper()
	got, err := e.client.Do(r)
	if err != nil {
		e.Fatal(err)
	}
	defer got.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(got.Body)
	if err != nil {
		e.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, data}
}

// problem is the response, which must be a problem.
func (a answer) problem(t *testing.T) map[string]any {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type is %q, body %s", got, a.body)
	}
	var p map[string]any
	d := json.NewDecoder(bytes.NewReader(a.body))
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	if p["status"] != float64(a.status) || p["instance"] != a.header.Get("X-Request-Id") || p["instance"] == "" {
		t.Errorf("status and request id of the problem do not agree with the answer: %v, %v", p, a.header)
	}
	if p["type"] != "/problems/"+p["reason"].(string) || p["title"] == "" || p["detail"] == "" || p["domain"] != "lowlayer.cloud" {
		t.Errorf("the problem is not complete: %s", a.body)
	}
	return p
}

// field is what the problem says of a field.
func field(p map[string]any, name string) string {
	list, _ := p["fields"].([]any)
	for _, f := range list {
		if m := f.(map[string]any); m["field"] == name {
			return m["description"].(string)
		}
	}
	return ""
}

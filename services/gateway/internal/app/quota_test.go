package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	"github.com/low-layer/platform/libs/errs"
	"google.golang.org/protobuf/proto"
)

// quotas are those one service keeps count of.
type quotas struct {
	quotav1.UnimplementedQuotaServiceServer
	service string

	mu      sync.Mutex
	list    []*quotav1.Quota
	missing error
	updates []*quotav1.UpdateQuotaRequest
}

func (s *quotas) ListQuotas(context.Context, *quotav1.ListQuotasRequest) (*quotav1.ListQuotasResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &quotav1.ListQuotasResponse{Quotas: s.list}, s.missing
}

func (s *quotas) GetQuota(_ context.Context, r *quotav1.GetQuotaRequest) (*quotav1.Quota, error) {
	return &quotav1.Quota{Name: r.GetName(), Service: s.service}, nil
}

func (s *quotas) UpdateQuota(_ context.Context, r *quotav1.UpdateQuotaRequest) (*quotav1.Quota, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.updates = append(s.updates, r)
	return &quotav1.Quota{Name: r.GetQuota().GetName(), Service: s.service}, nil
}

func (s *quotas) set(missing error, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing, s.list = missing, nil
	for _, n := range names {
		s.list = append(s.list, &quotav1.Quota{Name: n, Service: s.service})
	}
}

// listed are the ids and services of a list.
func (e *edge) listed(path string, status int) (quotas []string, unreachable []string) {
	e.Helper()
	got := e.do(http.MethodGet, path, "", nil)
	if got.status != status {
		e.Fatalf("got %d %s", got.status, got.body)
	}
	var page struct {
		Quotas      []struct{ Name, Service string }
		Unreachable []string
	}
	if err := json.Unmarshal(got.body, &page); err != nil {
		e.Fatal(err)
	}
	for _, q := range page.Quotas {
		quotas = append(quotas, strings.TrimPrefix(q.Name, "tenants/acme/")+" of "+q.Service)
	}
	return quotas, page.Unreachable
}

func TestQuotas_list_joinsAllServices(t *testing.T) {
	e := newEdge(t)
	const path = "/v1/tenants/acme/quotas"
	e.quotas["tenant"].set(nil, "tenants/acme/quotas/tenant.organisations")
	e.quotas["network"].set(nil, "tenants/acme/organisations/core/quotas/network.ports", "tenants/acme/quotas/network.vpcs")
	want := []string{"organisations/core/quotas/network.ports of network", "quotas/network.vpcs of network", "quotas/tenant.organisations of tenant"}
	if got, _ := e.listed(path, 200); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	// The network service has no quotas of a tenant without networks.
	e.quotas["network"].set(errs.NotFound("tenant", "tenants/acme"))
	if got, _ := e.listed(path, 200); !slices.Equal(got, want[2:]) {
		t.Errorf("got %v", got)
	}
	e.quotas["tenant"].set(errs.NotFound("tenant", "tenants/acme"))
	e.listed(path, 404)
	e.quotas["tenant"].set(nil, "tenants/acme/quotas/tenant.organisations")
	e.network.end()
	e.listed(path, 503)
	if got, away := e.listed(path+"?returnPartialSuccess=true", 200); !slices.Equal(got, want[2:]) || !slices.Equal(away, []string{"services/network"}) {
		t.Errorf("got %v without %v", got, away)
	}
}

func TestQuotas_get_callsItsService(t *testing.T) {
	e := newEdge(t)
	for name, service := range map[string]string{
		"tenants/acme/quotas/tenant.organisations": "tenant", "tenants/acme/quotas/network.vpcs": "network", "tenants/acme/organisations/core/quotas/network.security_groups": "network",
	} {
		got := e.do(http.MethodGet, "/v1/"+name, "", nil)
		if got.status != 200 || !strings.Contains(string(got.body), `"service":"`+service+`"`) {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	got := e.do(http.MethodPatch, "/v1/tenants/acme/quotas/network.vpcs", `{"override": 7}`, headers{"Idempotency-Key": "once", "If-Match": `"e-1"`})
	limit := int32(7)
	if got.status != 200 || len(e.quotas["network"].updates) != 1 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	r := e.quotas["network"].updates[0]
	if !proto.Equal(r.GetQuota(), &quotav1.Quota{Name: "tenants/acme/quotas/network.vpcs", Override: &limit, Etag: "e-1"}) || r.GetRequestId() != "once" ||
		!slices.Equal(r.GetUpdateMask().GetPaths(), []string{"override"}) {
		t.Errorf("got %v", r)
	}
	if got := e.do(http.MethodGet, "/v1/tenants/acme/quotas/network.No", "", nil); got.status != 400 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

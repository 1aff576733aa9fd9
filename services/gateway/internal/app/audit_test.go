package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// trails is the audit trail of one service, oldest first. It knows the tenant acme by a unique id of its own, unless it is
// asked for another one.
type trails struct {
	auditv1.UnimplementedAuditServiceServer
	service, uid string

	mu    sync.Mutex
	list  []*auditv1.AuditEvent
	asked []string
}

func (s *trails) add(n int) string {
	name := fmt.Sprintf("tenants/acme/auditEvents/aud_%s_%026d", s.service, n)
	s.list = append(s.list, &auditv1.AuditEvent{
		Name: name, Service: s.service, Sequence: int64(len(s.list) + 1), CreateTime: timestamppb.New(epoch.Add(time.Duration(n) * time.Second)),
	})
	return name
}

func (s *trails) of(uid string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, uid)
	if uid == "" {
		return s.uid
	}
	return uid
}

func (s *trails) ListAuditEvents(_ context.Context, r *auditv1.ListAuditEventsRequest) (*auditv1.ListAuditEventsResponse, error) {
	out := &auditv1.ListAuditEventsResponse{TenantUid: s.of(r.GetTenantUid())}
	newest := func(yield func(*auditv1.AuditEvent) bool) {
		for _, m := range slices.Backward(s.list) {
			if !yield(m) {
				return
			}
		}
	}
	out.AuditEvents, out.NextPageToken = pageOf(newest, r.GetPageToken(), r.GetPageSize())
	return out, nil
}

func (s *trails) ExportAuditEvents(_ context.Context, r *auditv1.ExportAuditEventsRequest) (*auditv1.ExportAuditEventsResponse, error) {
	out := &auditv1.ExportAuditEventsResponse{TenantUid: s.of(r.GetTenantUid())}
	after, _ := strconv.Atoi(r.GetPageToken())
	for _, m := range s.list[after:] {
		if len(out.GetRecords()) == int(r.GetPageSize()) {
			out.NextPageToken = strconv.Itoa(after)
			return out, nil
		}
		after++
		out.Records = append(out.Records, &auditv1.ExportedRecord{Record: []byte(m.GetName()), Hash: "h"})
	}
	out.Checkpoint = &receiptv1.Envelope{Payload: []byte("end of " + s.service)}
	return out, nil
}

func TestAudit_list_mergesAllServices(t *testing.T) {
	e := newEdge(t)
	e.merged("auditEvents", func(service string, i int) string { return e.trails[service].add(i) }, func(body []byte) {
		var p struct{ TenantUid string }
		if err := json.Unmarshal(body, &p); err != nil || p.TenantUid != "ten_1" {
			t.Fatalf("got %s: %v", body, err)
		}
	})
	// The network service receives the unique id that the tenant service knows, never a name alone.
	if slices.Contains(e.trails["network"].asked, "") {
		t.Errorf("asked of %q", e.trails["network"].asked)
	}
}

func TestAudit_export_isOneChainAfterTheOther(t *testing.T) {
	e := newEdge(t)
	want := []string{}
	for i := range 5 {
		want = append(want, e.trails["tenant"].add(i))
	}
	want = append(want, "end of tenant")
	for i := range 3 {
		want = append(want, e.trails["network"].add(i))
	}
	want = append(want, "end of network", "end of metering")
	client := auditv1.NewAuditServiceClient(e.conn)
	for _, uid := range []string{"", "ten_old"} {
		for _, size := range []int32{1, 2, 50} {
			var got []string
			req := &auditv1.ExportAuditEventsRequest{Parent: "tenants/acme", PageSize: size, TenantUid: uid}
			for {
				page, err := client.ExportAuditEvents(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				if page.GetTenantUid() != map[string]string{"": "ten_1", "ten_old": "ten_old"}[uid] {
					t.Errorf("a page of %s", page.GetTenantUid())
				}
				for _, r := range page.GetRecords() {
					got = append(got, string(r.GetRecord()))
				}
				if page.GetCheckpoint() != nil {
					got = append(got, string(page.GetCheckpoint().GetPayload()))
				}
				if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("in pages of %d: got %v", size, got)
			}
		}
	}
	if slices.Contains(e.trails["network"].asked, "") {
		t.Errorf("asked of %q", e.trails["network"].asked)
	}
	if got := e.do("GET", "/v1/tenants/acme/auditEvents:export?pageToken=x", "", nil); got.status != 400 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

// A trail that lacks a service's part is an error, unless a part is asked for; an export always is.
func TestAudit_serviceDown_isNamed(t *testing.T) {
	e := newEdge(t)
	e.trails["tenant"].add(1)
	e.trails["network"].add(2)
	const list, export = "/v1/tenants/acme/auditEvents", "/v1/tenants/acme/auditEvents:export"
	e.network.end()
	for _, path := range []string{list, export + "?pageSize=50"} {
		got := e.do("GET", path, "", nil)
		if path != list { // the first page is the tenant service's
			var p struct{ NextPageToken string }
			if err := json.Unmarshal(got.body, &p); err != nil || got.status != 200 {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			got = e.do("GET", path+"&pageToken="+p.NextPageToken, "", nil)
		}
		if p := got.problem(t); got.status != 503 || p["metadata"].(map[string]any)["service"] != "network" {
			t.Errorf("%s: got %d %s", path, got.status, got.body)
		}
	}
	if got := e.do("GET", list+"?returnPartialSuccess=true", "", nil); got.status != 200 || !strings.Contains(string(got.body), "services/network") ||
		!strings.Contains(string(got.body), "aud_tenant_") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	e.tenant.end()
	if got := e.do("GET", list+"?returnPartialSuccess=true", "", nil); got.status != 200 || !strings.Contains(string(got.body), "services/tenant") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := e.do("GET", export, "", nil); got.status != 503 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

package quotaapi_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/quota/quotaapi"
	"github.com/low-layer/platform/libs/resource/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const vpcs = "tenants/acme/quotas/network.vpcs"

// serve makes a server that knows the tenant acme alone.
func serve(t *testing.T) (*quotaapi.Server, *clock.Fake) {
	t.Helper()
	now := clock.NewFake(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))
	known := func(_ context.Context, _ quota.Querier, tenant, _ string, _ bool) (bool, error) {
		return tenant == "acme", nil
	}
	pool := pgtest.Database(t, quota.Migrations(), replay.Migrations())
	return quotaapi.New("network", pool, quota.New("network", now, map[string]int64{"vpcs": 2}), known, nil, now), now
}

func request(limit int32, id string) *quotav1.UpdateQuotaRequest {
	return &quotav1.UpdateQuotaRequest{Quota: &quotav1.Quota{Name: vpcs, Override: &limit}, RequestId: id}
}

func limit(t *testing.T, s *quotaapi.Server) int32 {
	t.Helper()
	q, err := s.GetQuota(t.Context(), &quotav1.GetQuotaRequest{Name: vpcs})
	if err != nil {
		t.Fatal(err)
	}
	return q.GetLimit()
}

func TestUpdateQuota_repeatedCall_changesNothing(t *testing.T) {
	t.Parallel()
	s, now := serve(t)
	first, err := s.UpdateQuota(t.Context(), request(3, "one"))
	if err != nil || first.GetLimit() != 3 {
		t.Fatalf("got %v, %v", first, err)
	}
	again, err := s.UpdateQuota(t.Context(), request(3, "one"))
	if err != nil || again.GetEtag() != first.GetEtag() {
		t.Errorf("again: got %v, %v; want the etag %s", again, err, first.GetEtag())
	}
	if _, err := s.UpdateQuota(t.Context(), request(4, "one")); errs.ReasonOf(err) != errs.ReasonRequestIDReused {
		t.Errorf("another body: got %v", err)
	}
	now.Advance(25 * time.Hour)
	if next, err := s.UpdateQuota(t.Context(), request(4, "one")); err != nil || next.GetLimit() != 4 {
		t.Errorf("the next day: got %v, %v", next, err)
	}
}

func TestUpdateQuota_equalCallsAtOnce_changeOnce(t *testing.T) {
	t.Parallel()
	s, _ := serve(t)
	etags := make([]string, 6)
	var all sync.WaitGroup
	for i := range etags {
		all.Go(func() {
			q, err := s.UpdateQuota(t.Context(), request(5, "same"))
			if err != nil {
				t.Error(err)
			}
			etags[i] = q.GetEtag()
		})
	}
	all.Wait()
	for _, e := range etags {
		if e != etags[0] {
			t.Errorf("the calls returned the etags %v", etags)
			break
		}
	}
}

func TestUpdateQuota_validateOnly_changesNothing(t *testing.T) {
	t.Parallel()
	s, _ := serve(t)
	req := request(9, "one")
	req.ValidateOnly = true
	if q, err := s.UpdateQuota(t.Context(), req); err != nil || q.GetLimit() != 9 {
		t.Errorf("plan: got %v, %v", q, err)
	}
	if got := limit(t, s); got != 2 {
		t.Errorf("the limit is %d after a plan", got)
	}
	if q, err := s.UpdateQuota(t.Context(), request(3, "one")); err != nil || q.GetLimit() != 3 {
		t.Errorf("the call after its plan: got %v, %v", q, err)
	}
}

func TestUpdateQuota_refusals_nameTheReason(t *testing.T) {
	t.Parallel()
	s, _ := serve(t)
	for name, want := range map[string]string{
		"tenants/none/quotas/network.vpcs":                       "TENANT_NOT_FOUND",
		"tenants/acme/quotas/network.cakes":                      "QUOTA_NOT_FOUND",
		"tenants/acme/quotas/tenant.vpcs":                        "QUOTA_NOT_FOUND",
		"tenants/acme/organisations/core/quotas/network.routers": "QUOTA_OF_PROJECT",
	} {
		if _, err := s.UpdateQuota(t.Context(), &quotav1.UpdateQuotaRequest{Quota: &quotav1.Quota{Name: name}}); errs.ReasonOf(err) != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

package cli

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
)

func (f *fakePlatform) ListQuotas(_ context.Context, r *quotav1.ListQuotasRequest) (*quotav1.ListQuotasResponse, error) {
	return &quotav1.ListQuotasResponse{Quotas: []*quotav1.Quota{
		{Name: r.GetParent() + "/organisations/core/quotas/network.ports", Limit: -1, DefaultLimit: -1, InUse: 4},
		{Name: r.GetParent() + "/quotas/network.vpcs", Limit: 80, DefaultLimit: 200, InUse: 2, Reserved: 1},
	}}, nil
}

func (f *fakePlatform) UpdateQuota(_ context.Context, r *quotav1.UpdateQuotaRequest) (*quotav1.Quota, error) {
	q := r.GetQuota()
	q.DefaultLimit, q.Limit, q.InUse = 200, 200, 3
	if q.Override != nil {
		q.Limit = q.GetOverride()
	}
	return q, nil
}

func TestQuota_listAndSet(t *testing.T) {
	f, address := newFake(t)
	out, errs, code := cliRun(t, address, "quota", "list", "acme")
	want := []string{
		"PLACE QUOTA IN USE RESERVED LIMIT DEFAULT", "acme/core ports 4 0 unknown unknown", "acme vpcs 2 1 80 200",
	}
	var got []string
	for line := range strings.Lines(out) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if code != 0 || !slices.Equal(got, want) {
		t.Errorf("got %d %q %s", code, got, errs)
	}
	if out, _, code = cliRun(t, address, "quota", "list", "acme", "-o", "name"); code != 0 || !strings.Contains(out, "tenants/acme/quotas/network.vpcs\n") {
		t.Errorf("got %d %s", code, out)
	}
	out, errs, code = cliRun(t, address, "quota", "set", "acme", "vpcs=2")
	if code != 0 || !strings.Contains(out, "200") || !strings.Contains(errs, "new ones are refused") {
		t.Errorf("got %d %s %s", code, out, errs)
	}
	if r := last[*quotav1.UpdateQuotaRequest](t, f); r.GetQuota().GetName() != "tenants/acme/quotas/network.vpcs" || r.GetQuota().GetOverride() != 2 ||
		!slices.Equal(r.GetUpdateMask().GetPaths(), []string{"override"}) {
		t.Errorf("asked %v", r)
	}
	if _, errs, code = cliRun(t, address, "quota", "set", "tenants/acme", "vpcs=default"); code != 0 || strings.Contains(errs, "let in") {
		t.Errorf("got %d %s", code, errs)
	}
	if r := last[*quotav1.UpdateQuotaRequest](t, f); r.GetQuota().Override != nil {
		t.Errorf("asked %v", r)
	}
	for _, wrong := range [][]string{{"set", "acme", "vpcs"}, {"set", "acme", "vpcs=-1"}, {"set", "acme", "=3"}, {"set", "acme", "vpcs=many"}, {"set", "acme/core", "vpcs=3"}, {"set", "acme", "cakes=3"}, {"list"}} {
		if _, errs, code = cliRun(t, address, append([]string{"quota"}, wrong...)...); code != exitUsage || errs == "" {
			t.Errorf("%v: got %d %s", wrong, code, errs)
		}
	}
	for _, cloud := range [][]string{{"acme/core", "ports=3"}, {"acme", "ports=3"}} {
		if _, errs, _ = cliRun(t, address, append([]string{"quota", "set"}, cloud...)...); !strings.Contains(errs, "organisation update") {
			t.Errorf("%v: %s", cloud, errs)
		}
	}
}

// TestQuota_full_isPrintedOnce: the message says all there is to say of the one limit in the way, and the details do not repeat it.
func TestQuota_full_isPrintedOnce(t *testing.T) {
	f, address := newFake(t)
	const text = "the quota vpcs of tenants/acme is 2: 2 in use, 0 reserved, and 1 more asked for; delete what is not needed"
	s, err := status.New(codes.ResourceExhausted, text).WithDetails(
		&errdetails.ErrorInfo{Reason: "QUOTA_EXCEEDED", Domain: "lowlayer.cloud"},
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "tenants/acme/quotas/network.vpcs", Description: text}}})
	if err != nil {
		t.Fatal(err)
	}
	f.refuse("ListQuotas", s.Err())
	_, errs, code := cliRun(t, address, "quota", "list", "acme")
	if code != exitPrecondition || strings.Count(errs, text) != 1 || !strings.Contains(errs, "QUOTA_EXCEEDED") {
		t.Errorf("got %d %s", code, errs)
	}
}

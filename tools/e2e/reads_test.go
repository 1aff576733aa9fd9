package e2e_test

import (
	"net/http"
	"testing"
)

// TestReads_everyWay_neverCallTheCloud reads everything in every way while the loops that look at the cloud stand still.
func TestReads_everyWay_neverCallTheCloud(t *testing.T) {
	p := platform(t)
	purged(t, p, "acme")
	p.Must(t, "apply", "-f", "deploy/blueprints/startup.yaml")
	before := p.CloudCalls(t)
	if before == 0 {
		t.Fatal("an organisation was made without a call to the cloud: the count shows nothing")
	}
	for _, args := range [][]string{
		{"tree", "acme"},
		{"tenant", "list"},
		{"tenant", "get", "acme"},
		{"organisation", "list", "acme"},
		{"organisation", "get", "acme/core"},
		{"hub", "get", "acme/core"},
		{"vpc", "list", "acme", "--filter", "state = ACTIVE", "--order-by", "create_time desc"},
		{"vpc", "get", "acme/core/dev"},
		{"peering", "list", "acme"},
		{"operation", "list", "acme"},
		{"drift", "list", "acme"},
	} {
		p.Must(t, args...)
	}
	for _, path := range []string{"/v1/tenants/acme", "/v1/tenants/acme/organisations/core/vpcs/dev", "/v1/tenants/acme/operations"} {
		if code, _, answer := p.REST(t, http.MethodGet, path, ""); code != http.StatusOK {
			t.Errorf("%s: %d %v", path, code, answer)
		}
	}
	if after := p.CloudCalls(t); after != before {
		t.Errorf("reading made %d calls to the cloud", after-before)
	}
}

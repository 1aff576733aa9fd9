package app_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
)

// A plan is asked for by the same parameter of every method that changes something.
func TestPlan_everyChange_hasTheParameter(t *testing.T) {
	e := newEdge(t)
	type planned interface {
		proto.Message
		GetValidateOnly() bool
	}
	for _, c := range []struct{ verb, path, body string }{
		{"POST", "/v1/tenants?tenantId=acme", "{}"},
		{"PATCH", "/v1/tenants/acme?updateMask=displayName", `{"displayName":"x"}`},
		{"DELETE", "/v1/tenants/acme?force=true", ""},
		{"POST", "/v1/tenants/acme:suspend?", `{"reason":"x"}`},
		{"POST", "/v1/tenants/acme:suspend?", ""},
	} {
		for _, query := range []string{"", "&validateOnly=true", "&validate_only=true", "&validateOnly=false"} {
			got := e.do(c.verb, c.path+query, c.body, nil)
			if got.status != 200 {
				t.Fatalf("%s %s%s: got %d %s", c.verb, c.path, query, got.status, got.body)
			}
			m, _ := e.tenants.last(t)
			p, ok := m.(planned)
			if want := query == "&validateOnly=true" || query == "&validate_only=true"; !ok || p.GetValidateOnly() != want {
				t.Errorf("%s %s%s arrived as %v", c.verb, c.path, query, m)
			}
		}
	}
	if got := e.do("POST", "/v1/tenants/acme:suspend?reason=x", "", nil); got.status != 400 {
		t.Errorf("another parameter: got %d %s", got.status, got.body)
	}
	if got := e.do("POST", "/v1/tenants/acme:suspend?validateOnly=maybe", "", nil); got.status != 400 {
		t.Errorf("neither true nor false: got %d %s", got.status, got.body)
	}
}

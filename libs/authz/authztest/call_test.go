package authztest_test

import (
	"testing"
	"time"

	_ "github.com/low-layer/platform/gen/go/all" // registers all descriptors
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/authz/authztest"
	"github.com/low-layer/platform/libs/identity"
)

func TestMatrix_everyRPC_canBeCalled(t *testing.T) {
	w := authztest.World{
		"tenants": "acme", "organisations": "core", "vpcs": "dev", "peerings": "a-b", "members": "some-member", "serviceAccounts": "ci",
		"operations": "op_network_00000000000000000000000001", "receipts": "rcpt_network_00000000000000000000000001", "quotas": "network.vpcs",
	}
	calls := authztest.Calls(t)
	if len(calls) < 30 {
		t.Errorf("there are only %d calls", len(calls))
	}
	for _, c := range calls {
		path, body := c.REST(t, c.Request(t, w, true))
		t.Log(c.Name(), c.Verb, path, body)
	}
}

// Without any one of its declarations, an RPC is denied to everyone: forgetting opens nothing.
func TestMethod_noRule_isDenied(t *testing.T) {
	best := &identity.Principal{Subject: "op", ACR: "2", AuthTime: time.Now(), Groups: []string{"/platform/operator", "/tenants/acme/owner"}}
	w := authztest.World{"tenants": "acme", "organisations": "core", "vpcs": "dev", "peerings": "a-b", "members": "some-member", "serviceAccounts": "ci", "operations": "op_network_00000000000000000000000001", "receipts": "rcpt_network_00000000000000000000000001", "quotas": "network.vpcs"}
	mutants := 0
	for _, c := range authztest.Calls(t) {
		request := c.Request(t, w, false)
		for name, mutate := range map[string]func(authz.Methods, *authz.Method){
			"no rule":       func(all authz.Methods, m *authz.Method) { delete(all, m.Full) },
			"no audience":   func(_ authz.Methods, m *authz.Method) { m.Internal = true },
			"no permission": func(_ authz.Methods, m *authz.Method) { m.Permission = "" },
		} {
			methods, err := authz.LinkedMethods()
			if err != nil {
				t.Fatal(err)
			}
			mutate(methods, methods[c.Full])
			a, err := authz.New(methods)
			if err != nil {
				t.Fatal(err)
			}
			mutants++
			if _, err := a.Authorize(t.Context(), best, c.Full, request); err == nil && !c.Narrowed {
				t.Errorf("%s with %s may be called", c.Full, name)
			}
		}
	}
	t.Logf("%d mutants", mutants)
}

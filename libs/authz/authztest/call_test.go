package authztest_test

import (
	"testing"

	_ "github.com/low-layer/platform/gen/go/lowlayer/network/v1"   // registers its descriptors
	_ "github.com/low-layer/platform/gen/go/lowlayer/operation/v1" // registers its descriptors
	_ "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"   // registers its descriptors
	_ "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"    // registers its descriptors
	"github.com/low-layer/platform/libs/authz/authztest"
)

func TestEveryRPCCanBeCalled(t *testing.T) {
	w := authztest.World{
		"tenants": "acme", "organisations": "core", "vpcs": "dev", "peerings": "a-b",
		"operations": "op_network_00000000000000000000000001", "receipts": "rcpt_network_00000000000000000000000001",
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

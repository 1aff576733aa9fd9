package app_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/rpc"
)

// TestReceipts_purgedTenant_areKept purges a tenant with everything in it and verifies what is left of it: receipts.
func TestReceipts_purgedTenant_areKept(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	made := r.tenant("acme")
	o := r.organisation("acme", "core", "dev")
	r.done(r.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Force: true, Purge: true}))

	conn, err := rpc.Dial(rpc.ClientConfig{Target: r.app.Server.Addr(), Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c := receiptv1.NewReceiptServiceClient(conn)
	listed, err := c.ListReceiptKeys(ctx, &receiptv1.ListReceiptKeysRequest{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := receipt.ParseKeys(listed.GetKeys()[0].GetPublicKey())
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.ListReceipts(ctx, &receiptv1.ListReceiptsRequest{Parent: "tenants/acme"})
	if err != nil || len(page.GetReceipts()) != 2 {
		t.Fatalf("got %v, %v", page, err)
	}
	ids := map[string]bool{}
	for _, m := range page.GetReceipts() {
		text, err := protojson.Marshal(m.GetEnvelope())
		if err != nil {
			t.Fatal(err)
		}
		e, err := receipt.ParseEnvelope(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := receipt.Verify(e, keys)
		if err != nil || got.Inventory.Scope != receipt.ScopeCloud {
			t.Errorf("%s: %v %+v", m.GetName(), err, got.Inventory)
		}
		for _, x := range got.Objects {
			ids[x.ID] = true
		}
	}
	for _, id := range []string{made.GetOpenstackDomainId(), o.GetOpenstackProjectId(), o.GetCredential().GetId(), o.GetName() + "/hub"} {
		if !ids[id] {
			t.Errorf("no receipt has %s", id)
		}
	}
}

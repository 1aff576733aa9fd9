package app_test

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	networkinternalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/receipt"
)

// TestEverythingHasItsReceipt builds a tenant up and takes it down, and accounts for every object the cloud ever held.
func TestEverythingHasItsReceipt(t *testing.T) {
	w := newWorld(t, setup{})
	ctx := t.Context()
	h := w.foundation()
	a, b := w.vpc("dev", &networkv1.Vpc{}), w.vpc("prod", &networkv1.Vpc{})
	p := w.peer("link", a, b)
	w.done(w.peers.AcceptPeering(ctx, &networkv1.AcceptPeeringRequest{Name: p.GetName()}))
	held := map[string]bool{}
	for _, o := range w.sim.Cloud.Inventory("") {
		// The port of an interface is part of the interface, which has its line; Keystone's objects are not ours.
		ours := []string{"address_scope", "subnetpool", "network", "subnet", "router", "port", "security_group"}
		if !neutronOwn(o) && slices.Contains(ours, o.Type) && (o.Type != "port" || o.Name != "") {
			held[o.ID] = true
		}
	}

	if len(held) < 20 {
		t.Fatalf("the cloud holds only %d objects", len(held))
	}
	receipts := receiptv1.NewReceiptServiceClient(w.conn)
	keys := w.receiptKeys(receipts)
	named := map[string]string{}
	gone := func(name, receipt string) {
		t.Helper()
		if receipt == "" {
			t.Errorf("the deletion of %s names no receipt", name)
		}
		named[receipt] = name
	}
	gone(p.GetName(), metadata(t, w.done(w.peers.DeletePeering(ctx, &networkv1.DeletePeeringRequest{Name: p.GetName()}))).GetReceipt())
	for _, v := range []*networkv1.Vpc{a, b} {
		gone(v.GetName(), metadata(t, w.done(w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: v.GetName()}))).GetReceipt())
	}
	gone(h.GetName(), metadata(t, w.done(w.base.DeleteHub(ctx, &networkinternalv1.DeleteHubRequest{Organisation: org}))).GetReceipt())
	gone(tenant+"/boundary", metadata(t, w.done(w.base.DeleteBoundary(ctx, &networkinternalv1.DeleteBoundaryRequest{Tenant: tenant}))).GetReceipt())

	// Nothing of the tenant is there any more; its receipts are.
	page, err := receipts.ListReceipts(ctx, &receiptv1.ListReceiptsRequest{Parent: tenant})
	must(t, err)
	if len(page.GetReceipts()) != 5 {
		t.Fatalf("got %d receipts", len(page.GetReceipts()))
	}
	for _, m := range page.GetReceipts() {
		r := proven(t, m, keys)
		if named[m.GetName()] != r.Resource || r.Inventory.Scope != receipt.ScopeCloud {
			t.Errorf("%s is of %s: %+v", m.GetName(), r.Resource, r.Inventory)
		}
		for _, o := range r.Objects {
			delete(held, o.ID)
		}
	}
	if len(held) > 0 {
		t.Errorf("these objects have no line: %v", held)
	}
	page, err = receipts.ListReceipts(ctx, &receiptv1.ListReceiptsRequest{Parent: tenant, Filter: `kind = "vpc" AND resource = "` + a.GetName() + `"`})
	if err != nil || len(page.GetReceipts()) != 1 {
		t.Errorf("by filter: %v, %v", page, err)
	}
	_, err = receipts.GetReceipt(ctx, &receiptv1.GetReceiptRequest{Name: tenant + "/receipts/rcpt_network_00000000000000000000000000"})
	refused(t, err, codes.NotFound, "RECEIPT_NOT_FOUND")
}

func (w *world) receiptKeys(c receiptv1.ReceiptServiceClient) []receipt.Key {
	w.t.Helper()
	resp, err := c.ListReceiptKeys(w.t.Context(), &receiptv1.ListReceiptKeysRequest{})
	must(w.t, err)
	var keys []receipt.Key
	for _, k := range resp.GetKeys() {
		read, err := receipt.ParseKeys(k.GetPublicKey())
		must(w.t, err)
		keys = append(keys, read...)
	}
	return keys
}

// proven verifies a receipt as its owner does: from the JSON of the envelope, offline.
func proven(t *testing.T, m *receiptv1.Receipt, keys []receipt.Key) receipt.Receipt {
	t.Helper()
	text, err := protojson.Marshal(m.GetEnvelope())
	must(t, err)
	e, err := receipt.ParseEnvelope(text)
	must(t, err)
	r, err := receipt.Verify(e, keys)
	if err != nil {
		t.Fatalf("%s: %v", m.GetName(), err)
	}
	return r
}

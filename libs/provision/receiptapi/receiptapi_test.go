package receiptapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/receiptapi"
	"github.com/low-layer/platform/libs/receipt"
)

var _ receiptv1.ReceiptServiceServer = (*receiptapi.Server)(nil)

// records are receipts in memory; the engine's own tests show the same of the database.
type records struct {
	list  []*provision.ReceiptDocument
	asked provision.ListInput
}

func (r *records) Receipts(_ context.Context, in provision.ListInput) ([]*provision.ReceiptDocument, error) {
	r.asked = in
	if in.Where == "d.id = $1" {
		i := slices.IndexFunc(r.list, func(d *provision.ReceiptDocument) bool { return d.Tenant == in.Tenant && d.ID == in.Args[0] })
		return r.list[max(i, 0) : i+1], nil
	}
	i := 0
	if in.BeforeID != "" {
		i = 1 + slices.IndexFunc(r.list, func(d *provision.ReceiptDocument) bool { return d.ID == in.BeforeID })
	}
	return r.list[i:min(len(r.list), i+in.Limit)], nil
}

func newServer(t *testing.T, n int) (*receiptapi.Server, *records, receipt.Ring) {
	t.Helper()
	key, err := receipt.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := receipt.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	before, err := receipt.NewSigner(other)
	if err != nil {
		t.Fatal(err)
	}
	old, err := before.Key().PEM()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := receipt.NewRing(key, old)
	if err != nil {
		t.Fatal(err)
	}
	r := &records{}
	for i := range n {
		at := time.Date(2026, 11, 26, 10, 0, n-i, 0, time.UTC)
		d := &provision.ReceiptDocument{ID: fmt.Sprintf("rcpt_garden_%026d", n-i), Tenant: "acme", CreateTime: at}
		d.Name = "tenants/acme/receipts/" + d.ID
		d.Envelope, err = ring.Signer.Sign(receipt.Receipt{
			Name: d.Name, Service: "garden", Tenant: "tenants/acme", Kind: "garden", Resource: "tenants/acme/gardens/g", ResourceUID: "g",
			Operation: "tenants/acme/operations/op_garden_1", RequestTime: at, EndTime: at,
			Objects:   []receipt.Object{{Step: "soil", Type: "soil", ID: "s", MadeTime: at, LastSeenTime: at, GoneTime: at, Check: receipt.NotListed}},
			Inventory: receipt.Inventory{Scope: receipt.ScopeCloud, Time: at},
		})
		if err != nil {
			t.Fatal(err)
		}
		r.list = append(r.list, d)
	}
	return receiptapi.New("garden", r, ring), r, ring
}

// The JSON form of the envelope is what the verifier takes, byte by byte.
func TestEnvelopeIsStandard(t *testing.T) {
	server, r, ring := newServer(t, 1)
	got, err := server.GetReceipt(t.Context(), &receiptv1.GetReceiptRequest{Name: r.list[0].Name})
	if err != nil {
		t.Fatal(err)
	}
	if o := got.GetObjects()[0]; o.GetCheck() != receiptv1.RemovedObject_NOT_LISTED || !o.GetGoneTime().IsValid() || got.GetInventory().GetScope() != receiptv1.Inventory_CLOUD {
		t.Errorf("got %v", got)
	}
	text, err := protojson.Marshal(got.GetEnvelope())
	if err != nil {
		t.Fatal(err)
	}
	e, err := receipt.ParseEnvelope(text)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := receipt.Verify(e, ring.Keys()); err != nil || v.Name != got.GetName() {
		t.Errorf("verified %v, %v", v, err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil || len(members) != 3 || members["payloadType"] != receipt.PayloadType {
		t.Errorf("got %s", text)
	}
}

func TestPages(t *testing.T) {
	server, r, _ := newServer(t, 5)
	var names []string
	req := &receiptv1.ListReceiptsRequest{Parent: "tenants/acme", PageSize: 2, Filter: `kind = "garden"`}
	for {
		page, err := server.ListReceipts(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.GetReceipts() {
			names = append(names, m.GetName())
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if len(names) != 5 || names[4] != r.list[4].Name || r.asked.Where == "" {
		t.Errorf("got %v, asked %+v", names, r.asked)
	}
}

func TestRefusals(t *testing.T) {
	server, _, _ := newServer(t, 1)
	for _, req := range []*receiptv1.ListReceiptsRequest{
		{Parent: "acme"},
		{Parent: "tenants/acme", Filter: "colour = 1"},
		{Parent: "tenants/acme", PageToken: "x"},
	} {
		if _, err := server.ListReceipts(t.Context(), req); errs.CodeOf(err) != errs.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
	for name, code := range map[string]errs.Code{
		"tenants/acme/receipts/x":                                       errs.InvalidArgument,
		"tenants/acme/receipts/rcpt_garden_00000000000000000000000009":  errs.CodeNotFound,
		"tenants/other/receipts/rcpt_garden_00000000000000000000000001": errs.CodeNotFound,
	} {
		if _, err := server.GetReceipt(t.Context(), &receiptv1.GetReceiptRequest{Name: name}); errs.CodeOf(err) != code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReceiptKeys_earlierKeys_stayListed(t *testing.T) {
	server, _, ring := newServer(t, 0)
	got, err := server.ListReceiptKeys(t.Context(), &receiptv1.ListReceiptKeysRequest{})
	if err != nil || len(got.GetKeys()) != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
	for i, k := range got.GetKeys() {
		read, err := receipt.ParseKeys(k.GetPublicKey())
		if err != nil || read[0].ID != k.GetKeyId() || k.GetKeyId() != ring.Keys()[i].ID || k.GetCurrent() != (i == 0) {
			t.Errorf("key %d: %v, %v", i, k, err)
		}
	}
}

package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/errs"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// receipts are those of one service, newest first.
type receipts struct {
	receiptv1.UnimplementedReceiptServiceServer
	service string
	list    []*receiptv1.Receipt
}

func (s *receipts) add(n int) string {
	name := fmt.Sprintf("tenants/acme/receipts/rcpt_%s_%026d", s.service, n)
	s.list = slices.Insert(s.list, 0, &receiptv1.Receipt{
		Name: name, CreateTime: timestamppb.New(epoch.Add(time.Duration(n) * time.Second)),
		Envelope: &receiptv1.Envelope{Payload: []byte("{}"), PayloadType: "x", Signatures: []*receiptv1.Signature{{Keyid: "k", Sig: []byte{1, 255}}}},
	})
	return name
}

func (s *receipts) GetReceipt(_ context.Context, r *receiptv1.GetReceiptRequest) (*receiptv1.Receipt, error) {
	for _, m := range s.list {
		if m.GetName() == r.GetName() {
			return m, nil
		}
	}
	return nil, errs.NotFound("receipt", r.GetName())
}

func (s *receipts) ListReceipts(_ context.Context, r *receiptv1.ListReceiptsRequest) (*receiptv1.ListReceiptsResponse, error) {
	list, next := pageOf(slices.Values(s.list), r.GetPageToken(), r.GetPageSize())
	return &receiptv1.ListReceiptsResponse{Receipts: list, NextPageToken: next}, nil
}

func (s *receipts) ListReceiptKeys(context.Context, *receiptv1.ListReceiptKeysRequest) (*receiptv1.ListReceiptKeysResponse, error) {
	return &receiptv1.ListReceiptKeysResponse{Keys: []*receiptv1.ReceiptKey{
		{KeyId: "now-" + s.service, Current: true}, {KeyId: "old-" + s.service},
	}}, nil
}

func TestReceipts_list_mergesAllServices(t *testing.T) {
	e := newEdge(t)
	e.merged("receipts", func(service string, i int) string { return e.receipts[service].add(i) }, func([]byte) {})
}

// The envelope arrives as the service signed it.
func TestReceipts_get_callsItsService(t *testing.T) {
	e := newEdge(t)
	name := e.receipts["network"].add(1)
	got := e.do("GET", "/v1/"+name, "", nil)
	var text bytes.Buffer // the white space of protojson differs from build to build
	if err := json.Compact(&text, got.body); err != nil {
		t.Fatal(err)
	}
	if got.status != 200 || !strings.Contains(text.String(), `"payload":"e30=","payloadType":"x","signatures":[{"keyid":"k","sig":"Af8="}]`) {
		t.Errorf("got %d %s", got.status, got.body)
	}
	for _, id := range []string{"rcpt_network_00000000000000000000000002", "rcpt_catalog_00000000000000000000000001"} {
		got := e.do("GET", "/v1/tenants/acme/receipts/"+id, "", nil)
		if p := got.problem(t); got.status != 404 || p["reason"] != "RECEIPT_NOT_FOUND" {
			t.Errorf("%s: got %d %s", id, got.status, got.body)
		}
	}
}

func TestReceiptKeys_list_joinsAllServices(t *testing.T) {
	e := newEdge(t)
	got := e.do("GET", "/v1/receiptKeys", "", nil)
	if got.status != 200 || strings.Index(string(got.body), "now-network") > strings.Index(string(got.body), "old-tenant") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	e.network.end()
	if got := e.do("GET", "/v1/receiptKeys", "", nil); got.status != 503 {
		t.Errorf("with a service away: got %d %s", got.status, got.body)
	}
}

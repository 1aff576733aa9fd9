package app_test

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/receipt"
)

// records are those of the tenant as they are exported, which must be one chain.
func (w *world) records() []audit.Record {
	w.t.Helper()
	signer, err := receipt.NewSigner(receiptKey)
	must(w.t, err)
	client := auditv1.NewAuditServiceClient(w.conn)
	var out []audit.Record
	var file bytes.Buffer
	req := &auditv1.ExportAuditEventsRequest{Parent: tenant, PageSize: 2}
	for {
		page, err := client.ExportAuditEvents(w.t.Context(), req)
		must(w.t, err)
		for _, e := range page.GetRecords() {
			r, err := audit.Parse(e.GetRecord())
			must(w.t, err)
			out = append(out, r)
			must(w.t, audit.WriteEntry(&file, audit.Entry{Payload: e.GetRecord(), Hash: e.GetHash()}))
		}
		if c := page.GetCheckpoint(); c != nil {
			text, err := protojson.Marshal(c)
			must(w.t, err)
			e, err := receipt.ParseEnvelope(text)
			must(w.t, err)
			must(w.t, audit.WriteCheckpoint(&file, e))
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	_, err = audit.Verify(&file, audit.Expect{Keys: []receipt.Key{signer.Key()}, Services: []string{"network"}})
	must(w.t, err)
	return out
}

func TestChangesLeaveTheirRecords(t *testing.T) {
	w := newWorld(t, setup{})
	ctx := t.Context()
	w.foundation()
	request := &networkv1.CreateVpcRequest{
		Parent: org, VpcId: "dev", RequestId: "one", Vpc: &networkv1.Vpc{DisplayName: "old", Mode: 1},
	}
	w.done(w.vpcs.CreateVpc(ctx, request))
	w.done(w.vpcs.CreateVpc(ctx, request)) // answered from the first
	name := org + "/vpcs/dev"
	if _, err := w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: name, ValidateOnly: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: org + "/vpcs/none"}); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	// Strangers' tenants are not ours to remember.
	if _, err := w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: "tenants/nobody/organisations/core/vpcs/dev"}); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	w.until("the failed call is recorded", func() bool { return len(w.records()) == 2 })
	w.done(w.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: name}))
	got := w.records()
	if len(got) != 3 {
		t.Fatalf("got %d records: %+v", len(got), got)
	}
	made, failed, removed := got[0], got[1], got[2]
	if made.Method != "lowlayer.network.v1.VpcService.CreateVpc" || made.Resource != name || made.Code != "OK" ||
		made.Actor.Kind != audit.Anonymous || made.RequestID == "" || len(made.Changes) != 1 || made.Changes[0].Before != nil ||
		!bytes.Contains(made.Changes[0].After, []byte(`"displayName":"old"`)) {
		t.Errorf("made: %+v", made)
	}
	if failed.Code != "NOT_FOUND" || failed.Reason != "VPC_NOT_FOUND" || failed.Resource != org+"/vpcs/none" || len(failed.Changes) != 0 {
		t.Errorf("failed: %+v", failed)
	}
	if removed.Code != "OK" || len(removed.Changes) != 1 || removed.Changes[0].After != nil || !bytes.Contains(removed.Changes[0].Before, []byte(name)) {
		t.Errorf("removed: %+v", removed)
	}
	listed, err := auditv1.NewAuditServiceClient(w.conn).ListAuditEvents(ctx, &auditv1.ListAuditEventsRequest{
		Parent: tenant, Filter: `resource = "` + name + `"`,
	})
	must(t, err)
	events := listed.GetAuditEvents()
	if len(events) != 2 || events[0].GetMethod() != removed.Method || events[1].GetChanges()[0].GetAfter().GetFields()["displayName"].GetStringValue() != "old" {
		t.Errorf("listed %v", listed)
	}
}

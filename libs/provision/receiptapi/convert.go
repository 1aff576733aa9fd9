package receiptapi

import (
	"fmt"
	"math"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/resource/convert"
)

// toProto is a receipt as the API shows it. The fields beside the envelope are read from its payload, so the two never
// differ.
func toProto(d *provision.ReceiptDocument) (*receiptv1.Receipt, error) {
	r, err := receipt.Parse(d.Envelope.Payload)
	if err != nil {
		return nil, fmt.Errorf("read receipt %s: %w", d.Name, err)
	}
	m := &receiptv1.Receipt{
		Name: d.Name, Resource: r.Resource, ResourceUid: r.ResourceUID, Kind: r.Kind, Service: r.Service, Operation: r.Operation,
		RequestTime: convert.Time(r.RequestTime), CreateTime: convert.Time(r.EndTime),
		Inventory: &receiptv1.Inventory{
			Scope: receiptv1.Inventory_Scope(receiptv1.Inventory_Scope_value[string(r.Inventory.Scope)]),
			Left:  int32(min(r.Inventory.Left, math.MaxInt32)), CheckTime: convert.Time(r.Inventory.Time),
		},
		Envelope: &receiptv1.Envelope{Payload: d.Envelope.Payload, PayloadType: d.Envelope.PayloadType},
	}
	for _, s := range d.Envelope.Signatures {
		m.Envelope.Signatures = append(m.Envelope.Signatures, &receiptv1.Signature{Keyid: s.KeyID, Sig: s.Sig})
	}
	for _, o := range r.Objects {
		m.Objects = append(m.Objects, &receiptv1.RemovedObject{
			Step: o.Step, Type: o.Type, Id: o.ID, Name: o.Name, MadeTime: convert.Time(o.MadeTime),
			LastSeenTime: convert.Time(o.LastSeenTime), GoneTime: convert.Time(o.GoneTime),
			Check: receiptv1.RemovedObject_Check(receiptv1.RemovedObject_Check_value[string(o.Check)]),
		})
	}
	return m, nil
}

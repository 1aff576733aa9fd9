package provisiontest

import (
	"strings"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/receipt"
)

// receipts is what signs the receipts of this life.
func (l *life) receipts() *receipt.Signer {
	l.t.Helper()
	if l.signer != nil {
		return l.signer
	}
	key, err := receipt.GenerateKey()
	if err == nil {
		l.signer, err = receipt.NewSigner(key)
	}
	if err != nil {
		l.t.Fatalf("make a key for receipts: %v", err)
	}
	return l.signer
}

// proven checks that a deletion, whatever happened on the way, ended with a receipt that holds.
func (l *life) proven(e *provision.Engine, op *provision.Operation) {
	l.t.Helper()
	if op.Verb != "delete" {
		return
	}
	id := op.Receipt[strings.LastIndexByte(op.Receipt, '/')+1:]
	found, err := e.Receipts(l.t.Context(), provision.ListInput{Tenant: op.Tenant, Where: "d.id = $1", Args: []any{id}, Limit: 1})
	if err != nil || len(found) != 1 {
		l.t.Fatalf("the deletion has the receipts %v: %v", found, err)
	}
	d := found[0]
	r, err := receipt.Verify(d.Envelope, []receipt.Key{l.signer.Key()})
	if err != nil {
		l.t.Fatalf("the receipt does not hold: %v\n%s", err, d.Envelope.Payload)
	}
	if r.ResourceUID != op.ResourceUID || r.Operation != op.Name {
		l.t.Errorf("the receipt is of %s by %s", r.ResourceUID, r.Operation)
	}
}

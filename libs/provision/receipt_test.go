package provision_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
	"github.com/low-layer/platform/libs/receipt"
)

func withSigner(t *testing.T, r *rig) *receipt.Signer {
	t.Helper()
	key, err := receipt.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := receipt.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	r.cfg.Receipts = s
	return s
}

// verified reads the receipt of an ended deletion and verifies it with the key alone.
func (r *rig) verified(e *provision.Engine, op *provision.Operation, s *receipt.Signer) receipt.Receipt {
	r.t.Helper()
	found, err := e.Receipts(r.t.Context(), provision.ListInput{Tenant: op.Tenant, Where: "d.id = $1", Args: []any{strings.TrimPrefix(op.Receipt, "tenants/acme/receipts/")}, Limit: 1})
	if err != nil || len(found) != 1 {
		r.t.Fatalf("receipts %q are %v: %v", op.Receipt, found, err)
	}
	d := found[0]
	text, err := d.Envelope.JSON()
	if err != nil {
		r.t.Fatal(err)
	}
	envelope, err := receipt.ParseEnvelope(text)
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := receipt.Verify(envelope, []receipt.Key{s.Key()})
	if err != nil {
		r.t.Fatalf("verify: %v", err)
	}
	return got
}

func TestReceipt_deletion_listsAllObjectsThereEverWere(t *testing.T) {
	r := newRig(t)
	s := withSigner(t, r)
	e, _ := r.run()
	before := time.Now()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1, Beds: []string{"a"}}))
	held := map[string]bool{}
	for _, o := range r.cloud.Held("", "") {
		held[o.ID] = true
	}
	r.succeeds(e, r.update(e, cloudfake.Spec{Size: 1, Beds: []string{"b"}}))
	for _, o := range r.cloud.Held("", "") {
		held[o.ID] = true
	}
	op := r.succeeds(e, r.delete(e))
	got := r.verified(e, op, s)
	if got.Resource != cloudfake.Name(r.uid) || got.ResourceUID != r.uid || got.Kind != "garden" || got.Operation != op.Name ||
		!got.RequestTime.Equal(op.CreateTime) || got.EndTime.Before(got.RequestTime) || got.Inventory.Scope != receipt.ScopeLedger {
		t.Errorf("got %+v", got)
	}
	for _, o := range got.Objects {
		if !held[o.ID] {
			t.Errorf("%s was never there", o.ID)
		}
		delete(held, o.ID)
		if o.Check != receipt.NotListed || o.MadeTime.Before(before.Add(-time.Second)) || o.LastSeenTime.Before(o.MadeTime) || o.GoneTime.Before(o.LastSeenTime) {
			t.Errorf("got %+v", o)
		}
		// The bed went with the update, before the deletion was asked for.
		if early := o.GoneTime.Before(got.RequestTime); early != (o.Step == "bed-a") {
			t.Errorf("%s is gone at %s, asked for at %s", o.Step, o.GoneTime, got.RequestTime)
		}
	}
	if len(held) > 0 {
		t.Errorf("the receipt lacks %v", held)
	}
}

// The receipt outlives the operation, and is nobody else's.
func TestReceiptIsKept(t *testing.T) {
	r := newRig(t)
	s := withSigner(t, r)
	e, stop := r.run()
	var ops []*provision.Operation
	for range 3 {
		r.uid = cloudfake.NewUID()
		r.succeeds(e, r.create(e, cloudfake.Spec{}))
		ops = append(ops, r.succeeds(e, r.delete(e)))
	}
	stop()
	r.cfg.Retention = time.Nanosecond
	e, _ = r.run()
	r.until("old operations to be pruned", func() bool {
		return query[int](r, `SELECT count(*) FROM provision_operations`) == 0 && query[int](r, `SELECT count(*) FROM provision_receipts`) == 0
	})
	for _, op := range ops {
		r.verified(e, op, s)
	}
	foreign, err := e.Receipts(t.Context(), provision.ListInput{Tenant: "other", Where: "d.id = $1", Args: []any{ops[0].Receipt[len("tenants/acme/receipts/"):]}, Limit: 1})
	if err != nil || len(foreign) > 0 {
		t.Errorf("another tenant gets %v, %v", foreign, err)
	}

	first, err := e.Receipts(t.Context(), provision.ListInput{Tenant: "acme", Limit: 2})
	if err != nil || len(first) != 2 || first[0].Name != ops[2].Receipt {
		t.Fatalf("first page: %v, %v", first, err)
	}
	rest, err := e.Receipts(t.Context(), provision.ListInput{Tenant: "acme", Limit: 2, BeforeTime: first[1].CreateTime, BeforeID: first[1].ID})
	if err != nil || len(rest) != 1 || rest[0].Name != ops[0].Receipt {
		t.Errorf("second page: %v, %v", rest, err)
	}
}

// An object that somebody else removed has its line too, and its successor another.
func TestReceipt_objectsRemovedByOthers_areListed(t *testing.T) {
	r := newRig(t)
	s := withSigner(t, r)
	e, _ := r.run()
	made := r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1, Beds: []string{"a"}}))
	lost := r.cloud.Held("bed", "")[0].ID
	r.cloud.Lose(lost)
	var again *provision.Operation
	r.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
		again, err = e.Repair(ctx, tx, made.ResourceUID, []string{"bed-a"}, "it is not there any more")
		return err
	})
	r.succeeds(e, again)
	got := r.verified(e, r.succeeds(e, r.delete(e)), s)
	var checks []receipt.Check
	for _, o := range got.Objects {
		if o.Step == "bed-a" {
			checks = append(checks, o.Check)
			if (o.ID == lost) != (o.Check == receipt.NotFound) {
				t.Errorf("got %+v", o)
			}
		}
	}
	if !slices.Equal(checks, []receipt.Check{receipt.NotFound, receipt.NotListed}) {
		t.Errorf("the lines of the bed are %v", checks)
	}
}

func TestInventory_objectInNoLedger_blocksTheDeletionAndStays(t *testing.T) {
	r := newRig(t)
	s := withSigner(t, r)
	r.kind.Inventory = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		var left []provision.External
		for _, o := range r.cloud.Held("", "") {
			if strings.Contains(o.Name, run.UID) {
				left = append(left, provision.External{ID: o.ID, Name: o.Name})
			}
		}
		return left, ctx.Err()
	}
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{Size: 1}))
	ghost, err := r.cloud.Create(t.Context(), cloudfake.Object{Type: "fence", Name: r.uid + "/stray"})
	if err != nil {
		t.Fatal(err)
	}
	op := r.delete(e)
	r.until("the deletion to be blocked", func() bool { return r.get(e, op).Blockage != nil })
	if b := r.get(e, op).Blockage; b.Reason != "OBJECT_LEFT" || !strings.Contains(b.Message, ghost.ID) || b.Owner != provision.OwnerProvider {
		t.Errorf("blocked by %+v", b)
	}
	r.holds("stray")
	r.cloud.Lose(ghost.ID)
	got := r.verified(e, r.succeeds(e, op), s)
	if got.Inventory.Scope != receipt.ScopeCloud || got.Inventory.Left != 0 {
		t.Errorf("got %+v", got.Inventory)
	}
}

// An engine without a key removes all the same, and signs nothing.
func TestReceipt_withoutSigner_isNotWritten(t *testing.T) {
	r := newRig(t)
	e, _ := r.run()
	r.succeeds(e, r.create(e, cloudfake.Spec{}))
	if op := r.succeeds(e, r.delete(e)); op.Receipt != "" || query[int](r, `SELECT count(*) FROM provision_receipt_documents`) != 0 {
		t.Errorf("got %q", op.Receipt)
	}
}

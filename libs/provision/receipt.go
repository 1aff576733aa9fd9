package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/receipt"
)

// ReceiptDocument is the signed receipt of one resource that is gone.
type ReceiptDocument struct {
	// ID is `rcpt_<service>_<26 characters>`, Name `tenants/<tenant>/receipts/<id>`.
	ID, Name, Tenant            string
	Kind, Resource, ResourceUID string
	Operation                   string
	RequestTime, CreateTime     time.Time
	Envelope                    receipt.Envelope
}

func receiptName(tenant, id string) string { return "tenants/" + tenant + "/receipts/" + id }

// sawMade notes that an object is known from now on; seen that it is there still.
func (x *entry) sawMade(now time.Time) { x.made, x.seen = now, now }

func (x *entry) sawAgain(now time.Time) {
	if x.ID != "" {
		x.seen = now
	}
}

// removedObjects are the lines of everything the resource ever had.
func (s *slice) removedObjects(ctx context.Context, tx pgx.Tx) ([]RemovedObject, error) {
	rows, err := tx.Query(ctx, `SELECT step, object_type, external_id, external_name, gone_time, made_time, seen_time, proof
		FROM provision_receipts WHERE resource_uid = $1 ORDER BY gone_time, step, external_id`, s.res.uid)
	if err != nil {
		return nil, fmt.Errorf("read receipt of %s: %w", s.res.name, err)
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (RemovedObject, error) {
		var o RemovedObject
		var made, seen *time.Time
		err := row.Scan(&o.Step, &o.Type, &o.ID, &o.Name, &o.GoneTime, &made, &seen, &o.Proof)
		o.MadeTime, o.SeenTime = value(made), value(seen)
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("read receipt of %s: %w", s.res.name, err)
	}
	return lines, nil
}

// sign writes the receipt of the resource, in the transaction that removes it, and returns its name: empty without a
// signer.
func (s *slice) sign(ctx context.Context, tx pgx.Tx, lines []RemovedObject) (string, error) {
	if s.e.cfg.Receipts == nil {
		return "", nil
	}
	id := ids.New("rcpt_" + s.e.cfg.Service)
	r := receipt.Receipt{
		Name: receiptName(s.res.tenant, id), Service: s.e.cfg.Service, Tenant: "tenants/" + s.res.tenant, Kind: s.res.kind,
		Resource: s.res.name, ResourceUID: s.res.uid, Operation: operationName(s.res.tenant, s.op.id),
		RequestTime: s.op.created.UTC(), EndTime: s.e.now(), Inventory: s.inventory,
	}
	// The process that accepted the deletion, or verified an object gone, may have a clock ahead of ours.
	end := func(t time.Time) {
		if t.After(r.EndTime) {
			r.EndTime = t.UTC()
		}
	}
	end(r.RequestTime)
	end(r.Inventory.Time)
	for _, o := range lines {
		end(o.GoneTime)
		r.Objects = append(r.Objects, receipt.Object{
			Step: o.Step, Type: o.Type, ID: o.ID, Name: o.Name, MadeTime: utc(o.MadeTime), LastSeenTime: utc(o.SeenTime),
			GoneTime: o.GoneTime.UTC(), Check: o.Proof,
		})
	}
	e, err := s.e.cfg.Receipts.Sign(r)
	if err != nil {
		return "", fmt.Errorf("sign receipt of %s: %w", s.res.name, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO provision_receipt_documents (id, tenant, kind, resource, resource_uid, operation, request_time,
			create_time, payload, payload_type, key_id, signature) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		id, s.res.tenant, s.res.kind, s.res.name, s.res.uid, r.Operation, r.RequestTime, r.EndTime, e.Payload, e.PayloadType,
		e.Signatures[0].KeyID, e.Signatures[0].Sig)
	if err != nil {
		return "", fmt.Errorf("keep receipt of %s: %w", s.res.name, err)
	}
	if _, err := tx.Exec(ctx, `UPDATE provision_operations SET receipt = $2 WHERE id = $1`, s.op.id, r.Name); err != nil {
		return "", fmt.Errorf("name receipt of %s: %w", s.res.name, err)
	}
	return r.Name, nil
}

// utc keeps the zero time zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

const receiptColumns = `d.id, d.tenant, d.kind, d.resource, d.resource_uid, d.operation, d.request_time, d.create_time, d.payload,
       d.payload_type, d.key_id, d.signature`

// Receipts returns a page of signed receipts, newest first. Where is a condition on the alias `d`
// (provision_receipt_documents).
func (e *Engine) Receipts(ctx context.Context, in ListInput) ([]*ReceiptDocument, error) {
	sql, args := e.page(in, `SELECT `+receiptColumns+` FROM provision_receipt_documents d`, "d")
	rows, err := e.cfg.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanReceipt)
	if err != nil {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	return list, nil
}

func scanReceipt(row pgx.CollectableRow) (*ReceiptDocument, error) {
	d := &ReceiptDocument{Envelope: receipt.Envelope{Signatures: make([]receipt.Signature, 1)}}
	err := row.Scan(&d.ID, &d.Tenant, &d.Kind, &d.Resource, &d.ResourceUID, &d.Operation, &d.RequestTime, &d.CreateTime,
		&d.Envelope.Payload, &d.Envelope.PayloadType, &d.Envelope.Signatures[0].KeyID, &d.Envelope.Signatures[0].Sig)
	d.Name = receiptName(d.Tenant, d.ID)
	return d, err
}

package provision

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const selectLedger = `
SELECT step, object_type, external_id, external_name, attributes, digest, state, needs, ordinal, open,
       missed_time, verified, deleted_time, doubted_time, look_time, made_time, seen_time
  FROM provision_ledger WHERE resource_uid = $1 ORDER BY ordinal, step, create_time`

func scanLedger(rows pgx.Rows) (*ledger, error) {
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*entry, error) {
		x := &entry{stored: true}
		var attributes []byte
		var missed, deleted, doubted, look, made, seen *time.Time
		err := row.Scan(&x.step, &x.objectType, &x.ID, &x.Name, &attributes, &x.digest, &x.state, &x.needs, &x.ordinal,
			&x.open, &missed, &x.verified, &deleted, &doubted, &look, &made, &seen)
		if err != nil {
			return nil, err
		}
		x.storedID, x.missed, x.deleted = x.ID, value(missed), value(deleted)
		x.doubted, x.look, x.made, x.seen = value(doubted), value(look), value(made), value(seen)
		return x, json.Unmarshal(attributes, &x.Attributes)
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return &ledger{entries: entries}, nil
}

const insertEntry = `
INSERT INTO provision_ledger (resource_uid, step, external_id, object_type, external_name, attributes, digest, state, needs,
       ordinal, open, missed_time, verified, deleted_time, create_time, update_time, doubted_time, look_time, made_time, seen_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17, $18, $19)`

const updateEntry = `
UPDATE provision_ledger SET external_id = $3, object_type = $4, external_name = $5, attributes = $6, digest = $7, state = $8,
       needs = $9, ordinal = $10, open = $11, missed_time = $12, verified = $13, deleted_time = $14, update_time = $15,
       doubted_time = $16, look_time = $17, made_time = $18, seen_time = $19
 WHERE resource_uid = $1 AND step = $2 AND external_id = $20`

const insertReceiptLine = `
INSERT INTO provision_receipts (resource_uid, step, external_id, object_type, external_name, operation, gone_time, made_time, seen_time, proof)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (resource_uid, step, external_id) DO UPDATE SET operation = excluded.operation, gone_time = excluded.gone_time,
       made_time = excluded.made_time, seen_time = excluded.seen_time, proof = excluded.proof`

// queueChanges queues the rows of the changes that were noted.
func (s *slice) queueChanges() error {
	for _, c := range s.changes {
		x := &c.entry
		switch c.what {
		case changeKept:
			if err := x.save(&s.writes, s.res.uid, s.e.now()); err != nil {
				return err
			}
		case changeErased:
			s.writes.Queue(`DELETE FROM provision_ledger WHERE resource_uid = $1 AND step = $2 AND external_id = $3`, s.res.uid, x.step, x.storedID)
		case changeGone:
			s.writes.Queue(insertReceiptLine, s.res.uid, x.step, x.ID, x.objectType, x.Name, s.op.id, c.gone, null(x.made), null(x.seen), string(c.proof))
		}
	}
	s.changes = nil
	return nil
}

// save queues the entry's row.
func (x *entry) save(b *writes, uid string, now time.Time) error {
	if x.Attributes == nil {
		x.Attributes = map[string]string{}
	}
	attributes, err := json.Marshal(x.Attributes)
	if err != nil {
		return fmt.Errorf("write attributes of %s: %w", x.step, err)
	}
	if x.needs == nil {
		x.needs = []string{}
	}
	args := []any{
		uid, x.step, x.ID, x.objectType, x.Name, attributes, x.digest, x.state, x.needs, x.ordinal, x.open,
		null(x.missed), x.verified, null(x.deleted), now,
		null(x.doubted), null(x.look), null(x.made), null(x.seen),
	}
	if x.stored {
		b.Queue(updateEntry, append(args, x.storedID)...)
	} else {
		b.Queue(insertEntry, args...)
	}
	return nil
}

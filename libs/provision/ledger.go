package provision

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// entryState is where a line of the ledger stands.
type entryState string

const (
	entryIntent   entryState = "INTENT"   // an attempt was made or is under way; no object is known
	entryPresent  entryState = "PRESENT"  // the object is there, or the step that makes none is done
	entrySurplus  entryState = "SURPLUS"  // one object too many; to be removed
	entryDeleting entryState = "DELETING" // its end was asked for; not yet seen to be gone
	entryDoubt    entryState = "DOUBT"    // it is gone, but an attempt of its step was once in doubt; to be looked for once more
)

// digestUnknown is the digest of what is there but may be anything: an attempt to change it began, or what it refers to was
// replaced. No step asks for it.
const digestUnknown = "\x1bunknown"

// entry is one line of the ledger.
type entry struct {
	step, objectType string
	External
	digest   string
	state    entryState
	needs    []string
	ordinal  int
	open     bool
	missed   time.Time
	verified bool
	deleted  time.Time
	created  time.Time
	// doubted is when it was last unknown whether an attempt was carried out; look is until when it may yet be.
	doubted, look time.Time
	// made is when the object was first known, seen when it was last known to be there: the evidence of its receipt.
	made, seen time.Time
	// looked is that the look which a doubt asks for was had, in this slice.
	looked bool

	// stored and storedID are the row's existence and key as last written.
	stored   bool
	storedID string
}

// live tells whether the entry is the step's own: not one too many, not on its way out.
func (x *entry) live() bool { return x.state == entryIntent || x.state == entryPresent }

// ledger is what one resource has outside our database.
type ledger struct{ entries []*entry }

// of is the step's own entry; nil while there is none.
func (l *ledger) of(step string) *entry {
	for _, x := range l.entries {
		if x.step == step && x.live() {
			return x
		}
	}
	return nil
}

// knows tells whether any entry of the step has this object.
func (l *ledger) knows(step, id string) bool {
	return slices.ContainsFunc(l.entries, func(x *entry) bool { return x.step == step && x.ID == id })
}

func (l *ledger) add(x *entry) { l.entries = append(l.entries, x) }

func (l *ledger) drop(x *entry) {
	l.entries = slices.DeleteFunc(l.entries, func(y *entry) bool { return x == y })
}

// objects are the known objects by step, those on their way out included as long as no other took their place.
func (l *ledger) objects() map[string]External {
	out := make(map[string]External, len(l.entries))
	for _, x := range l.entries {
		if _, taken := out[x.step]; x.ID == "" || x.state == entryDoubt || (taken && !x.live()) {
			continue
		}
		out[x.step] = x.External
	}
	return out
}

const selectLedger = `
SELECT step, object_type, external_id, external_name, attributes, digest, state, needs, ordinal, open,
       missed_time, verified, deleted_time, create_time, doubted_time, look_time, made_time, seen_time
  FROM provision_ledger WHERE resource_uid = $1 ORDER BY ordinal, step, create_time`

func scanLedger(rows pgx.Rows) (*ledger, error) {
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*entry, error) {
		x := &entry{stored: true}
		var attributes []byte
		var missed, deleted, doubted, look, made, seen *time.Time
		err := row.Scan(&x.step, &x.objectType, &x.ID, &x.Name, &attributes, &x.digest, &x.state, &x.needs, &x.ordinal,
			&x.open, &missed, &x.verified, &deleted, &x.created, &doubted, &look, &made, &seen)
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
		x.created = now
		b.Queue(insertEntry, args...)
	}
	x.stored, x.storedID = true, x.ID
	return nil
}

// remove queues the end of the entry's row.
func (x *entry) remove(b *writes, uid string) {
	if x.stored {
		b.Queue(`DELETE FROM provision_ledger WHERE resource_uid = $1 AND step = $2 AND external_id = $3`, uid, x.step, x.storedID)
	}
	x.stored = false
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func null(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

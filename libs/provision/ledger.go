package provision

import (
	"slices"
	"time"
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

// live reports whether the entry is the step's own: not one too many, not on its way out.
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

// knows reports whether any entry of the step has this object.
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

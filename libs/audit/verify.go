package audit

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/receipt"
)

// The checks of Verify.
const (
	// CheckMalformed: a line is none of an export.
	CheckMalformed = "malformed"
	// CheckHash: a record was edited, or its hash.
	CheckHash = "hash"
	// CheckSequence: records are missing, out of order or there twice.
	CheckSequence = "sequence"
	// CheckChain: a record does not follow the one before it: one of the two was replaced.
	CheckChain = "chain"
	// CheckForeign: a record or checkpoint is of another tenant.
	CheckForeign = "foreign"
	// CheckCheckpoint: a checkpoint is missing, was not signed by a known key, or does not fit the records.
	CheckCheckpoint = "checkpoint"
	// CheckTruncated: records that a checkpoint counts are missing at the end.
	CheckTruncated = "truncated"
	// CheckService: there is nothing of a service that must be there.
	CheckService = "service"
)

// Failure is the first thing in an export that is not as the services wrote it.
type Failure struct {
	// Line counts from 1; 0 when it is about what is not there.
	Line int
	// Service and Sequence are those of the record, when they are known.
	Service  string
	Sequence int64
	Check    string
	Text     string
}

// Error names the place, the check and what was found.
func (f *Failure) Error() string {
	var where []string
	if f.Line > 0 {
		where = append(where, fmt.Sprintf("line %d", f.Line))
	}
	if f.Service != "" {
		where = append(where, fmt.Sprintf("record %d of %s", f.Sequence, f.Service))
	}
	if len(where) == 0 {
		return f.Check + ": " + f.Text
	}
	return strings.Join(where, ", ") + ": " + f.Check + ": " + f.Text
}

// Expect is what an export must match.
type Expect struct {
	// Keys are those that checkpoints may be signed with.
	Keys []receipt.Key
	// Services must each have a checkpoint.
	Services []string
	// Kept are checkpoints that were kept elsewhere, from an earlier or a later time.
	Kept []receipt.Envelope
}

// Chain is what was verified of one service.
type Chain struct {
	Checkpoint
	// Records is how many there are.
	Records int64
}

// Verify reads a whole export and returns its chains, sorted by service.
func Verify(r io.Reader, want Expect) ([]Chain, error) {
	v := &verifier{keys: want.Keys, chains: map[string]*chain{}}
	if err := v.keep(want.Kept); err != nil {
		return nil, err
	}
	if err := Read(r, v.line); err != nil {
		return nil, err
	}
	return v.end(want.Services)
}

type verifier struct {
	keys   []receipt.Key
	chains map[string]*chain
	// tenant is that of the first line; every other must be of the same.
	tenant, uid string
	kept        []Checkpoint
}

// chain is one service's as far as it was read.
type chain struct {
	service string
	last    int64
	hash    string
	line    int
	// sealed is its own checkpoint; nil until it was read.
	sealed *Checkpoint
}

// keep reads the checkpoints that were kept elsewhere.
func (v *verifier) keep(all []receipt.Envelope) error {
	for i, e := range all {
		c, err := OpenCheckpoint(e, v.keys)
		if err != nil {
			return &Failure{Check: CheckCheckpoint, Text: fmt.Sprintf("kept checkpoint %d: %v", i+1, err)}
		}
		v.kept = append(v.kept, c)
	}
	return nil
}

func (v *verifier) line(l Line) error {
	if l.Checkpoint != nil {
		return v.checkpoint(l)
	}
	r, err := Parse(l.Entry.Payload)
	if err != nil {
		return &Failure{Line: l.Number, Check: CheckMalformed, Text: err.Error()}
	}
	bad := func(check, format string, args ...any) error {
		return &Failure{Line: l.Number, Service: r.Service, Sequence: r.Sequence, Check: check, Text: fmt.Sprintf(format, args...)}
	}
	if got := Hash(l.Entry.Payload); got != l.Entry.Hash {
		return bad(CheckHash, "its content has the hash %s, not %s: one of the two was changed", got, l.Entry.Hash)
	}
	if !v.ours(r.Tenant, r.TenantUID) {
		return bad(CheckForeign, "it is of %s (%s), the others are of %s (%s)", r.Tenant, r.TenantUID, v.tenant, v.uid)
	}
	c := v.chain(r.Service)
	switch next := c.last + 1; {
	case c.sealed != nil:
		return bad(CheckSequence, "it follows the checkpoint of its service")
	case r.Sequence < next:
		return bad(CheckSequence, "it is there twice or out of order: record %d should follow", next)
	case r.Sequence > next:
		return bad(CheckSequence, "record %d should follow: it is missing or out of order", next)
	case r.Previous != c.hash:
		return bad(CheckChain, "it follows a record with the hash %q, but the one before it has %q", r.Previous, c.hash)
	}
	c.last, c.hash, c.line = r.Sequence, l.Entry.Hash, l.Number
	return v.compare(c, l.Number)
}

// compare holds a record against the checkpoints that were kept elsewhere.
func (v *verifier) compare(c *chain, line int) error {
	for _, k := range v.kept {
		if k.Service == c.service && k.Sequence == c.last && k.Hash != c.hash {
			return &Failure{
				Line: line, Service: c.service, Sequence: c.last, Check: CheckCheckpoint,
				Text: fmt.Sprintf("the checkpoint of %s that was kept has another hash: the trail was written anew", k.Time),
			}
		}
	}
	return nil
}

func (v *verifier) checkpoint(l Line) error {
	k, err := OpenCheckpoint(*l.Checkpoint, v.keys)
	if err != nil {
		return &Failure{Line: l.Number, Check: CheckCheckpoint, Text: err.Error()}
	}
	bad := func(check, format string, args ...any) error {
		return &Failure{Line: l.Number, Service: k.Service, Sequence: k.Sequence, Check: check, Text: fmt.Sprintf(format, args...)}
	}
	if !v.ours(k.Tenant, k.TenantUID) {
		return bad(CheckForeign, "the checkpoint is of %s (%s), the others are of %s (%s)", k.Tenant, k.TenantUID, v.tenant, v.uid)
	}
	c := v.chain(k.Service)
	switch {
	case c.sealed != nil:
		return bad(CheckCheckpoint, "its service has two checkpoints")
	case k.Sequence > c.last:
		return bad(CheckTruncated, "the checkpoint counts %d records, there are %d", k.Sequence, c.last)
	case k.Sequence < c.last:
		return bad(CheckCheckpoint, "the checkpoint counts %d records, there are %d", k.Sequence, c.last)
	case k.Hash != c.hash:
		return bad(CheckCheckpoint, "the last record has the hash %q, the checkpoint %q: the record was replaced", c.hash, k.Hash)
	}
	c.sealed = &k
	return nil
}

func (v *verifier) ours(tenant, uid string) bool {
	if v.tenant == "" {
		v.tenant, v.uid = tenant, uid
	}
	return v.tenant == tenant && v.uid == uid && tenant != "" && uid != ""
}

func (v *verifier) chain(service string) *chain {
	c := v.chains[service]
	if c == nil {
		c = &chain{service: service}
		v.chains[service] = c
	}
	return c
}

// end looks for what is not there.
func (v *verifier) end(services []string) ([]Chain, error) {
	for _, s := range services {
		if v.chains[s] == nil {
			return nil, &Failure{Check: CheckService, Text: fmt.Sprintf("there is nothing of the service %s, not even a checkpoint", s)}
		}
	}
	for _, k := range v.kept {
		if err := v.reached(k); err != nil {
			return nil, err
		}
	}
	out := make([]Chain, 0, len(v.chains))
	for _, c := range v.chains {
		if c.sealed == nil {
			return nil, &Failure{
				Service: c.service, Sequence: c.last, Check: CheckCheckpoint,
				Text: "no checkpoint follows it, so it may not be the last",
			}
		}
		out = append(out, Chain{Checkpoint: *c.sealed, Records: c.last})
	}
	slices.SortFunc(out, func(a, b Chain) int { return strings.Compare(a.Service, b.Service) })
	return out, nil
}

// reached fails when the export ends before a checkpoint that was kept.
func (v *verifier) reached(k Checkpoint) error {
	c := v.chains[k.Service]
	switch {
	case v.tenant != "" && !v.ours(k.Tenant, k.TenantUID):
		return &Failure{
			Check: CheckForeign,
			Text:  fmt.Sprintf("a kept checkpoint is of %s (%s), the export of %s (%s)", k.Tenant, k.TenantUID, v.tenant, v.uid),
		}
	case c == nil, c.last < k.Sequence:
		var last int64
		if c != nil {
			last = c.last
		}
		return &Failure{
			Service: k.Service, Sequence: last + 1, Check: CheckTruncated,
			Text: fmt.Sprintf("it is missing: the checkpoint of %s that was kept counts %d records, there are %d", k.Time, k.Sequence, last),
		}
	}
	return nil
}

// CheckOf is the check that failed, empty when err is no Failure.
func CheckOf(err error) string {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Check
	}
	return ""
}

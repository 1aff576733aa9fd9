package receipt

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"

	"github.com/low-layer/platform/libs/strictjson"
)

// The checks of Verify, in their order.
const (
	CheckMalformed   = "malformed"
	CheckPayloadType = "payload type"
	CheckUnknownKey  = "unknown key"
	CheckSignature   = "signature"
	CheckContent     = "content"
	CheckNotGone     = "object not gone"
	CheckInventory   = "inventory"
)

// Failure is why a receipt proves nothing.
type Failure struct {
	// Check is the one that did not hold.
	Check string
	// Text says what was found.
	Text string
}

// Error names the check and what was found.
func (f *Failure) Error() string { return f.Check + ": " + f.Text }

func fail(check, format string, args ...any) *Failure {
	return &Failure{Check: check, Text: fmt.Sprintf(format, args...)}
}

// Verify returns the receipt in an envelope that one of the keys signed, when it proves the deletion.
func Verify(e Envelope, keys []Key) (Receipt, error) {
	if err := Open(e, PayloadType, keys); err != nil {
		return Receipt{}, err
	}
	r, err := Parse(e.Payload)
	if err != nil {
		return Receipt{}, err
	}
	return r, r.proves()
}

// Open is nil when the envelope holds a payload of the type and one of the keys signed it.
func Open(e Envelope, payloadType string, keys []Key) error {
	if e.PayloadType != payloadType {
		return fail(CheckPayloadType, "it is %q, not %q", e.PayloadType, payloadType)
	}
	return signed(e, keys)
}

// signed fails unless a known key signed the envelope. One good signature is enough: others may be of unknown keys.
func signed(e Envelope, keys []Key) error {
	message := Encode(e.PayloadType, e.Payload)
	var ids []string
	tried := false
	for _, s := range e.Signatures {
		ids = append(ids, s.KeyID)
		for _, k := range keys {
			if s.KeyID != k.ID {
				continue
			}
			if tried = true; ed25519.Verify(k.Public, message, s.Sig) {
				return nil
			}
		}
	}
	if tried {
		return fail(CheckSignature, "it does not fit the payload: one of the two was changed")
	}
	return fail(CheckUnknownKey, "it is signed with %s, which is none of the %d keys given", strings.Join(ids, ", "), len(keys))
}

// Parse reads a payload without judging it. Fields it does not know are those of a later version.
func Parse(payload []byte) (Receipt, error) {
	var r Receipt
	if err := strictjson.Unmarshal(payload, &r); err != nil {
		return Receipt{}, fail(CheckMalformed, "the payload is no receipt: %v", err)
	}
	return r, nil
}

// proves fails when what is said does not amount to a proof.
func (r Receipt) proves() error {
	for field, value := range map[string]string{
		"name": r.Name, "service": r.Service, "tenant": r.Tenant, "kind": r.Kind, "resource": r.Resource,
		"resourceUid": r.ResourceUID, "operation": r.Operation,
	} {
		if value == "" {
			return fail(CheckContent, "it has no %s", field)
		}
	}
	switch {
	case !strings.HasPrefix(r.Name, r.Tenant+"/receipts/"), !strings.HasPrefix(r.Operation, r.Tenant+"/operations/"):
		return fail(CheckContent, "name, operation and tenant do not belong together")
	case r.Resource != r.Tenant && !strings.HasPrefix(r.Resource, r.Tenant+"/"):
		return fail(CheckContent, "%s is not in %s", r.Resource, r.Tenant)
	case r.RequestTime.IsZero() || r.EndTime.Before(r.RequestTime):
		return fail(CheckContent, "it ended before it was asked for")
	}
	for _, o := range r.Objects {
		if err := o.gone(r); err != nil {
			return err
		}
	}
	switch i := r.Inventory; {
	case i.Scope != ScopeLedger && i.Scope != ScopeCloud:
		return fail(CheckInventory, "there was no last look")
	case i.Left != 0:
		return fail(CheckInventory, "the last look found %d objects", i.Left)
	case i.Time.IsZero() || i.Time.After(r.EndTime):
		return fail(CheckInventory, "the last look was not before the end")
	}
	return nil
}

func (o Object) gone(r Receipt) error {
	what := o.Type + " " + o.ID
	switch {
	case o.Type == "" || o.ID == "" || o.Step == "":
		return fail(CheckContent, "an object has no type, id or step")
	case o.GoneTime.IsZero():
		return fail(CheckNotGone, "%s was never verified gone", what)
	case !o.Check.known():
		return fail(CheckNotGone, "%s was verified gone by %q, which is no check", what, o.Check)
	case o.GoneTime.Before(o.LastSeenTime):
		return fail(CheckNotGone, "%s was seen at %s, after it was verified gone", what, o.LastSeenTime)
	case o.LastSeenTime.Before(o.MadeTime):
		return fail(CheckContent, "%s was seen before it was made", what)
	case o.GoneTime.After(r.EndTime):
		return fail(CheckNotGone, "%s was verified gone after the end", what)
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

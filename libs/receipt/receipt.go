// Package receipt is the signed proof of a deletion: the objects outside the platform, when each was last seen, and when
// and how it was verified gone.
//
// A receipt is JSON, written once and signed byte by byte: an Ed25519 signature in a DSSE envelope. Any tool can verify
// it, and JSON needs no canonical form. Verify needs only the envelope and public keys. A receipt it returns was signed
// by one of the keys and proves the deletion; otherwise it fails with a *Failure that names the first check that did not
// hold. Keys are named by their RFC 7638 thumbprint, so a name fits one key only.
package receipt

import "time"

// PayloadType is the type of the payload of an envelope.
const PayloadType = "application/vnd.lowlayer.deletion-receipt.v1+json"

// Check is what the knowledge that an object is gone rests on, in the words of lowlayer.receipt.v1.RemovedObject.Check.
type Check string

// The checks.
const (
	// NotListed: the cloud's list, asked for after the deletion, did not have it any more.
	NotListed Check = "NOT_LISTED"
	// DeleteAnswered: the cloud confirmed the deletion; there is no list of its type.
	DeleteAnswered Check = "DELETE_ANSWERED"
	// NotFound: removed from outside; two look-ups did not find it.
	NotFound Check = "NOT_FOUND"
)

func (c Check) known() bool { return c == NotListed || c == DeleteAnswered || c == NotFound }

// Scope is where the last look was, in the words of lowlayer.receipt.v1.Inventory.Scope.
type Scope string

// The scopes.
const (
	// ScopeLedger: every attempt is accounted for in the platform's ledger.
	ScopeLedger Scope = "LEDGER"
	// ScopeCloud: the cloud's own lists hold nothing with the resource's unique id either.
	ScopeCloud Scope = "CLOUD"
)

// Receipt is what is signed.
type Receipt struct {
	// Name is `tenants/<tenant>/receipts/rcpt_<service>_…`.
	Name string `json:"name"`
	// Service removed the resource.
	Service string `json:"service"`
	// Tenant is `tenants/<tenant>`.
	Tenant string `json:"tenant"`
	// Kind, Resource and ResourceUID are what is gone; the uid is never used again.
	Kind        string `json:"kind"`
	Resource    string `json:"resource"`
	ResourceUID string `json:"resourceUid"`
	// Operation removed it.
	Operation string `json:"operation"`
	// RequestTime is when its end was asked for, EndTime when it was gone.
	RequestTime time.Time `json:"requestTime"`
	EndTime     time.Time `json:"endTime"`
	// Objects are all it ever had outside the platform, in the order they went.
	Objects []Object `json:"objects"`
	// Inventory is the last look.
	Inventory Inventory `json:"inventory"`
}

// Object is one object that is gone.
type Object struct {
	Step string `json:"step"`
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// MadeTime is when the platform first knew of it, LastSeenTime when it was last known to be there. Zero when that was
	// not recorded, for what was made by an older version.
	MadeTime     time.Time `json:"madeTime,omitzero"`
	LastSeenTime time.Time `json:"lastSeenTime,omitzero"`
	// GoneTime is when it was verified gone, Check how.
	GoneTime time.Time `json:"goneTime"`
	Check    Check     `json:"check"`
}

// Inventory is the last look for what may be left.
type Inventory struct {
	Scope Scope     `json:"scope"`
	Left  int       `json:"left"`
	Time  time.Time `json:"time"`
}

// Package audit is the trail of changes: one record for each call that changes something, denied and failed calls
// included, in one chain per tenant and service.
//
// A record is JSON, written once. Its hash is SHA-256 over DSSE's pre-authentication encoding of PayloadType and the
// record's bytes. The encoding separates type and content by length, and the type holds the version, so JSON needs no
// canonical form. Each record holds its number, counted from 1 without a gap, and the hash of the record before it. A
// checkpoint is the number and hash of the last record, signed by the service at an export.
//
// Verify needs only an export and public keys. A chain that passes is what the services wrote, whole and in order, up to
// its checkpoints; otherwise Verify fails with a *Failure that names the first bad line. Two forgeries pass by
// themselves: a chain cut at its end, and a chain rewritten whole in the database. A checkpoint kept elsewhere finds
// both.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/low-layer/platform/libs/receipt"

	"github.com/low-layer/platform/libs/strictjson"
)

// PayloadType is the type of a record; it is part of what is hashed.
const PayloadType = "application/vnd.lowlayer.audit-record.v1+json"

// Record is what is hashed.
type Record struct {
	// Name is `tenants/<tenant>/auditEvents/aud_<service>_…`.
	Name string `json:"name"`
	// Service wrote it.
	Service string `json:"service"`
	// Tenant is `tenants/<tenant>`, TenantUID its unique id: a later tenant of the same name has another chain.
	Tenant    string `json:"tenant"`
	TenantUID string `json:"tenantUid"`
	// Sequence counts from 1; Previous is the hash of the record before, empty for the first.
	Sequence int64     `json:"sequence"`
	Previous string    `json:"previous"`
	Time     time.Time `json:"time"`
	Actor    Actor     `json:"actor"`
	// OnBehalfOf is set where the actor is a service of the platform: the caller whose order it carries out.
	OnBehalfOf *Actor `json:"onBehalfOf,omitempty"`
	// Method is the full name of the RPC, Permission what it needs, Resource what it was about.
	Method     string `json:"method"`
	Permission string `json:"permission"`
	Resource   string `json:"resource"`
	RequestID  string `json:"requestId"`
	TraceID    string `json:"traceId"`
	// Code is how the call ended, in the words of google.rpc.Code; Reason is that of the error.
	Code   string `json:"code"`
	Reason string `json:"reason"`
	// Changes are the resources it changed.
	Changes []Change `json:"changes"`
	// Omitted is how many failed calls before this one were left out, because there were too many in a minute: of the actor, of
	// actors without a role in the tenant, or of all. OmittedSince is the time of the first.
	Omitted      int64      `json:"omitted"`
	OmittedSince *time.Time `json:"omittedSince,omitempty"`
	// LimitedUntil is set when this record is the last of its minute: further failed calls are left out until then.
	LimitedUntil *time.Time `json:"limitedUntil,omitempty"`
}

// Kind is what an actor is, in the words of lowlayer.audit.v1.Actor.Kind.
type Kind string

// The kinds.
const (
	User           Kind = "USER"
	ServiceAccount Kind = "SERVICE_ACCOUNT"
	Service        Kind = "SERVICE"
	Anonymous      Kind = "ANONYMOUS"
)

// Actor is the caller.
type Actor struct {
	Kind Kind `json:"kind"`
	// Subject is the id of a user or program at the issuer, or the name of a service of the platform.
	Subject string `json:"subject"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	Issuer  string `json:"issuer"`
	// ACR is the level of the login.
	ACR string `json:"acr"`
}

// Change is what became of one resource. Before is absent for one that was made, After for one that was removed.
type Change struct {
	Resource string          `json:"resource"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
}

// Entry is a record as it was written, with its hash.
type Entry struct {
	Payload []byte
	Hash    string
}

// Write makes the entry of a record.
func Write(r Record) (Entry, error) {
	if r.Changes == nil {
		r.Changes = []Change{}
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return Entry{}, fmt.Errorf("write audit record: %w", err)
	}
	return Entry{Payload: payload, Hash: Hash(payload)}, nil
}

// Hash is the hash of a record as it was written.
func Hash(payload []byte) string {
	sum := sha256.Sum256(receipt.Encode(PayloadType, payload))
	return hex.EncodeToString(sum[:])
}

// Parse reads a record as it was written.
func Parse(payload []byte) (Record, error) {
	var r Record
	if err := strictjson.UnmarshalKnown(payload, &r); err != nil {
		return Record{}, fmt.Errorf("read audit record: %w", err)
	}
	return r, nil
}

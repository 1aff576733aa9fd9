package auditapi

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/trail"
)

// toProto is a record as the API shows it.
func toProto(row trail.Row) (_ *auditv1.AuditEvent, err error) {
	r := row.Record
	m := &auditv1.AuditEvent{
		Name: r.Name, Service: r.Service, Sequence: r.Sequence, CreateTime: timestamppb.New(r.Time), Method: r.Method,
		Permission: r.Permission, Resource: r.Resource, RequestId: r.RequestID, TraceId: r.TraceID, Code: r.Code, Reason: r.Reason,
		Omitted: r.Omitted, Hash: row.Hash,
		Actor: actor(r.Actor),
	}
	if r.OmittedSince != nil {
		m.OmittedSinceTime = timestamppb.New(*r.OmittedSince)
	}
	if r.LimitedUntil != nil {
		m.LimitedUntilTime = timestamppb.New(*r.LimitedUntil)
	}
	if r.OnBehalfOf != nil {
		m.OnBehalfOf = actor(*r.OnBehalfOf)
	}
	for _, c := range r.Changes {
		change := &auditv1.Change{Resource: c.Resource}
		if change.Before, err = object(c.Before); err != nil {
			return nil, fmt.Errorf("read %s: %w", r.Name, err)
		}
		if change.After, err = object(c.After); err != nil {
			return nil, fmt.Errorf("read %s: %w", r.Name, err)
		}
		m.Changes = append(m.Changes, change)
	}
	return m, nil
}

func actor(a audit.Actor) *auditv1.Actor {
	return &auditv1.Actor{
		Kind: auditv1.Actor_Kind(auditv1.Actor_Kind_value[string(a.Kind)]), Subject: a.Subject, DisplayName: a.Name, Email: a.Email,
		Issuer: a.Issuer, Acr: a.ACR,
	}
}

// object is a JSON object, nil for none.
func object(text json.RawMessage) (*structpb.Struct, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	s := &structpb.Struct{}
	if err := protojson.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("read change: %w", err)
	}
	return s, nil
}

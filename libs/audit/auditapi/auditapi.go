// Package auditapi serves the audit trail of one service: lowlayer.audit.v1.AuditService.
//
// It reads only the service's own records. A reader of a tenant's trail sees the trail of the tenant that exists now. An
// earlier tenant of the same name, and a purged one, are other tenants: only operators of the platform see their trails,
// and other callers get an empty list. Errors are errs.Error values, which the server's interceptor converts.
package auditapi

import (
	"context"
	"time"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/trail"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
)

// Server implements the service.
type Server struct {
	auditv1.UnimplementedAuditServiceServer
	trail  *trail.Trail
	tokens *paging.Token
	fields *filter.Schema
}

// New serves a trail; tokens make its page tokens.
func New(t *trail.Trail, tokens *paging.Token) *Server {
	return &Server{
		trail: t, tokens: tokens,
		fields: filter.NewSchema(
			filter.Timestamp("create_time", "a.create_time"),
			filter.String("actor", "a.actor"),
			filter.String("email", "a.email"),
			filter.String("on_behalf_of", "a.on_behalf_of"),
			filter.String("method", "a.method"),
			filter.String("resource", "a.resource"),
			filter.String("code", "a.code"),
			filter.String("reason", "a.reason"),
			filter.String("request_id", "a.request_id"),
		),
	}
}

// head is where the chain that a request asks for ends; nil when there is none for this caller.
func (s *Server) head(ctx context.Context, parent, uid string) (*audit.Checkpoint, error) {
	tenant, err := resourcename.ParseTenant(parent)
	if err != nil {
		return nil, err
	}
	return s.trail.Head(ctx, trail.Asked{Tenant: tenant.Tenant, UID: uid, Past: authz.Operates(ctx)})
}

// ListAuditEvents returns the events of a tenant, newest first.
func (s *Server) ListAuditEvents(ctx context.Context, req *auditv1.ListAuditEventsRequest) (*auditv1.ListAuditEventsResponse, error) {
	where, args, err := s.fields.SQL(req.GetFilter(), 1)
	if err != nil {
		return nil, err
	}
	head, err := s.head(ctx, req.GetParent(), req.GetTenantUid())
	if err != nil || head == nil {
		return &auditv1.ListAuditEventsResponse{}, err
	}
	// A tenant that takes the name between two pages has another trail.
	binding := paging.Binding{Method: "ListAuditEvents", Parent: req.GetParent() + " " + head.TenantUID, Filter: req.GetFilter()}
	size := paging.Size(req.GetPageSize())
	in := trail.ListInput{UID: head.TenantUID, Where: where, Args: args, Limit: size + 1}
	if in.BeforeTime, in.BeforeID, err = position[time.Time, string](s, req.GetPageToken(), binding); err != nil {
		return nil, err
	}
	found, err := s.trail.List(ctx, in)
	if err != nil {
		return nil, err
	}
	page, more := paging.Cut(found, min(size, fitting(found)))
	resp := &auditv1.ListAuditEventsResponse{AuditEvents: make([]*auditv1.AuditEvent, len(page)), TenantUid: head.TenantUID}
	for i, r := range page {
		if resp.AuditEvents[i], err = toProto(r); err != nil {
			return nil, err
		}
	}
	if more {
		last := page[len(page)-1]
		if resp.NextPageToken, err = s.tokens.Encode(binding, last.Time, last.ID); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// maxPage bounds the bytes of a page, well below what a message may have.
const maxPage = 1 << 20

// fitting is how many rows fit into a page: one at least.
func fitting(rows []trail.Row) int {
	sum := 0
	for i, r := range rows {
		if sum += len(r.Payload); sum > maxPage {
			return max(1, i)
		}
	}
	return max(1, len(rows))
}

// ExportAuditEvents returns a page of a chain in its order. The page that reaches the chain's end holds the checkpoint.
func (s *Server) ExportAuditEvents(ctx context.Context, req *auditv1.ExportAuditEventsRequest) (*auditv1.ExportAuditEventsResponse, error) {
	head, err := s.head(ctx, req.GetParent(), req.GetTenantUid())
	if err != nil || head == nil {
		return &auditv1.ExportAuditEventsResponse{}, err
	}
	binding := paging.Binding{Method: "ExportAuditEvents", Parent: req.GetParent() + " " + head.TenantUID}
	after, _, err := position[int64, string](s, req.GetPageToken(), binding) // the numbers begin with 1
	if err != nil {
		return nil, err
	}
	size := paging.Size(req.GetPageSize())
	found, err := s.trail.After(ctx, head.TenantUID, after, head.Sequence, size+1)
	if err != nil {
		return nil, err
	}
	page, more := paging.Cut(found, min(size, fitting(found)))
	resp := &auditv1.ExportAuditEventsResponse{Records: make([]*auditv1.ExportedRecord, len(page)), TenantUid: head.TenantUID}
	for i, r := range page {
		resp.Records[i] = &auditv1.ExportedRecord{Record: r.Payload, Hash: r.Hash}
	}
	if more {
		resp.NextPageToken, err = s.tokens.Encode(binding, page[len(page)-1].Sequence, "")
		return resp, err
	}
	resp.Checkpoint, err = s.checkpoint(*head)
	return resp, err
}

// checkpoint is nil when the service signs nothing.
func (s *Server) checkpoint(c audit.Checkpoint) (*receiptv1.Envelope, error) {
	e, signed, err := s.trail.Sign(c)
	if err != nil || !signed {
		return nil, err
	}
	out := &receiptv1.Envelope{Payload: e.Payload, PayloadType: e.PayloadType}
	for _, sig := range e.Signatures {
		out.Signatures = append(out.Signatures, &receiptv1.Signature{Keyid: sig.KeyID, Sig: sig.Sig})
	}
	return out, nil
}

// position is where the page before ended, as the two values of a page token say.
func position[A, B any](s *Server, token string, binding paging.Binding) (a A, b B, err error) {
	last, err := s.tokens.Decode(token, binding)
	if err != nil || len(last) == 0 {
		return a, b, err
	}
	if len(last) == 2 {
		x, okA := last[0].(A)
		y, okB := last[1].(B)
		if okA && okB {
			return x, y, nil
		}
	}
	return a, b, errs.Invalid(errs.Field("page_token", "is not one of this list; leave it out to begin at the first page"))
}

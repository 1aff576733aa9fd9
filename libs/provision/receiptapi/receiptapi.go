// Package receiptapi serves the receipts of one service's engine: lowlayer.receipt.v1.ReceiptService.
//
// It reads the service's own records alone, and needs no tenant to be there: receipts outlive everything. A receipt
// that does not exist, is another tenant's or another service's is the same NOT_FOUND; so is, for all but operators of the
// platform, one of an earlier tenant of the same id. Errors are errs.Error values, for
// the server's interceptor to convert.
package receiptapi

import (
	"context"
	"crypto/sha256"
	"time"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/receipt"
)

// Engine is what the server asks.
type Engine interface {
	Receipts(ctx context.Context, in provision.ListInput) ([]*provision.ReceiptDocument, error)
}

// Server implements the service.
type Server struct {
	receiptv1.UnimplementedReceiptServiceServer
	service string
	engine  Engine
	keys    receipt.Ring
	tokens  *paging.Token
	fields  *filter.Schema
}

// New serves the receipts of an engine, and the keys they are signed with. Service is its name.
func New(service string, engine Engine, keys receipt.Ring) *Server {
	// As with operations, a page token says only where in the caller's own list to go on.
	key := sha256.Sum256([]byte("lowlayer.receipt.v1.ReceiptService/ListReceipts"))
	return &Server{
		service: service, engine: engine, keys: keys, tokens: paging.New(key[:]),
		fields: filter.NewSchema(
			filter.String("resource", "d.resource"),
			filter.String("resource_uid", "d.resource_uid"),
			filter.String("kind", "d.kind"),
			filter.String("operation", "d.operation"),
			filter.Timestamp("request_time", "d.request_time"),
			filter.Timestamp("create_time", "d.create_time"),
		),
	}
}

// GetReceipt returns one receipt.
func (s *Server) GetReceipt(ctx context.Context, req *receiptv1.GetReceiptRequest) (*receiptv1.Receipt, error) {
	name, err := resourcename.ParseReceipt(req.GetName())
	if err != nil {
		return nil, err
	}
	found, err := s.engine.Receipts(ctx, provision.ListInput{
		Tenant: name.Tenant, Where: "d.id = $1", Args: []any{name.Receipt}, Limit: 1, Past: authz.Operates(ctx),
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errs.NotFound("receipt", name.String())
	}
	return toProto(found[0])
}

// ListReceipts returns the receipts of a tenant, newest first.
func (s *Server) ListReceipts(ctx context.Context, req *receiptv1.ListReceiptsRequest) (*receiptv1.ListReceiptsResponse, error) {
	tenant, err := resourcename.ParseTenant(req.GetParent())
	if err != nil {
		return nil, err
	}
	where, args, err := s.fields.SQL(req.GetFilter(), 1)
	if err != nil {
		return nil, err
	}
	binding := paging.Binding{Method: "ListReceipts", Parent: req.GetParent(), Filter: req.GetFilter()}
	size := paging.Size(req.GetPageSize())
	in := provision.ListInput{Tenant: tenant.Tenant, Where: where, Args: args, Limit: size + 1, Past: authz.Operates(ctx)}
	if in.BeforeTime, in.BeforeID, err = s.position(req.GetPageToken(), binding); err != nil {
		return nil, err
	}
	found, err := s.engine.Receipts(ctx, in)
	if err != nil {
		return nil, err
	}
	page, more := paging.Cut(found, size)
	resp := &receiptv1.ListReceiptsResponse{Receipts: make([]*receiptv1.Receipt, len(page))}
	for i, d := range page {
		if resp.Receipts[i], err = toProto(d); err != nil {
			return nil, err
		}
	}
	if more {
		last := page[len(page)-1]
		if resp.NextPageToken, err = s.tokens.Encode(binding, last.CreateTime, last.ID); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// position is where the page before ended.
func (s *Server) position(token string, binding paging.Binding) (time.Time, string, error) {
	last, err := s.tokens.Decode(token, binding)
	if err != nil || len(last) == 0 {
		return time.Time{}, "", err
	}
	if len(last) == 2 {
		at, okTime := last[0].(time.Time)
		id, okID := last[1].(string)
		if okTime && okID {
			return at, id, nil
		}
	}
	return time.Time{}, "", errs.Invalid(errs.Field("page_token", "is not one of this list; leave it out to begin at the first page"))
}

// ListReceiptKeys returns the keys of the service, the present one first.
func (s *Server) ListReceiptKeys(context.Context, *receiptv1.ListReceiptKeysRequest) (*receiptv1.ListReceiptKeysResponse, error) {
	resp := &receiptv1.ListReceiptKeysResponse{}
	for i, k := range s.keys.Keys() {
		text, err := k.PEM()
		if err != nil {
			return nil, err
		}
		resp.Keys = append(resp.Keys, &receiptv1.ReceiptKey{
			KeyId: k.ID, Algorithm: "Ed25519", PublicKey: text, Current: i == 0 && s.keys.Signer != nil, Service: s.service,
		})
	}
	return resp, nil
}

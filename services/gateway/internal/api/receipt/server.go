// Package receipt answers for the receipts of all services under one name: it is ReceiptService at the edge.
//
// The id of a receipt says which service signed it, so one receipt is asked of that service alone. Lists are merged,
// newest first. It reads no receipt and holds no key: what a service signed arrives as it was signed.
package receipt

import (
	"context"
	"slices"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/client"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"google.golang.org/grpc"
)

// Backends are the services that sign receipts.
type Backends interface {
	Find(name string) (client.Backend, bool)
	All() []client.Backend
}

// Server answers for the receipts of all backends.
type Server struct {
	receiptv1.UnimplementedReceiptServiceServer
	backends Backends
	tokens   *paging.Token
}

// New makes a server; tokens sign the page tokens of merged lists.
func New(backends Backends, tokens *paging.Token) *Server {
	return &Server{backends: backends, tokens: tokens}
}

// Register makes the server known.
func (s *Server) Register(r grpc.ServiceRegistrar) { receiptv1.RegisterReceiptServiceServer(r, s) }

// GetReceipt asks the service that signed the receipt. An id of no service is as absent as an unknown one.
func (s *Server) GetReceipt(ctx context.Context, r *receiptv1.GetReceiptRequest) (*receiptv1.Receipt, error) {
	name, err := resourcename.ParseReceipt(r.GetName())
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	b, ok := s.backends.Find(name.Service())
	if !ok {
		return nil, errs.NotFound("receipt", r.GetName())
	}
	got, err := receiptv1.NewReceiptServiceClient(b.Conn).GetReceipt(merge.Outgoing(ctx), r)
	if err != nil {
		return nil, client.Error(err, b.Name, rpc.RequestID(ctx))
	}
	return got, nil
}

// ListReceipts merges the lists of all services, newest first.
func (s *Server) ListReceipts(ctx context.Context, r *receiptv1.ListReceiptsRequest) (*receiptv1.ListReceiptsResponse, error) {
	if _, err := resourcename.ParseTenant(r.GetParent()); err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	page, err := merge.List[*receiptv1.Receipt]{
		Backends: s.backends.All(), Tokens: s.tokens,
		Made:     func(m *receiptv1.Receipt) time.Time { return m.GetCreateTime().AsTime() },
		Binding:  paging.Binding{Method: "ListReceipts", Parent: r.GetParent(), Filter: r.GetFilter()},
		PageSize: r.GetPageSize(), PageToken: r.GetPageToken(), Partial: r.GetReturnPartialSuccess(),
		Fetch: func(ctx context.Context, b client.Backend, size int32, token string) (merge.Page[*receiptv1.Receipt], error) {
			p, err := receiptv1.NewReceiptServiceClient(b.Conn).ListReceipts(ctx, &receiptv1.ListReceiptsRequest{
				Parent: r.GetParent(), Filter: r.GetFilter(), PageToken: token, PageSize: size,
			})
			return merge.Page[*receiptv1.Receipt]{Items: p.GetReceipts(), Next: p.GetNextPageToken()}, err //nolint:wrapcheck // merge does
		},
	}.Page(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	return &receiptv1.ListReceiptsResponse{Receipts: page.Items, NextPageToken: page.NextPageToken, Unreachable: page.Unreachable}, nil
}

// ListReceiptKeys answers the keys of all services, those in use first. It is all of them or an error: with a key
// missing a good receipt would look like a forged one.
func (s *Server) ListReceiptKeys(ctx context.Context, r *receiptv1.ListReceiptKeysRequest) (*receiptv1.ListReceiptKeysResponse, error) {
	out := &receiptv1.ListReceiptKeysResponse{}
	for _, b := range s.backends.All() {
		got, err := receiptv1.NewReceiptServiceClient(b.Conn).ListReceiptKeys(merge.Outgoing(ctx), r)
		if err != nil {
			return nil, client.Error(err, b.Name, rpc.RequestID(ctx))
		}
		out.Keys = append(out.Keys, got.GetKeys()...)
	}
	slices.SortStableFunc(out.GetKeys(), func(a, b *receiptv1.ReceiptKey) int {
		switch {
		case a.GetCurrent() == b.GetCurrent():
			return 0
		case a.GetCurrent():
			return -1
		default:
			return 1
		}
	})
	return out, nil
}

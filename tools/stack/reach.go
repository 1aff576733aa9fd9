package stack

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
)

// waitReachable waits until the gateway reaches every service, or ctx ends. A service that is ready can still be out of the
// gateway's reach: the gateway pauses for seconds between attempts to connect. The list of receipt keys comes from all services or
// fails, and needs nothing to exist. With identity the gateway asks for a token first; the wait ends with that response.
func waitReachable(ctx context.Context, gateway string) (err error) {
	conn, err := grpc.NewClient("passthrough:///"+gateway, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("call the gateway at %s: %w", gateway, err)
	}
	defer func() { _ = conn.Close() }() // no call is under way on it
	receipts := receiptv1.NewReceiptServiceClient(conn)
	var last error
	if poll(ctx, func() bool {
		_, err := receipts.ListReceiptKeys(ctx, &receiptv1.ListReceiptKeysRequest{})
		if ctx.Err() == nil || last == nil {
			last = err
		}
		return responded(err)
	}) != nil {
		return fmt.Errorf("the gateway does not reach every service: %w", last)
	}
	return nil
}

// responded is true when a call came through: a refusal without a token is a response too.
func responded(err error) bool {
	switch status.Code(err) {
	case codes.OK, codes.Unauthenticated, codes.PermissionDenied:
		return true
	default:
		return false
	}
}

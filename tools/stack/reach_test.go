package stack

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
)

// edge is a gateway that misses a service for so many calls.
type edge struct {
	receiptv1.UnimplementedReceiptServiceServer
	away int
	then error
	// asked is called before each response.
	asked func()
}

func (e *edge) ListReceiptKeys(context.Context, *receiptv1.ListReceiptKeysRequest) (*receiptv1.ListReceiptKeysResponse, error) {
	if e.asked != nil {
		e.asked()
	}
	if e.away--; e.away >= 0 {
		return nil, status.Error(codes.Unavailable, "the network service cannot be reached at the moment")
	}
	return &receiptv1.ListReceiptKeysResponse{}, e.then
}

func (e *edge) serve(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	receiptv1.RegisterReceiptServiceServer(server, e)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func TestWaitReachable_serviceAwayAtFirst_waitsForIt(t *testing.T) {
	e := &edge{away: 3}
	if err := waitReachable(t.Context(), e.serve(t)); err != nil {
		t.Fatal(err)
	}
	if e.away >= 0 {
		t.Errorf("the wait ended %d calls early", e.away)
	}
}

func TestWaitReachable_callRefusedForWantOfToken_ends(t *testing.T) {
	e := &edge{then: status.Error(codes.Unauthenticated, "no token")}
	if err := waitReachable(t.Context(), e.serve(t)); err != nil {
		t.Error(err)
	}
}

func TestWaitReachable_serviceStaysAway_failsWithItsName(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	away := &edge{away: 1 << 30, asked: func() {
		if calls++; calls == 3 {
			cancel() // the response of the call before has arrived
		}
	}}
	err := waitReachable(ctx, away.serve(t))
	if err == nil || !strings.Contains(err.Error(), "network") {
		t.Errorf("got %v", err)
	}
}

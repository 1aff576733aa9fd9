package stack

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

// edge is a gateway that answers UNAVAILABLE so many times for each service.
type edge struct {
	tenantv1.UnimplementedTenantServiceServer
	networkv1.UnimplementedVpcServiceServer
	away map[string]int
	then error
}

func (e *edge) answer(service string) error {
	if e.away[service]--; e.away[service] >= 0 {
		return status.Error(codes.Unavailable, "the "+service+" service cannot be reached at the moment")
	}
	return e.then
}

func (e *edge) ListTenants(context.Context, *tenantv1.ListTenantsRequest) (*tenantv1.ListTenantsResponse, error) {
	return &tenantv1.ListTenantsResponse{}, e.answer("tenant")
}

func (e *edge) ListVpcs(context.Context, *networkv1.ListVpcsRequest) (*networkv1.ListVpcsResponse, error) {
	return &networkv1.ListVpcsResponse{}, e.answer("network")
}

func (e *edge) serve(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	tenantv1.RegisterTenantServiceServer(server, e)
	networkv1.RegisterVpcServiceServer(server, e)
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

func TestTheWaitEndsWhenEveryServiceAnswers(t *testing.T) {
	e := &edge{away: map[string]int{"tenant": 2, "network": 3}}
	if err := waitReachable(t.Context(), e.serve(t), probes); err != nil {
		t.Fatal(err)
	}
	if left := slices.Max(slices.Collect(maps.Values(e.away))); left >= 0 {
		t.Errorf("it ended before every service answered: %v", e.away)
	}
}

func TestARefusalIsAnAnswer(t *testing.T) {
	e := &edge{away: map[string]int{}, then: status.Error(codes.Unauthenticated, "no token")}
	if err := waitReachable(t.Context(), e.serve(t), probes); err != nil {
		t.Error(err)
	}
}

func TestTheWaitIsBoundedAndNamesTheService(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*pollEvery)
	defer cancel()
	err := waitReachable(ctx, (&edge{away: map[string]int{"network": 1 << 30}}).serve(t), probes)
	if err == nil || !strings.Contains(err.Error(), "network") {
		t.Errorf("got %v", err)
	}
}

func TestEveryServiceIsProbed(t *testing.T) {
	var behind, probed []string
	for _, p := range (&Stack{}).services() {
		if p.name != "gateway" {
			behind = append(behind, p.name)
		}
	}
	for _, p := range probes {
		probed = append(probed, p.service)
	}
	slices.Sort(behind)
	slices.Sort(probed)
	if !slices.Equal(behind, probed) {
		t.Errorf("%v are probed, %v are behind the gateway", probed, behind)
	}
}

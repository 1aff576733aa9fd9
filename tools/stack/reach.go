package stack

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

// A probe is a call to one service that needs nothing to exist. It goes through the gateway: a service that is ready can
// still be out of its reach, because the gateway pauses for seconds between attempts to connect to one that was away.
type probe struct {
	service string
	call    func(context.Context, grpc.ClientConnInterface) error
}

// probes are one for each service behind the gateway.
var probes = []probe{
	{"tenant", func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := tenantv1.NewTenantServiceClient(conn).ListTenants(ctx, &tenantv1.ListTenantsRequest{PageSize: 1})
		return err
	}},
	{"network", func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := networkv1.NewVpcServiceClient(conn).ListVpcs(ctx, &networkv1.ListVpcsRequest{Parent: "tenants/any/organisations/-", PageSize: 1})
		return err
	}},
}

// waitReachable waits until a call through the gateway to each service succeeds, or ctx ends. With identity the gateway asks for a
// token first, and that is its answer: what it reaches then shows with the first call of somebody who has logged in.
func waitReachable(ctx context.Context, gateway string, probes []probe) (err error) {
	conn, err := grpc.NewClient("passthrough:///"+gateway, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("call the gateway at %s: %w", gateway, err)
	}
	defer func() { _ = conn.Close() }() // nothing is under way on it
	for _, p := range probes {
		var last error
		if poll(ctx, func() bool { last = p.call(ctx, conn); return answered(last) }) != nil {
			return fmt.Errorf("the gateway does not reach the %s service: %w", p.service, last)
		}
	}
	return nil
}

// answered tells whether a call has come through: that the tenant of a probe is not there, and that it wants a token, are
// answers too.
func answered(err error) bool {
	switch status.Code(err) {
	case codes.OK, codes.NotFound, codes.Unauthenticated, codes.PermissionDenied:
		return true
	default:
		return false
	}
}

package cli

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/ids"
)

// client is the API of the gateway.
type client struct {
	conn          *grpc.ClientConn
	tenants       tenantv1.TenantServiceClient
	organisations tenantv1.OrganisationServiceClient
	vpcs          networkv1.VpcServiceClient
	hubs          networkv1.HubServiceClient
	peerings      networkv1.PeeringServiceClient
	drift         networkv1.DriftServiceClient
	operations    operationv1.OperationServiceClient
	receipts      receiptv1.ReceiptServiceClient
}

const maxAnswer = 32 << 20 // a page of 1000 resources is far below

func newClient(address string, more ...grpc.UnaryClientInterceptor) (*client, error) {
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUserAgent("lowlayer-cli"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		grpc.WithChainUnaryInterceptor(append(more, withRequestID)...))
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	return &client{
		conn:          conn,
		tenants:       tenantv1.NewTenantServiceClient(conn),
		organisations: tenantv1.NewOrganisationServiceClient(conn),
		vpcs:          networkv1.NewVpcServiceClient(conn),
		hubs:          networkv1.NewHubServiceClient(conn),
		peerings:      networkv1.NewPeeringServiceClient(conn),
		drift:         networkv1.NewDriftServiceClient(conn),
		operations:    operationv1.NewOperationServiceClient(conn),
		receipts:      receiptv1.NewReceiptServiceClient(conn),
	}, nil
}

// withRequestID gives every call an id that is found again in the logs of all services.
func withRequestID(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", ids.New("req"))
	return invoke(ctx, method, req, reply, conn, opts...)
}

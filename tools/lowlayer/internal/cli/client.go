package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"github.com/low-layer/platform/libs/ids"
)

// client is the API of the gateway.
type client struct {
	conn          *grpc.ClientConn
	tenants       tenantv1.TenantServiceClient
	organisations tenantv1.OrganisationServiceClient
	members       tenantv1.MemberServiceClient
	accounts      tenantv1.ServiceAccountServiceClient
	vpcs          networkv1.VpcServiceClient
	hubs          networkv1.HubServiceClient
	peerings      networkv1.PeeringServiceClient
	operations    operationv1.OperationServiceClient
	receipts      receiptv1.ReceiptServiceClient
	audit         auditv1.AuditServiceClient
	watch         watchv1.WatchServiceClient
	quotas        quotav1.QuotaServiceClient
	books         meteringv1.PriceBookServiceClient
	usage         meteringv1.UsageServiceClient
}

const maxResponse = 32 << 20 // a page of 1000 resources is far below

// newClient connects on the first call; note reports waits to the person. More interceptors see a call last.
func newClient(address string, note func(format string, args ...any), more ...grpc.UnaryClientInterceptor) (*client, error) {
	login := &tokens{address: address}
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUserAgent("lowlayer-cli"),
		// A wait outlives restarts of the gateway: by default gRPC would pause for up to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxResponse)),
		grpc.WithChainUnaryInterceptor(append([]grpc.UnaryClientInterceptor{withRequestID, login.unary, askAgain(note)}, more...)...),
		grpc.WithChainStreamInterceptor(login.stream))
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	return &client{
		conn:          conn,
		tenants:       tenantv1.NewTenantServiceClient(conn),
		organisations: tenantv1.NewOrganisationServiceClient(conn),
		members:       tenantv1.NewMemberServiceClient(conn),
		accounts:      tenantv1.NewServiceAccountServiceClient(conn),
		vpcs:          networkv1.NewVpcServiceClient(conn),
		hubs:          networkv1.NewHubServiceClient(conn),
		peerings:      networkv1.NewPeeringServiceClient(conn),
		operations:    operationv1.NewOperationServiceClient(conn),
		receipts:      receiptv1.NewReceiptServiceClient(conn),
		audit:         auditv1.NewAuditServiceClient(conn),
		watch:         watchv1.NewWatchServiceClient(conn),
		quotas:        quotav1.NewQuotaServiceClient(conn),
		books:         meteringv1.NewPriceBookServiceClient(conn),
		usage:         meteringv1.NewUsageServiceClient(conn),
	}, nil
}

// withRequestID gives every call an id that is in the logs of all services.
func withRequestID(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", ids.New("req"))
	return invoke(ctx, method, req, reply, conn, opts...)
}

// A read is repeated for as long as the gateway may pause between two attempts to connect to a service that was away.
const (
	readTries   = 4
	longestWait = 2 * time.Second
)

// askAgain repeats reads while the service is away and the gateway gives a time to retry. Orders are not repeated: the person
// decides.
func askAgain(note func(format string, args ...any)) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		verb := method[strings.LastIndexByte(method, '/')+1:]
		reads := strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "List") || strings.HasPrefix(verb, "Export") || strings.HasPrefix(verb, "Quer") || verb == "Quote"
		for try := 1; ; try++ {
			err := invoke(ctx, method, req, reply, conn, opts...)
			after, ok := retryAfter(err)
			if !reads || !ok || try == readTries || ctx.Err() != nil {
				return err
			}
			if try == 1 {
				note("%s Trying again for a few seconds.", sentence(statusOf(err).Message()))
			}
			pause(ctx, min(after, longestWait))
		}
	}
}

// retryAfter is the pause that a service which is away asks for.
func retryAfter(err error) (time.Duration, bool) {
	s := statusOf(err)
	if s.Code() != codes.Unavailable {
		return 0, false
	}
	for _, d := range s.Details() {
		if r, ok := d.(*errdetails.RetryInfo); ok {
			return r.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}

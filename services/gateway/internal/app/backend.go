package app

import (
	auditgw "github.com/low-layer/platform/gen/gateway/lowlayer/audit/v1"
	authzgw "github.com/low-layer/platform/gen/gateway/lowlayer/authz/v1"
	networkgw "github.com/low-layer/platform/gen/gateway/lowlayer/network/v1"
	operationgw "github.com/low-layer/platform/gen/gateway/lowlayer/operation/v1"
	quotagw "github.com/low-layer/platform/gen/gateway/lowlayer/quota/v1"
	receiptgw "github.com/low-layer/platform/gen/gateway/lowlayer/receipt/v1"
	tenantgw "github.com/low-layer/platform/gen/gateway/lowlayer/tenant/v1"
	watchgw "github.com/low-layer/platform/gen/gateway/lowlayer/watch/v1"
	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"github.com/low-layer/platform/services/gateway/internal/api/rest"
)

// backend is a service behind the gateway: its name, which is that of its proto package (`lowlayer.<name>.v1`), and the REST
// routes of its services. gRPC needs no more than the name.
type backend struct {
	name   string
	routes []rest.Registration
}

// backends are all services behind the gateway; a new one is a line here.
func backends() []backend {
	return []backend{
		{"tenant", []rest.Registration{
			rest.Service(tenantv1.NewTenantServiceClient, tenantgw.RegisterTenantServiceHandlerClient),
			rest.Service(tenantv1.NewOrganisationServiceClient, tenantgw.RegisterOrganisationServiceHandlerClient),
			rest.Service(tenantv1.NewMemberServiceClient, tenantgw.RegisterMemberServiceHandlerClient),
			rest.Service(tenantv1.NewServiceAccountServiceClient, tenantgw.RegisterServiceAccountServiceHandlerClient),
		}},
		{"network", []rest.Registration{
			rest.Service(networkv1.NewVpcServiceClient, networkgw.RegisterVpcServiceHandlerClient),
			rest.Service(networkv1.NewHubServiceClient, networkgw.RegisterHubServiceHandlerClient),
			rest.Service(networkv1.NewPeeringServiceClient, networkgw.RegisterPeeringServiceHandlerClient),
			rest.Service(networkv1.NewDriftServiceClient, networkgw.RegisterDriftServiceHandlerClient),
			rest.Service(networkv1.NewIsolationServiceClient, networkgw.RegisterIsolationServiceHandlerClient),
		}},
	}
}

// These are answered by the edge itself.
var (
	explanations  = rest.Service(authzv1.NewAuthorizationServiceClient, authzgw.RegisterAuthorizationServiceHandlerClient)
	operations    = rest.Service(operationv1.NewOperationServiceClient, operationgw.RegisterOperationServiceHandlerClient)
	receiptRoutes = rest.Service(receiptv1.NewReceiptServiceClient, receiptgw.RegisterReceiptServiceHandlerClient)
	watchRoutes   = rest.Service(watchv1.NewWatchServiceClient, watchgw.RegisterWatchServiceHandlerClient)
	auditRoutes   = rest.Service(auditv1.NewAuditServiceClient, auditgw.RegisterAuditServiceHandlerClient)
	quotaRoutes   = rest.Service(quotav1.NewQuotaServiceClient, quotagw.RegisterQuotaServiceHandlerClient)
)

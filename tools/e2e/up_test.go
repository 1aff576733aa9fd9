package e2e_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestStart_gatewayBackedOff_firstCallSucceeds brings services back that the gateway has missed for so long that it pauses between its
// attempts to connect: what starts a platform must not end before calls come through again.
func TestStart_gatewayBackedOff_firstCallSucceeds(t *testing.T) {
	p := platform(t)
	for _, name := range registry.Names(registry.Databases()) {
		if err := p.Kill(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	conn := stacktest.Dial(t, p.Addresses().Gateway)
	tenants, vpcs := tenantv1.NewTenantServiceClient(conn), networkv1.NewVpcServiceClient(conn)
	missed := 0
	stacktest.Eventually(t, "the gateway misses the services", func() bool { // every call has it try again, and pause longer
		_, err := tenants.ListTenants(t.Context(), &tenantv1.ListTenantsRequest{})
		_, other := vpcs.ListVpcs(t.Context(), &networkv1.ListVpcsRequest{Parent: "tenants/acme/organisations/-"})
		if status.Code(err) == codes.Unavailable && status.Code(other) == codes.Unavailable {
			missed++
		}
		return missed > 60
	})
	if err := p.Stack.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := tenants.ListTenants(t.Context(), &tenantv1.ListTenantsRequest{})
	_, other := vpcs.ListVpcs(t.Context(), &networkv1.ListVpcsRequest{Parent: "tenants/acme/organisations/-"})
	if err != nil || status.Code(other) != codes.NotFound { // the network service has answered: there is no such tenant
		t.Errorf("the tenant service answers %v, the network service %v", err, other)
	}
}

package conformance_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/tools/openstacksim/conformance"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSimulator(t *testing.T) {
	srv, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	before := len(srv.Cloud.Inventory(""))
	p, err := openstack.NewClient(srv.AuthURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p.HTTPClient = http.Client{Transport: transport}
	err = openstack.Authenticate(t.Context(), p, gophercloud.AuthOptions{
		IdentityEndpoint: srv.AuthURL, Username: "admin", Password: "labpass", DomainID: "default", TenantName: "admin",
	})
	if err != nil {
		t.Fatal(err)
	}
	conformance.Run(t, conformance.Target{
		Admin: p, AuthURL: srv.AuthURL, Endpoints: gophercloud.EndpointOpts{Region: "RegionOne"}, Volumes: true,
	})
	if after := srv.Cloud.Inventory(""); len(after) > before+5 { // the administrator's own default group and its rules
		t.Errorf("the suite left %d objects where %d were: %+v", len(after), before, after)
	}
}

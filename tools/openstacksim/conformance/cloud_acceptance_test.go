//go:build acceptance

package conformance_test

import (
	"os"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"

	"github.com/low-layer/platform/tools/openstacksim/conformance"
)

// TestCloud runs the suite against the cloud that the environment names:
// LOWLAYER_TEST_CLOUDS_FILE is the path of a clouds.yaml, LOWLAYER_TEST_CLOUD an entry.
func TestCloud(t *testing.T) {
	file, name := os.Getenv("LOWLAYER_TEST_CLOUDS_FILE"), os.Getenv("LOWLAYER_TEST_CLOUD")
	if file == "" || name == "" {
		t.Log("no cloud is named: LOWLAYER_TEST_CLOUDS_FILE and LOWLAYER_TEST_CLOUD are needed")
		return
	}
	ao, eo, tls, err := clouds.Parse(clouds.WithLocations(file), clouds.WithCloudName(name))
	if err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
	ao.AllowReauth = true
	p, err := config.NewProviderClient(t.Context(), ao, config.WithTLSConfig(tls))
	if err != nil {
		t.Fatalf("log in to %s: %v", name, err)
	}
	t.Cleanup(p.HTTPClient.CloseIdleConnections)
	conformance.Run(t, conformance.Target{Admin: p, AuthURL: ao.IdentityEndpoint, Endpoints: eo})
}

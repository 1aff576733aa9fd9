//go:build acceptance

package cloudtest_test

import (
	"os"
	"testing"

	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
)

// TestRealCloudConforms runs the same suite against the cloud LOWLAYER_TEST_CLOUD of LOWLAYER_TEST_CLOUDS_FILE.
func TestRealCloudConforms(t *testing.T) {
	file, cloud := os.Getenv("LOWLAYER_TEST_CLOUDS_FILE"), os.Getenv("LOWLAYER_TEST_CLOUD")
	if file == "" || cloud == "" {
		t.Fatal("set LOWLAYER_TEST_CLOUDS_FILE and LOWLAYER_TEST_CLOUD to the cloud to test")
	}
	cloudtest.Run(t, openstackclient.NewKeystone(cloudtest.Client(t, file, cloud)))
}

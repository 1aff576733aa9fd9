//go:build acceptance

package openstack_test

import (
	"os"
	"testing"

	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
	"github.com/low-layer/platform/services/tenant/internal/cloud/openstack"
)

// TestRealCloudConforms runs the same suite against the cloud LOWLAYER_TEST_CLOUD of LOWLAYER_TEST_CLOUDS_FILE.
func TestRealCloudConforms(t *testing.T) {
	file, cloud := os.Getenv("LOWLAYER_TEST_CLOUDS_FILE"), os.Getenv("LOWLAYER_TEST_CLOUD")
	if file == "" || cloud == "" {
		t.Fatal("set LOWLAYER_TEST_CLOUDS_FILE and LOWLAYER_TEST_CLOUD to the cloud to test")
	}
	cloudtest.Run(t, openstack.New(cloudtest.Client(t, file, cloud)))
}

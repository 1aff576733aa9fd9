//go:build acceptance

package openstack_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/low-layer/platform/libs/openstack/kit/kittest"
	"github.com/low-layer/platform/services/network/internal/cloud/cloudtest"
)

// TestRealCloud runs the suite against the cloud that LOWLAYER_TEST_CLOUDS_FILE and LOWLAYER_TEST_CLOUD name.
func TestRealCloud(t *testing.T) {
	file, name := os.Getenv("LOWLAYER_TEST_CLOUDS_FILE"), os.Getenv("LOWLAYER_TEST_CLOUD")
	if file == "" || name == "" {
		t.Fatal("set LOWLAYER_TEST_CLOUDS_FILE to a clouds.yaml and LOWLAYER_TEST_CLOUD to the name of a cloud in it")
	}
	project := strings.ReplaceAll(uuid.NewString(), "-", "")
	t.Run("attributes", func(t *testing.T) { kittest.Attributes(t, connect(t, file, name), project) })
	cloudtest.Run(t, connect(t, file, name), project)
}

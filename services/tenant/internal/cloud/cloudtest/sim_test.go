package cloudtest_test

import (
	"testing"

	"go.uber.org/goleak"

	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSimulatorConforms(t *testing.T) {
	_, clouds := cloudtest.Simulator(t, sim.Options{})
	cloudtest.Run(t, openstackclient.NewKeystone(cloudtest.Client(t, clouds, "sim")))
}

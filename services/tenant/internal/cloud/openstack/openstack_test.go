package openstack_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
	"github.com/low-layer/platform/services/tenant/internal/cloud/openstack"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSimulatorConforms(t *testing.T) {
	_, clouds := cloudtest.Simulator(t, sim.Options{})
	cloudtest.Run(t, openstack.New(cloudtest.Client(t, clouds, "sim")))
}

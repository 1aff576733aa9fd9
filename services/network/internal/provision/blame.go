package provision

import (
	"context"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// reasonInUse says that somebody else's object keeps one of ours from being removed.
const reasonInUse = "OBJECT_IN_USE"

// maxHolders bounds how many objects an error names.
const maxHolders = 5

// blame turns the conflict of a deletion into an error that names what others put in the way. It is theirs to remove:
// nothing that is not in our ledger is ever deleted. Any other error stays as it is, and so does a conflict with nobody
// to name: that one passes by itself.
func (k *Kit) blame(ctx context.Context, err error, what string, o engine.External, where ...neutron.Filter) error {
	if err == nil || (errs.CodeOf(err) != errs.Aborted && errs.ReasonOf(err) != "CLOUD_CONFLICT") {
		return err
	}
	var holders []string
	for _, f := range where {
		if f.NetworkID == "" && f.DeviceID == "" {
			continue
		}
		ports, listErr := k.cloud.Ports(ctx, f)
		if listErr != nil {
			return err
		}
		for _, p := range ports {
			if !topology.NeutronOwn(p) {
				holders = append(holders, topology.Describe(p))
			}
		}
	}
	if len(holders) == 0 {
		return err
	}
	shown := holders[:min(len(holders), maxHolders)]
	return errs.Wrap(err, errs.FailedPrecondition, reasonInUse,
		"%s %q is held by %d objects that are not the platform's: %s; delete them, or move them elsewhere, and the deletion goes on by itself",
		what, o.Name, len(holders), strings.Join(shown, ", ")).
		With("holder", holders[0]).With("object_id", o.ID)
}

// inNetworks selects the ports of every network a resource has made.
func inNetworks(run *engine.Run) neutron.Filter {
	if n, ok := run.Object(topology.StepNetwork); ok {
		return neutron.Filter{NetworkID: n.ID}
	}
	return neutron.Filter{}
}

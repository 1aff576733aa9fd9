// Package kit has the object types of OpenStack for kinds of resources: each finds, makes, mends and removes one type of
// object, and names every attribute it sets.
//
//	networks := kit.NewNetworks(cloud)
//	provision.Kind[Spec]{
//		Objects: []provision.Object{networks.Object()},
//		Plan: func(r provision.Resource, s Spec) ([]provision.Step, error) {
//			return []provision.Step{networks.Make(provision.Step{Name: "network"}, neutron.Network{Name: s.Name, ProjectID: s.Project})}, nil
//		},
//	}
//
// Every step makes at most one writing call to make its object. It looks an object up by the name it gives, and by the id
// the ledger has. Names must be deterministic and hold the uid of the resource. A removal that another's object prevents
// fails with the reason OBJECT_IN_USE and names the holder; only what is in the ledger is ever removed.
package kit

import (
	"context"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Ref is the id of an object that is known when a step runs.
type Ref func(ctx context.Context, run *provision.Run) (string, error)

// Made is the object of another step of the resource.
func Made(step string) Ref {
	return func(_ context.Context, run *provision.Run) (string, error) { return run.Made(step) }
}

// maxHolders bounds how many objects an error names.
const maxHolders = 5

// blame turns the conflict of a removal into an error that names the ports that others put in the way. Another error, and
// a conflict without such a port, stays as it is: that one passes by itself.
func blame(ctx context.Context, cloud neutron.Cloud, err error, what string, o provision.External, where func(context.Context) (neutron.Filter, error)) error {
	if err == nil || (errs.CodeOf(err) != errs.Aborted && errs.ReasonOf(err) != "CLOUD_CONFLICT") {
		return err
	}
	filter, whereErr := where(ctx)
	if whereErr != nil {
		return err
	}
	ports, listErr := cloud.Ports(ctx, filter)
	if listErr != nil {
		return err
	}
	var holders []string
	for _, p := range ports {
		if !p.NeutronOwn() {
			holders = append(holders, p.Describe())
		}
	}
	if len(holders) == 0 {
		return err
	}
	shown := holders[:min(len(holders), maxHolders)]
	return errs.Wrap(err, errs.FailedPrecondition, "OBJECT_IN_USE",
		"%s %q is held by %d objects that are not the platform's: %s; delete them, or move them elsewhere, and the deletion goes on by itself",
		what, o.Name, len(holders), strings.Join(shown, ", ")).
		With("holder", holders[0]).With("object_id", o.ID)
}

func byIDs(ids []string) neutron.Filter { return neutron.Filter{IDs: ids} }

// tags is the step that sets the tags of what another step made.
func tags(cloud neutron.Cloud, kind neutron.Taggable, s provision.Step, of string, want []string) provision.Step {
	s.Needs, s.Digest = []string{of}, provision.Digest(want)
	return provision.Set(s, func(ctx context.Context, run *provision.Run) error {
		id, err := run.Made(of)
		if err != nil {
			return err
		}
		return cloud.SetTags(ctx, kind, id, want)
	})
}

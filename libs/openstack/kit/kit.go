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
	"cmp"
	"context"
	"slices"
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

// blame turns the conflict of a removal into an error that names what others put in the way. Another error, and a conflict
// without a holder, stays as it is: that one passes by itself.
func blame(ctx context.Context, err error, what string, o provision.External, holders func(context.Context) ([]string, error)) error {
	if err == nil || (errs.CodeOf(err) != errs.Aborted && errs.ReasonOf(err) != "CLOUD_CONFLICT") {
		return err
	}
	found, failed := holders(ctx)
	if failed != nil || len(found) == 0 {
		return err
	}
	return errs.Wrap(err, errs.FailedPrecondition, "OBJECT_IN_USE",
		"%s %q is held by %d objects that are not the platform's: %s; delete them, or move them elsewhere, and the deletion goes on by itself",
		what, cmp.Or(o.Name, o.ID), len(found), strings.Join(found[:min(len(found), maxHolders)], ", ")).
		With("holder", found[0]).With("object_id", o.ID)
}

// foreignPorts describes the ports that hold an object and that Neutron did not make itself.
func foreignPorts(cloud neutron.Cloud, by neutron.Filter, describe func(neutron.Port) string) func(context.Context) ([]string, error) {
	return func(ctx context.Context) (out []string, err error) {
		ports, err := cloud.Ports(ctx, by)
		for _, p := range ports {
			if !p.NeutronOwn() {
				out = append(out, describe(p))
			}
		}
		return out, err
	}
}

// lists returns the values that one list lacks of the other, and those it has beyond it.
func lists[T comparable](have, want []T) (missing, surplus []T) {
	missing = slices.DeleteFunc(slices.Clone(want), func(v T) bool { return slices.Contains(have, v) })
	return missing, slices.DeleteFunc(slices.Clone(have), func(v T) bool { return slices.Contains(want, v) })
}

func byIDs(ids []string) neutron.Filter { return neutron.Filter{IDs: ids} }

// difference is one of what another step made.
func difference(run *provision.Run, typ, step string) provision.Difference {
	o, _ := run.Object(step)
	return provision.Difference{Step: run.Step(), Type: typ, ID: o.ID, Name: o.Name}
}

// tags is the step that sets the tags of what another step made.
func tags[T any](
	cloud neutron.Cloud, typ provision.Type[T], kind neutron.Taggable, s provision.Step, of string, want []string, has func(T) []string,
) provision.Step {
	s.Needs, s.Digest = []string{of}, provision.Digest(want)
	s.Check = func(ctx context.Context, run *provision.Run) ([]provision.Difference, error) {
		id, err := run.Made(of)
		if err != nil {
			return nil, err
		}
		found, err := typ.Read(ctx, []string{id})
		if err != nil || len(found) == 0 {
			return nil, err
		}
		missing, _ := lists(has(found[0]), want)
		return provision.Of(difference(run, typ.Name, of), provision.Values("tags", missing, nil)), nil
	}
	return provision.Set(s, func(ctx context.Context, run *provision.Run) error {
		id, err := run.Made(of)
		if err != nil {
			return err
		}
		return cloud.SetTags(ctx, kind, id, want)
	})
}

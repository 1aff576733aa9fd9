package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/tenant/internal/core/network"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// pollVPCs is how often a hub looks whether the VPCs that stand on it are gone.
const pollVPCs = 500 * time.Millisecond

// A hub is like a boundary: there is one for an organisation, and its name is its id.

func hubOf(run *provision.Run) provision.External {
	return provision.External{ID: run.Name + "/hub", Name: run.Name + "/hub"}
}

func (k *organisations) makeHub(ctx context.Context, run *provision.Run) (provision.External, error) {
	w, err := k.ensureHub(ctx, run)(run.StepID())
	if err != nil {
		return provision.External{}, err
	}
	run.FollowOperation(w.Operation)
	return hubOf(run), nil
}

func (k *organisations) ensureHub(ctx context.Context, run *provision.Run) ask {
	return func(requestID string) (network.Work, error) {
		spec, err := organisationOf(run.Resource)
		if err != nil {
			return network.Work{}, err
		}
		project, _ := run.Object(stepProject)
		return k.Network.EnsureHub(ctx, network.Hub{
			Organisation: spec.Name(), OrganisationUID: spec.UID, ProjectID: project.ID, Mode: spec.Mode, CIDR: spec.HubCIDR,
			RequestID: requestID,
		})
	}
}

func (k *organisations) observeHub(_ context.Context, run *provision.Run) ([]provision.External, error) {
	return []provision.External{hubOf(run)}, nil
}

func (k *organisations) findHub(ctx context.Context, run *provision.Run, _ string) ([]provision.External, error) {
	return k.observeHub(ctx, run)
}

func (k *organisations) hubReady(ctx context.Context, run *provision.Run, _ provision.External) error {
	return insist(ctx, k.Network, run, k.ensureHub(ctx, run))
}

// deleteHub first sees the last VPC of the organisation off: those made after the order are in no ledger of ours.
func (k *organisations) deleteHub(ctx context.Context, run *provision.Run, _ provision.External) error {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return err
	}
	vpcs, err := k.Network.ListVPCs(ctx, run.Name)
	if err != nil {
		return err
	}
	if len(vpcs) > 0 && !spec.Force {
		names := make([]string, len(vpcs))
		for i, v := range vpcs {
			names[i] = v.Name
		}
		return tenancy.NotEmpty(run.Name, names)
	}
	for _, v := range vpcs {
		if err := k.endVPC(ctx, run, v); err != nil {
			return err
		}
	}
	if len(vpcs) > 0 {
		return provision.NotYet(pollVPCs, "%d VPCs are still there", len(vpcs))
	}
	w, err := k.Network.DeleteHub(ctx, run.Name, run.StepID())
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	if err == nil {
		run.FollowOperation(w.Operation)
	}
	return err
}

func (k *organisations) hubLeft(ctx context.Context, run *provision.Run, gone []provision.External) ([]provision.External, error) {
	return ending(ctx, k.Network, run, gone, func(requestID string) (network.Work, error) {
		return k.Network.DeleteHub(ctx, run.Name, requestID)
	})
}

// endVPC asks for the end of a VPC, and of its peerings when its organisation goes by force.
func (k *organisations) endVPC(ctx context.Context, run *provision.Run, v network.Found) error {
	if v.State == tenancy.StateDeleting {
		return nil
	}
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return err
	}
	if spec.Force {
		left, err := k.Network.DeletePeerings(ctx, v.Name)
		if err != nil {
			return err
		}
		if left > 0 {
			return provision.NotYet(pollVPCs, "%d peerings of %s are still there", left, v.Name)
		}
	}
	w, err := k.Network.DeleteVPC(ctx, v.Name, requestFor(run, v.UID))
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	run.FollowOperation(w.Operation)
	if w.Blockage != nil {
		return blocked(w.Blockage)
	}
	return nil
}

// requestFor is a request id for one of several calls a step makes.
func requestFor(run *provision.Run, part string) string {
	sum := sha256.Sum256([]byte(run.StepID() + "/" + part))
	return hex.EncodeToString(sum[:16])
}

// vpcNamer answers the name of an ordered VPC.
func vpcNamer(v tenancy.VPCOrder) func(*provision.Run) string {
	return func(run *provision.Run) string { return run.Name + "/vpcs/" + v.ID }
}

func (k *organisations) makeVPC(v tenancy.VPCOrder) func(context.Context, *provision.Run) (provision.External, error) {
	name := vpcNamer(v)
	return func(ctx context.Context, run *provision.Run) (provision.External, error) {
		if e, ok := run.Existing(); ok {
			// Made once, it is its owner's: later changes to it are made through the network service.
			_, err := k.Network.FindVPC(ctx, e.Name)
			return e, err
		}
		spec, err := organisationOf(run.Resource)
		if err != nil {
			return provision.External{}, err
		}
		w, err := k.Network.CreateVPC(ctx, network.VPC{Organisation: spec.Name(), Order: v, RequestID: run.StepID()})
		if err == nil {
			run.FollowOperation(w.Operation)
			return provision.External{ID: w.ResourceUID, Name: name(run)}, nil
		}
		if errs.ReasonOf(err) != "VPC_EXISTS" {
			return provision.External{}, err
		}
		found, findErr := k.lookVPC(ctx, name(run))
		if findErr != nil || len(found) == 0 {
			return provision.External{}, err
		}
		return found[0], nil
	}
}

func (k *organisations) lookVPC(ctx context.Context, name string) ([]provision.External, error) {
	v, err := k.Network.FindVPC(ctx, name)
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []provision.External{{ID: v.UID, Name: v.Name}}, nil
}

func (k *organisations) findVPC(ctx context.Context, run *provision.Run, step string) ([]provision.External, error) {
	return k.lookVPC(ctx, run.Name+"/vpcs/"+step[len(prefixVPC):])
}

func (k *organisations) vpcReady(ctx context.Context, run *provision.Run, e provision.External) error {
	if op := run.Followed(); op != "" {
		err := await(ctx, k.Network, run, network.Work{Operation: op})
		if code := errs.CodeOf(err); err == nil || (code != errs.Canceled && code != errs.Aborted && code != errs.CodeNotFound) {
			return err
		}
		// Another change took its place or its record is gone; the VPC itself tells how it is.
	}
	v, err := k.Network.FindVPC(ctx, e.Name)
	switch {
	case err != nil:
		return err
	case v.Blockage != nil:
		return blocked(v.Blockage)
	case v.State == tenancy.StateCreating:
		return provision.NotYet(pollVPCs, "%s is %s", v.Name, v.State)
	}
	return nil
}

// deleteVPC removes a VPC of the order, unless its owner did and made another of that name: that one goes with the hub.
func (k *organisations) deleteVPC(ctx context.Context, run *provision.Run, e provision.External) error {
	if _, err := resourcename.ParseVpc(e.Name); err != nil {
		return err
	}
	v, err := k.Network.FindVPC(ctx, e.Name)
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if v.UID != e.ID {
		return nil
	}
	return k.endVPC(ctx, run, v)
}

func (k *organisations) vpcsLeft(ctx context.Context, run *provision.Run, gone []provision.External) ([]provision.External, error) {
	all, err := k.Network.ListVPCs(ctx, run.Name)
	if err != nil {
		return gone, err
	}
	var out []provision.External
	for _, e := range gone {
		for _, v := range all {
			if v.UID != e.ID {
				continue
			}
			if v.Blockage != nil {
				return gone, blocked(v.Blockage)
			}
			out = append(out, e)
		}
	}
	return out, nil
}

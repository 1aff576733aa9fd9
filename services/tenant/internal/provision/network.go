package provision

import (
	"context"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	internalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/peer"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// pollVPCs is the time between two looks at VPCs that are on their way.
const pollVPCs = 500 * time.Millisecond

// An organisation has one hub, so its name is its id.

func hubOf(run *provision.Run) provision.External {
	return provision.External{ID: run.Name + "/hub", Name: run.Name + "/hub"}
}

func (k *organisations) ensureHub(run *provision.Run) peer.Call {
	return func(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
		spec, err := organisationOf(run.Resource)
		if err != nil {
			return nil, err
		}
		project, _ := run.Object(stepProject)
		return k.Network.Foundation.EnsureHub(ctx, &internalv1.EnsureHubRequest{
			Organisation: spec.Name(), OrganisationUid: spec.UID, ProjectId: project.ID, Mode: convert.Mode(spec.Mode), Cidr: spec.HubCIDR,
			RequestId: requestID,
		})
	}
}

func (k *organisations) removeHub(run *provision.Run) peer.Call {
	return func(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
		return k.Network.Foundation.DeleteHub(ctx, &internalv1.DeleteHubRequest{Organisation: run.Name, RequestId: requestID})
	}
}

func (k *organisations) makeHub(ctx context.Context, run *provision.Run) (provision.External, error) {
	_, err := k.Network.Begin(ctx, run, k.ensureHub(run))
	return hubOf(run), err
}

func (k *organisations) observeHub(_ context.Context, run *provision.Run) ([]provision.External, error) {
	return []provision.External{hubOf(run)}, nil
}

func (k *organisations) hubReady(ctx context.Context, run *provision.Run, _ provision.External) error {
	return k.Network.Insist(ctx, run, k.ensureHub(run))
}

// deleteHub first removes the VPCs that were made after the order: they are in no ledger of ours.
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
			names[i] = v.GetName()
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
	return k.Network.Remove(ctx, run, k.removeHub(run))
}

func (k *organisations) hubLeft(ctx context.Context, run *provision.Run, gone []provision.External) ([]provision.External, error) {
	if err := k.Network.Removed(ctx, run, k.removeHub(run)); err != nil {
		return gone, err
	}
	return nil, nil
}

// endVPC orders the deletion of a VPC; by force that of its peerings first.
func (k *organisations) endVPC(ctx context.Context, run *provision.Run, v *networkv1.Vpc) error {
	if v.GetState() == typev1.State_DELETING {
		return nil
	}
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return err
	}
	name, err := resourcename.ParseVpc(v.GetName())
	if err != nil {
		return err
	}
	if spec.Force {
		left, err := k.Network.DeletePeerings(ctx, name)
		if err != nil {
			return err
		}
		if left > 0 {
			return provision.NotYet(pollVPCs, "%d peerings of %s are still there", left, v.GetName())
		}
	}
	w, err := k.Network.BeginPart(ctx, run, v.GetUid(), func(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
		return k.Network.VPCs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: v.GetName(), RequestId: requestID})
	})
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return w.Blocked()
}

// vpcNamer is the name of an ordered VPC.
func vpcNamer(v tenancy.VPCOrder) func(*provision.Run) string {
	return func(run *provision.Run) string { return run.Name + "/vpcs/" + v.ID }
}

func (k *organisations) makeVPC(v tenancy.VPCOrder) func(context.Context, *provision.Run) (provision.External, error) {
	name := vpcNamer(v)
	return func(ctx context.Context, run *provision.Run) (provision.External, error) {
		if e, ok := run.Existing(); ok {
			// A VPC belongs to its owner once it is made. Later changes go through the network service.
			_, err := k.vpc(ctx, e.Name)
			return e, err
		}
		w, err := k.Network.Begin(ctx, run, func(ctx context.Context, requestID string) (*longrunningpb.Operation, error) {
			return k.Network.VPCs.CreateVpc(ctx, &networkv1.CreateVpcRequest{
				Parent: run.Name, VpcId: v.ID, RequestId: requestID,
				Vpc: &networkv1.Vpc{DisplayName: v.DisplayName, Labels: v.Labels, Mode: convert.Mode(v.Mode), Cidr: v.CIDR},
			})
		})
		if err == nil {
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

func (k *organisations) vpc(ctx context.Context, name string) (*networkv1.Vpc, error) {
	v, err := k.Network.VPCs.GetVpc(ctx, &networkv1.GetVpcRequest{Name: name})
	if err != nil {
		return nil, grpcerr.FromError(err)
	}
	return v, nil
}

func (k *organisations) lookVPC(ctx context.Context, name string) ([]provision.External, error) {
	v, err := k.vpc(ctx, name)
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []provision.External{{ID: v.GetUid(), Name: v.GetName()}}, nil
}

func (k *organisations) vpcReady(ctx context.Context, run *provision.Run, e provision.External) error {
	if run.Followed() != "" {
		err := k.Network.Await(ctx, run)
		if code := errs.CodeOf(err); err == nil || (code != errs.Canceled && code != errs.Aborted && code != errs.CodeNotFound) {
			return err
		}
		// A newer change replaced the operation, or its record is gone: the state of the VPC decides.
	}
	v, err := k.vpc(ctx, e.Name)
	if err != nil {
		return err
	}
	if err := peer.Blocked(v.GetBlockage()); err != nil {
		return err
	}
	if v.GetState() == typev1.State_CREATING {
		return provision.NotYet(pollVPCs, "%s is %s", v.GetName(), v.GetState())
	}
	return nil
}

// deleteVPC removes a VPC of the order. Its owner may have made another one of that name, which goes with the hub.
func (k *organisations) deleteVPC(ctx context.Context, run *provision.Run, e provision.External) error {
	v, err := k.vpc(ctx, e.Name)
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	if err != nil || v.GetUid() != e.ID {
		return err
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
			if v.GetUid() != e.ID {
				continue
			}
			if err := peer.Blocked(v.GetBlockage()); err != nil {
				return gone, err
			}
			out = append(out, e)
		}
	}
	return out, nil
}

package provision

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/peer"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// organisationSpec is what is wanted of an organisation.
type organisationSpec struct {
	tenancy.Organisation
	tenant tenancy.Tenant
	quota  tenancy.Quota
	made   map[string]string
}

func (s organisationSpec) cloudName() string { return tenancy.CloudName(s.ID, s.UID) }

type organisations struct{ Deps }

func organisationKind(d Deps) provision.Kind[organisationSpec] {
	k := &organisations{d}
	return provision.Kind[organisationSpec]{
		Name: string(tenancy.KindOrganisation),
		Objects: []provision.Object{
			{Type: typeProject, Delete: k.withoutMembers(k.deleteProject), Gone: k.projectsLeft},
			{Type: typeUser, Delete: k.deleteUser, Gone: k.usersLeft},
			{Type: typeCredential, Delete: k.deleteCredential, Gone: k.credentialsLeft},
			{Type: typeHub, Delete: k.deleteHub, Gone: k.hubLeft},
			{Type: typeVPC, Delete: k.deleteVPC, Gone: k.vpcsLeft},
		},
		Plan:      k.plan,
		Past:      k.past,
		Load:      k.load,
		Settled:   k.settled,
		Response:  k.response,
		Inventory: k.inventory,
		Quota:     k.quotaEffect,
	}
}

func (k *organisations) load(ctx context.Context, q provision.Querier, uid string) (spec organisationSpec, err error) {
	o, err := k.Rows.Organisation(ctx, q, uid)
	if err != nil {
		return spec, err
	}
	t, err := k.Rows.Tenant(ctx, q, o.TenantUID)
	if err != nil {
		return spec, err
	}
	made, err := k.Rows.Made(ctx, q, uid)
	if err != nil {
		return spec, err
	}
	return organisationSpec{Organisation: o, tenant: t, quota: o.Quota.Or(k.Quota), made: made}, nil
}

func organisationOf(r provision.Resource) (organisationSpec, error) {
	return provision.SpecOf[organisationSpec](r)
}

func (k *organisations) plan(_ provision.Resource, spec organisationSpec) ([]provision.Step, error) {
	steps, err := k.steps(spec)
	if err == nil && spec.Deleted() {
		steps = frozen(steps, spec.made, stepProject)
	}
	return steps, err
}

// past knows a VPC that is in no order any more by the name of its step.
func (k *organisations) past(_ provision.Resource, spec organisationSpec, step string) (provision.Step, bool) {
	if id, ok := strings.CutPrefix(step, prefixVPC); ok {
		s, err := k.vpcStep(tenancy.VPCOrder{ID: id})
		return s, err == nil
	}
	steps, err := k.steps(spec)
	if err != nil {
		return provision.Step{}, false
	}
	return provision.Among(steps, step)
}

func (k *organisations) steps(spec organisationSpec) ([]provision.Step, error) {
	steps := append(k.accountSteps(spec), provision.Step{
		Name: stepHub, Title: "create the bastion's hub network", Object: typeHub,
		Needs: []string{stepProject, stepNetworkQuota}, Digest: etag.Of(spec.Mode, spec.HubCIDR), Deadline: peer.Deadline,
		Do: k.makeHub, Find: k.observeHub, Verify: k.hubReady,
	})
	var before []string
	for _, v := range inTurn(spec.VPCs) {
		step, err := k.vpcStep(v)
		if err != nil {
			return nil, err
		}
		step.After = before
		before = []string{step.Name}
		steps = append(steps, step)
	}
	return steps, nil
}

// accountSteps make the project and what may act in it.
func (k *organisations) accountSteps(spec organisationSpec) []provision.Step {
	update := ""
	if spec.Deleted() {
		update = "disable the Keystone project"
	}
	return []provision.Step{
		{
			Name: stepProject, Title: "create the Keystone project", UpdateTitle: update, Object: typeProject,
			Digest: etag.Of(spec.cloudName(), spec.tenant.DomainID, !spec.Deleted()),
			Do:     k.makeProject, Find: k.observeProject,
		},
		{
			Name: stepComputeQuota, Title: "set the quota of virtual machines", Needs: []string{stepProject},
			Digest: etag.Of(spec.quota.Cores, spec.quota.RAMMiB, spec.quota.Instances), Do: k.setComputeQuota,
		},
		{
			Name: stepNetworkQuota, Title: "set the quota of networks", Needs: []string{stepProject},
			Digest: etag.Of(spec.quota.Networks, spec.quota.Routers, spec.quota.Ports, spec.quota.SecurityGroups, "told"),
			Do:     k.setNetworkQuota,
		},
		{
			Name: stepUser, Title: "create the service user", Object: typeUser, Needs: []string{stepProject},
			Digest: etag.Of(spec.cloudName(), spec.tenant.DomainID), Do: k.makeUser, Find: k.observeUser,
		},
		{
			Name: stepRole, Title: "give the service user its role", Needs: []string{stepProject, stepUser},
			Digest: etag.Of(strings.Join(k.Roles, ",")), Do: k.grantRoles,
		},
		{
			Name: stepCredential, Title: "create the application credential", Object: typeCredential,
			Needs:    []string{stepProject, stepUser, stepRole},
			Digest:   etag.Of(spec.CredentialGeneration, strings.Join(k.Roles, ",")),
			Replaces: true, Do: k.makeCredential, Find: k.observeCredential, Verify: k.useCredential,
		},
		{
			Name: stepRevoke, Title: "revoke credentials that were replaced", Needs: []string{stepCredential},
			Digest: etag.Of(spec.CredentialGeneration), Do: k.revokeOthers,
		},
	}
}

// inTurn is the order in which VPCs are asked for, so that the same order gets the same addresses every time: those that
// name their CIDR, as the network service checked the order, then those that take the next free one; each as it was given.
func inTurn(order []tenancy.VPCOrder) []tenancy.VPCOrder {
	out := slices.Clone(order)
	slices.SortStableFunc(out, func(a, b tenancy.VPCOrder) int {
		named := func(v tenancy.VPCOrder) int {
			if v.CIDR != "" {
				return 0
			}
			return 1
		}
		return cmp.Compare(named(a), named(b))
	})
	return out
}

func (k *organisations) vpcStep(v tenancy.VPCOrder) (provision.Step, error) {
	order, err := json.Marshal(v)
	if err != nil {
		return provision.Step{}, fmt.Errorf("digest order of vpc %s: %w", v.ID, err)
	}
	name := vpcNamer(v)
	return provision.Step{
		Name: prefixVPC + v.ID, Title: "create VPC " + v.ID, Object: typeVPC, Needs: []string{stepHub},
		Digest: etag.Of(string(order)), Deadline: peer.Deadline,
		Do: k.makeVPC(v),
		Find: func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
			return k.lookVPC(ctx, name(run))
		},
		Verify: k.vpcReady,
	}, nil
}

func (k *organisations) settled(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
	o, err := k.Rows.Organisation(ctx, tx, s.UID)
	if err != nil {
		return err
	}
	if s.Removed {
		if err := k.Rows.RemoveOrganisation(ctx, tx, s.UID); err != nil {
			return err
		}
		return k.Rows.AnnounceOrganisation(ctx, tx, tenancy.OrganisationPurged, o)
	}
	o.ProjectID = s.Objects[stepProject].ID
	var events []string
	switch s.Outcome {
	case provision.Done:
		if _, whole := s.Objects[stepHub]; whole && o.ReadyTime.IsZero() {
			o.ReadyTime = k.Clock.Now()
		}
		events, o.Announced = o.SettledEvents()
	case provision.Blocked, provision.Unblocked:
		events = []string{"organisation." + s.Outcome.String()}
	}
	if err := k.Rows.SettleOrganisation(ctx, tx, o); err != nil {
		return err
	}
	for _, e := range events {
		if err := k.Rows.AnnounceOrganisation(ctx, tx, e, o); err != nil {
			return err
		}
	}
	return nil
}

func (k *organisations) response(spec organisationSpec) proto.Message {
	return k.Render.Organisation(spec.Organisation)
}

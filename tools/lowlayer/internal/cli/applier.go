package cli

import (
	"context"
	"fmt"
	"slices"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
)

// applier brings the platform to a blueprint, one resource after the other.
type applier struct {
	app     *app
	api     *client
	b       *blueprint.Blueprint
	changes []change
	// ordered are the VPCs in this apply's order of the organisation.
	ordered map[string]bool
	// unmade is, with --plan, a resource that is only planned: the platform cannot plan resources below it. unmadeVpc is a VPC.
	unmade, unmadeVpc string
}

func (p *applier) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.check, p.tenant, p.organisation, p.vpcs, p.peerings} {
		if err := step(ctx); err != nil {
			if p.made() {
				return partialError{err}
			}
			return err
		}
	}
	return nil
}

// made is true once this apply has changed a resource.
func (p *applier) made() bool {
	return slices.ContainsFunc(p.changes, func(c change) bool { return c.Result != unchanged })
}

func (p *applier) did(name string, r result, op *longrunningpb.Operation) {
	p.changes = append(p.changes, change{name, r, op.GetName()})
}

func (p *applier) tenantName() string { return resourcename.Tenant{Tenant: p.b.Tenant.ID}.String() }

func (p *applier) organisationName() string {
	return resourcename.Organisation{Tenant: p.b.Tenant.ID, Organisation: p.b.Organisation.ID}.String()
}

func (p *applier) vpcName(id string) string {
	return resourcename.Vpc{Tenant: p.b.Tenant.ID, Organisation: p.b.Organisation.ID, Vpc: id}.String()
}

// order follows the operation of an order to its end. The order is recorded at once: it stays when the wait ends early.
func (p *applier) order(ctx context.Context, name string, r result, op *longrunningpb.Operation, err error) error {
	doing := map[result]string{created: "create", updated: "update"}[r]
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, name, err)
	}
	if p.app.plan {
		if r == created && p.unmade == "" {
			p.unmade = name
		}
		return p.app.printPlan(op)
	}
	p.did(name, r, op)
	if _, err := p.app.follow(ctx, op, nil); err != nil {
		return fmt.Errorf("%s %s: %w", doing, name, err)
	}
	return nil
}

// A resource is a part of a blueprint with a state.
type resource interface {
	named
	GetState() typev1.State
	GetReconciling() bool
}

// settled reads a resource after the end of earlier work on it. It is false without a resource.
func settled[R resource](ctx context.Context, p *applier, name string) (R, bool, error) {
	have, exists, err := look[R](ctx, p, name)
	if exists && have.GetReconciling() {
		if err := p.settle(ctx, name); err != nil {
			return have, false, err
		}
		have, exists, err = look[R](ctx, p, name)
	}
	if !exists {
		return have, false, err
	}
	return have, true, usable(name, have.GetState())
}

// look reads a resource as it is. It is false without a resource.
func look[R resource](ctx context.Context, p *applier, name string) (R, bool, error) {
	have, err := getOf[R](ctx, p.api, name)
	if statusOf(err).Code() == codes.NotFound {
		return have, false, nil
	}
	return have, err == nil, err
}

// settle follows the present work on a resource.
func (p *applier) settle(ctx context.Context, name string) error {
	if p.app.plan {
		return nil // a plan waits for nothing
	}
	r, err := p.api.operations.ListOperations(ctx, &longrunningpb.ListOperationsRequest{
		Name: p.tenantName(), Filter: fmt.Sprintf("done = false AND metadata.resource = %q", name), PageSize: 1,
	})
	if err != nil {
		return fmt.Errorf("look for the work on %s: %w", name, err)
	}
	for _, op := range r.GetOperations() {
		if _, err := p.app.wait(ctx, op); err != nil {
			return fmt.Errorf("wait for %s: %w", name, err)
		}
	}
	return nil
}

// unplanned shows a resource below one that is only planned. It is false when the platform can plan it.
func (p *applier) unplanned(name string, want proto.Message) (bool, error) {
	if p.unmade == "" {
		return false, nil
	}
	return true, p.app.printUnplanned(name, p.unmade, want)
}

func (p *applier) tenant(ctx context.Context) error {
	want, name := p.b.Tenant, p.tenantName()
	have, exists, err := settled[*tenantv1.Tenant](ctx, p, name)
	if err != nil {
		return err
	}
	if !exists {
		op, err := p.api.tenants.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: want.ID, Tenant: &tenantv1.Tenant{
			DisplayName: want.DisplayName, Labels: want.Labels, NetworkCidr: want.NetworkCIDR, DeletionProtection: said(want.DeletionProtection),
		}})
		return p.order(ctx, name, created, op, err)
	}
	if err := impossible(tenantConflicts(have, want)); err != nil {
		return err
	}
	mask := differing(have.GetDisplayName(), want.DisplayName, have.GetLabels(), want.Labels)
	mask = append(mask, differingProtection(have.GetDeletionProtection(), want.DeletionProtection)...)
	if len(mask) == 0 {
		p.did(name, unchanged, nil)
		return nil
	}
	op, err := p.api.tenants.UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{
		Tenant: &tenantv1.Tenant{
			Name: name, Etag: have.GetEtag(), DisplayName: want.DisplayName, Labels: want.Labels, DeletionProtection: said(want.DeletionProtection),
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
	})
	return p.order(ctx, name, updated, op, err)
}

func (p *applier) organisation(ctx context.Context) error {
	name := p.organisationName()
	want, err := p.wantedOrganisation()
	if err != nil {
		return err
	}
	if done, err := p.unplanned(name, want); done || err != nil {
		return err
	}
	have, exists, err := settled[*tenantv1.Organisation](ctx, p, name)
	if err != nil {
		return err
	}
	if !exists {
		return p.orderOrganisation(ctx, want)
	}
	if err := impossible(organisationConflicts(have, want.GetMode(), want.GetHubCidr())); err != nil {
		return err
	}
	mask := differing(have.GetDisplayName(), want.GetDisplayName(), have.GetLabels(), want.GetLabels())
	mask = append(mask, differingQuota(have.GetQuota(), want.GetQuota())...)
	mask = append(mask, differingProtection(have.GetDeletionProtection(), p.b.Organisation.DeletionProtection)...)
	if len(mask) == 0 {
		p.did(name, unchanged, nil)
		return nil
	}
	want.Name, want.Etag, want.Vpcs, want.HubCidr, want.Mode = name, have.GetEtag(), nil, "", 0
	op, err := p.api.organisations.UpdateOrganisation(ctx, &tenantv1.UpdateOrganisationRequest{
		Organisation: want, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
	})
	return p.order(ctx, name, updated, op, err)
}

// orderOrganisation orders the organisation with all its VPCs. After a refusal it removes a tenant that this apply created.
func (p *applier) orderOrganisation(ctx context.Context, want *tenantv1.Organisation) error {
	op, err := p.api.organisations.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
		Parent: p.tenantName(), OrganisationId: p.b.Organisation.ID, Organisation: want,
	})
	if refused(err) && len(p.changes) > 0 && p.changes[0].Result == created {
		return p.removeTenant(ctx, fmt.Errorf("create %s: %w", p.organisationName(), err))
	}
	if err == nil {
		for _, v := range p.b.VPCs {
			p.ordered[p.vpcName(v.ID)] = true
		}
	}
	return p.order(ctx, p.organisationName(), created, op, err)
}

// refused is true when the platform decided against an order, so that no work on it can be under way.
func refused(err error) bool {
	switch statusOf(err).Code() {
	case codes.InvalidArgument, codes.OutOfRange, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.ResourceExhausted,
		codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		return true
	default:
		return false
	}
}

// removeTenant removes the tenant of this apply for good. The platform refuses that for a tenant with content: then it stays.
func (p *applier) removeTenant(ctx context.Context, cause error) error {
	op, err := p.api.tenants.DeleteTenant(ctx, &tenantv1.DeleteTenantRequest{Name: p.tenantName(), Purge: true})
	if err == nil {
		_, err = p.app.follow(ctx, op, nil)
	}
	if err != nil {
		p.app.note("%s was created for it and could not be removed again: %v", p.tenantName(), err)
		return cause
	}
	p.changes = nil
	return undoneError{cause, p.tenantName()}
}

func (p *applier) wantedOrganisation() (*tenantv1.Organisation, error) {
	o := p.b.Organisation
	mode, err := modeOf(o.Mode)
	if err != nil {
		return nil, err
	}
	want := &tenantv1.Organisation{
		DisplayName: o.DisplayName, Labels: o.Labels, Mode: mode, HubCidr: o.HubCIDR, DeletionProtection: said(o.DeletionProtection),
		Quota: &tenantv1.Quota{
			Cores: o.Quota.Cores, RamMib: o.Quota.RAMMiB, Instances: o.Quota.Instances, Networks: o.Quota.Networks,
			Routers: o.Quota.Routers, Ports: o.Quota.Ports, SecurityGroups: o.Quota.SecurityGroups,
		},
	}
	for _, v := range p.b.VPCs {
		mode, err := modeOf(v.Mode)
		if err != nil {
			return nil, err
		}
		want.Vpcs = append(want.Vpcs, &tenantv1.VpcOrder{VpcId: v.ID, DisplayName: v.DisplayName, Mode: mode, Cidr: v.CIDR, Labels: v.Labels})
	}
	return want, nil
}

package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
)

func (a *app) applyCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Make what a blueprint describes and is not there yet", Args: exactly(0),
		Long: `apply makes what a blueprint describes: the tenant, the organisation with its VPCs in one order, and peerings.
What exists already is brought to the blueprint where it can change (display names, labels, quota, ingress rules,
deletion protection) and
is an error where it cannot (mode, CIDR). What the blueprint does not name is left alone. With --plan nothing is changed: the plan
of each resource is shown, as far as what it stands on is there; -o json writes one document each.`,
		Example: "  lowlayer apply -f deploy/blueprints/startup.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.async {
				return usageError{fmt.Errorf("apply orders one thing after the other, so it cannot be --async")}
			}
			text, err := a.readFile(file)
			if err != nil {
				return err
			}
			b, err := blueprint.Parse(text)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			return (&applier{app: a, api: api, b: b}).run(cmd.Context())
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "blueprint to apply; - reads standard input")
	cobra.CheckErr(cmd.MarkFlagRequired("file")) // fails only for a flag that is not defined
	return cmd
}

func (a *app) readFile(file string) ([]byte, error) {
	in := a.streams.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the blueprint: %w", err)}
		}
		defer func() { _ = f.Close() }() // only read
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, blueprint.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the blueprint: %w", err)
	}
	return text, nil
}

// applier brings the platform to a blueprint, one resource after the other.
type applier struct {
	app *app
	api *client
	b   *blueprint.Blueprint
	// unmade is, with --plan, what is only planned: nothing below it can be asked for.
	unmade string
	// unmadeVpc is a VPC that is only planned.
	unmadeVpc string
}

func (p *applier) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.tenant, p.organisation, p.vpcs, p.peerings} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *applier) tenantName() string { return resourcename.Tenant{Tenant: p.b.Tenant.ID}.String() }

func (p *applier) organisationName() string {
	return resourcename.Organisation{Tenant: p.b.Tenant.ID, Organisation: p.b.Organisation.ID}.String()
}

func (p *applier) vpcName(id string) string {
	return resourcename.Vpc{Tenant: p.b.Tenant.ID, Organisation: p.b.Organisation.ID, Vpc: id}.String()
}

// order follows one operation and says how it ended.
func (p *applier) order(ctx context.Context, name, what string, op *longrunningpb.Operation, err error) error {
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, name, err)
	}
	if p.app.plan {
		if what == "create" && p.unmade == "" {
			p.unmade = name
		}
		return p.app.printPlan(op)
	}
	if _, err := p.app.follow(ctx, op, nil); err != nil {
		return fmt.Errorf("%s %s: %w", what, name, err)
	}
	return p.app.println(fmt.Sprintf("%s %sd", name, what))
}

// settle follows the work that an earlier order of the resource has left under way.
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

// waits says that a resource cannot be planned before what it stands on is there.
func (p *applier) waits(name string) bool {
	if p.unmade == "" {
		return false
	}
	p.app.note("%s: its plan can be told once %s is there", name, p.unmade)
	return true
}

func (p *applier) same(name string) error { return p.app.println(name + " unchanged") }

func (p *applier) tenant(ctx context.Context) error {
	want, name := p.b.Tenant, p.tenantName()
	have, err := p.api.tenants.GetTenant(ctx, &tenantv1.GetTenantRequest{Name: name})
	if status.Code(err) == codes.NotFound {
		op, err := p.api.tenants.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: want.ID, Tenant: &tenantv1.Tenant{
			DisplayName: want.DisplayName, Labels: want.Labels, NetworkCidr: want.NetworkCIDR, DeletionProtection: said(want.DeletionProtection),
		}})
		return p.order(ctx, name, "create", op, err)
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", name, err)
	}
	if err := usable(name, have.GetState()); err != nil {
		return err
	}
	if have.GetReconciling() {
		if err := p.settle(ctx, name); err != nil {
			return err
		}
	}
	if want.NetworkCIDR != "" && want.NetworkCIDR != have.GetNetworkCidr() {
		return cannotChange(name, "networkCidr", have.GetNetworkCidr(), want.NetworkCIDR)
	}
	mask := differing(have.GetDisplayName(), want.DisplayName, have.GetLabels(), want.Labels)
	mask = append(mask, differingProtection(have.GetDeletionProtection(), want.DeletionProtection)...)
	if len(mask) == 0 {
		return p.same(name)
	}
	op, err := p.api.tenants.UpdateTenant(ctx, &tenantv1.UpdateTenantRequest{
		Tenant: &tenantv1.Tenant{
			Name: name, Etag: have.GetEtag(), DisplayName: want.DisplayName, Labels: want.Labels, DeletionProtection: said(want.DeletionProtection),
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
	})
	return p.order(ctx, name, "update", op, err)
}

func (p *applier) organisation(ctx context.Context) error {
	name := p.organisationName()
	if p.waits(name) {
		return nil
	}
	want, err := p.wantedOrganisation()
	if err != nil {
		return err
	}
	have, err := p.api.organisations.GetOrganisation(ctx, &tenantv1.GetOrganisationRequest{Name: name})
	if status.Code(err) == codes.NotFound {
		op, err := p.api.organisations.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
			Parent: p.tenantName(), OrganisationId: p.b.Organisation.ID, Organisation: want,
		})
		return p.order(ctx, name, "create", op, err)
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", name, err)
	}
	if err := usable(name, have.GetState()); err != nil {
		return err
	}
	if have.GetReconciling() {
		if err := p.settle(ctx, name); err != nil {
			return err
		}
	}
	if hub := want.GetHubCidr(); hub != "" && hub != have.GetHubCidr() {
		return cannotChange(name, "hubCidr", have.GetHubCidr(), hub)
	}
	if want.GetMode() != have.GetMode() {
		return cannotChange(name, "mode", have.GetMode().String(), want.GetMode().String())
	}
	mask := differing(have.GetDisplayName(), want.GetDisplayName(), have.GetLabels(), want.GetLabels())
	mask = append(mask, differingQuota(have.GetQuota(), want.GetQuota())...)
	mask = append(mask, differingProtection(have.GetDeletionProtection(), p.b.Organisation.DeletionProtection)...)
	if len(mask) == 0 {
		return p.same(name)
	}
	want.Name, want.Etag, want.Vpcs, want.HubCidr, want.Mode = name, have.GetEtag(), nil, "", 0
	op, err := p.api.organisations.UpdateOrganisation(ctx, &tenantv1.UpdateOrganisationRequest{
		Organisation: want, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
	})
	return p.order(ctx, name, "update", op, err)
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

// vpcs makes those the order of the organisation did not, and sets what an order cannot carry: ingress rules and protection.
func (p *applier) vpcs(ctx context.Context) error {
	for _, v := range p.b.VPCs {
		if err := p.vpc(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func (p *applier) vpc(ctx context.Context, v blueprint.VPC) error {
	name := p.vpcName(v.ID)
	if p.unmade == p.organisationName() {
		return nil // it is in the plan of the order
	}
	if p.waits(name) {
		return nil
	}
	mode, err := modeOf(v.Mode)
	if err != nil {
		return err
	}
	want := &networkv1.Vpc{
		DisplayName: v.DisplayName, Labels: v.Labels, Mode: mode, Cidr: v.CIDR, IngressRules: ingressRules(v.IngressRules),
		DeletionProtection: said(v.DeletionProtection),
	}
	have, err := p.api.vpcs.GetVpc(ctx, &networkv1.GetVpcRequest{Name: name})
	if status.Code(err) == codes.NotFound {
		op, err := p.api.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: p.organisationName(), VpcId: v.ID, Vpc: want})
		err = p.order(ctx, name, "create", op, err)
		p.newVpc(name)
		return err
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", name, err)
	}
	if mode != 0 && mode != have.GetMode() {
		return cannotChange(name, "mode", have.GetMode().String(), mode.String())
	}
	if v.CIDR != "" && v.CIDR != have.GetCidr() {
		return cannotChange(name, "cidr", have.GetCidr(), v.CIDR)
	}
	mask := differing(have.GetDisplayName(), v.DisplayName, have.GetLabels(), v.Labels)
	if !sameRules(have.GetIngressRules(), want.GetIngressRules()) {
		mask = append(mask, "ingress_rules")
	}
	mask = append(mask, differingProtection(have.GetDeletionProtection(), v.DeletionProtection)...)
	if len(mask) == 0 {
		return p.same(name)
	}
	want.Name, want.Etag, want.Cidr, want.Mode = name, have.GetEtag(), "", 0
	op, err := p.api.vpcs.UpdateVpc(ctx, &networkv1.UpdateVpcRequest{Vpc: want, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask}})
	return p.order(ctx, name, "update", op, err)
}

// newVpc remembers a VPC that is only planned: its siblings can be planned beside it, peerings of it cannot.
func (p *applier) newVpc(name string) {
	if p.app.plan {
		p.unmade, p.unmadeVpc = "", name
	}
}

// peerings asks for and accepts each: the owner of a blueprint speaks for both sides.
func (p *applier) peerings(ctx context.Context) error {
	if p.unmade == "" {
		p.unmade = p.unmadeVpc
	}
	for _, w := range p.b.Peerings {
		name := resourcename.Peering{Tenant: p.b.Tenant.ID, Peering: w.ID}.String()
		if p.waits(name) {
			continue
		}
		have, err := p.api.peerings.GetPeering(ctx, &networkv1.GetPeeringRequest{Name: name})
		if status.Code(err) == codes.NotFound {
			op, err := p.api.peerings.CreatePeering(ctx, &networkv1.CreatePeeringRequest{
				Parent: p.tenantName(), PeeringId: w.ID, Peering: &networkv1.Peering{Vpc: p.vpcName(w.VPC), PeerVpc: p.vpcName(w.Peer)},
			})
			if err := p.order(ctx, name, "create", op, err); err != nil {
				return err
			}
			if p.app.plan {
				p.unmade = ""
				p.app.note("%s: its acceptance can be planned once it is there", name)
				continue
			}
		} else if err != nil {
			return fmt.Errorf("get %s: %w", name, err)
		} else if err := sameEnds(have, p.vpcName(w.VPC), p.vpcName(w.Peer)); err != nil {
			return err // to accept it would open another VPC than the blueprint says
		}
		if have.GetAcceptance() == networkv1.Peering_ACCEPTED {
			if err := p.same(name); err != nil {
				return err
			}
			continue
		}
		op, err := p.api.peerings.AcceptPeering(ctx, &networkv1.AcceptPeeringRequest{Name: name})
		if err != nil {
			return fmt.Errorf("accept %s: %w", name, err)
		}
		if p.app.plan {
			if err := p.app.printPlan(op); err != nil {
				return err
			}
			continue
		}
		if _, err := p.app.follow(ctx, op, nil); err != nil {
			return fmt.Errorf("accept %s: %w", name, err)
		}
		if err := p.app.println(name + " accepted"); err != nil {
			return err
		}
	}
	return nil
}

// sameEnds refuses a peering of other VPCs than the blueprint's; which of the two asked does not matter.
func sameEnds(have *networkv1.Peering, vpc, peer string) error {
	if have.GetVpc() == vpc && have.GetPeerVpc() == peer || have.GetVpc() == peer && have.GetPeerVpc() == vpc {
		return nil
	}
	return cannotChange(have.GetName(), "ends", have.GetVpc()+" and "+have.GetPeerVpc(), vpc+" and "+peer)
}

func ingressRules(list []blueprint.IngressRule) []*networkv1.IngressRule {
	var out []*networkv1.IngressRule
	for _, r := range list {
		out = append(out, &networkv1.IngressRule{
			Name: r.Name, Protocol: networkv1.IngressRule_Protocol(networkv1.IngressRule_Protocol_value[r.Protocol]),
			PortMin: r.PortMin, PortMax: r.PortMax, SourceCidr: r.SourceCIDR,
		})
	}
	return out
}

func sameRules(a, b []*networkv1.IngressRule) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !proto.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// differing are the mask paths of what the blueprint says and the platform has otherwise; what it leaves out stays.
func differing(haveName, wantName string, haveLabels, wantLabels map[string]string) []string {
	var mask []string
	if wantName != "" && wantName != haveName {
		mask = append(mask, "display_name")
	}
	if wantLabels != nil && !maps.Equal(haveLabels, wantLabels) {
		mask = append(mask, "labels")
	}
	return mask
}

// differingProtection is the mask path of a protection that the blueprint says otherwise.
func differingProtection(have bool, want *bool) []string {
	if want == nil || *want == have {
		return nil
	}
	return []string{"deletion_protection"}
}

// said is false for what the blueprint does not say.
func said(b *bool) bool { return b != nil && *b }

func differingQuota(have, want *tenantv1.Quota) []string {
	var mask []string
	add := func(path string, have, want int32) {
		if want != 0 && want != have {
			mask = append(mask, "quota."+path)
		}
	}
	add("cores", have.GetCores(), want.GetCores())
	add("ram_mib", have.GetRamMib(), want.GetRamMib())
	add("instances", have.GetInstances(), want.GetInstances())
	add("networks", have.GetNetworks(), want.GetNetworks())
	add("routers", have.GetRouters(), want.GetRouters())
	add("ports", have.GetPorts(), want.GetPorts())
	add("security_groups", have.GetSecurityGroups(), want.GetSecurityGroups())
	return mask
}

func usable(name string, state typev1.State) error {
	switch state {
	case typev1.State_DELETED, typev1.State_DELETING:
		return fmt.Errorf("%s is %s: undelete it, or wait until it is gone", name, state)
	case typev1.State_SUSPENDED:
		return fmt.Errorf("%s is suspended: resume it first", name)
	}
	return nil
}

func cannotChange(name, field, have, want string) error {
	return status.Errorf(codes.FailedPrecondition, "%s has %s %s and the blueprint says %s; it cannot change: correct the blueprint, or make another resource", name, field, have, want)
}

package cli

import (
	"context"
	"fmt"
	"strings"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
)

// impossibleError is a blueprint with changes that existing resources do not allow.
type impossibleError struct {
	conflicts []string
	// early is true before the first order.
	early bool
}

func (e impossibleError) Error() string {
	return strings.Join(append([]string{e.summary()}, e.conflicts...), "\n  ")
}

func (e impossibleError) summary() string {
	text := "the blueprint asks for a change that is not possible"
	if n := len(e.conflicts); n > 1 {
		text = fmt.Sprintf("the blueprint asks for %d changes that are not possible", n)
	}
	if e.early {
		text += "; nothing was ordered"
	}
	return text
}

func impossible(conflicts []string) error {
	if len(conflicts) == 0 {
		return nil
	}
	return impossibleError{conflicts: conflicts}
}

// check compares the whole blueprint with existing resources, so that an impossible one orders nothing.
func (p *applier) check(ctx context.Context) error {
	conflicts, err := p.conflicts(ctx)
	if err != nil || len(conflicts) == 0 {
		return err
	}
	return impossibleError{conflicts, true}
}

func (p *applier) conflicts(ctx context.Context) ([]string, error) {
	tenant, exists, err := look[*tenantv1.Tenant](ctx, p, p.tenantName())
	if err != nil || !exists {
		return nil, err // resources in it do not exist either
	}
	found := conflictsOf(tenant, tenantConflicts(tenant, p.b.Tenant))
	organisation, exists, err := look[*tenantv1.Organisation](ctx, p, p.organisationName())
	if err != nil {
		return nil, err
	}
	if exists {
		mode, err := modeOf(p.b.Organisation.Mode)
		if err != nil {
			return nil, err
		}
		found = append(found, conflictsOf(organisation, organisationConflicts(organisation, mode, p.b.Organisation.HubCIDR))...)
		vpcs, err := p.conflictsOfVpcs(ctx)
		if err != nil {
			return nil, err
		}
		found = append(found, vpcs...)
	}
	for _, w := range p.b.Peerings {
		name := p.peeringName(w.ID)
		have, exists, err := look[*networkv1.Peering](ctx, p, name)
		if err != nil {
			return nil, err
		}
		if exists {
			found = append(found, conflictsOf(have, peeringConflicts(have, p.vpcName(w.VPC), p.vpcName(w.Peer)))...)
		}
	}
	return found, nil
}

func (p *applier) conflictsOfVpcs(ctx context.Context) ([]string, error) {
	var found []string
	for _, v := range p.b.VPCs {
		mode, err := modeOf(v.Mode)
		if err != nil {
			return nil, err
		}
		name := p.vpcName(v.ID)
		have, exists, err := look[*networkv1.Vpc](ctx, p, name)
		if err != nil {
			return nil, err
		}
		if exists {
			found = append(found, conflictsOf(have, vpcConflicts(have, mode, v.CIDR))...)
		}
	}
	return found, nil
}

// conflictsOf returns the conflict of a resource's state, or else those of its fields. A resource under deletion has none: it is
// created anew once it is gone.
func conflictsOf(have resource, fields []string) []string {
	if have.GetReconciling() {
		if have.GetState() == typev1.State_DELETING {
			return nil
		}
		return fields
	}
	if err := usable(have.GetName(), have.GetState()); err != nil {
		return []string{statusOf(err).Message()}
	}
	return fields
}

func tenantConflicts(have *tenantv1.Tenant, want blueprint.Tenant) []string {
	return differ(have, "networkCidr", have.GetNetworkCidr(), want.NetworkCIDR)
}

func organisationConflicts(have *tenantv1.Organisation, mode typev1.ResourceMode, hubCIDR string) []string {
	return append(differ(have, "hubCidr", have.GetHubCidr(), hubCIDR), differingMode(have, mode)...)
}

// vpcConflicts takes an empty mode for the present one.
func vpcConflicts(have *networkv1.Vpc, mode typev1.ResourceMode, cidr string) []string {
	return append(differingMode(have, mode), differ(have, "cidr", have.GetCidr(), cidr)...)
}

// peeringConflicts refuses a peering of other VPCs than the blueprint's; their order does not matter.
func peeringConflicts(have *networkv1.Peering, vpc, peer string) []string {
	if have.GetVpc() == vpc && have.GetPeerVpc() == peer || have.GetVpc() == peer && have.GetPeerVpc() == vpc {
		return nil
	}
	return differ(have, "ends", have.GetVpc()+" and "+have.GetPeerVpc(), vpc+" and "+peer)
}

func differingMode(have interface {
	resource
	GetMode() typev1.ResourceMode
}, want typev1.ResourceMode,
) []string {
	if want == typev1.ResourceMode_RESOURCE_MODE_UNSPECIFIED {
		return nil
	}
	return differ(have, "mode", have.GetMode().String(), want.String())
}

// differ refuses another value of a field that cannot change; a field that the blueprint leaves out stays.
func differ(r resource, field, have, want string) []string {
	if want == "" || want == have {
		return nil
	}
	return []string{fmt.Sprintf("%s has %s %s and the blueprint says %s; it cannot change: correct the blueprint, or make another resource", r.GetName(), field, have, want)}
}

func (p *applier) peeringName(id string) string {
	return resourcename.Peering{Tenant: p.b.Tenant.ID, Peering: id}.String()
}

package cli

import (
	"maps"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
)

func ingressRules(list []blueprint.IngressRule) []*networkv1.IngressRule {
	var out []*networkv1.IngressRule
	for _, r := range list {
		if r.PortMax == 0 { // as the platform returns it: otherwise the two would seem to differ
			r.PortMax = r.PortMin
		}
		out = append(out, &networkv1.IngressRule{
			Name: r.Name, Protocol: networkv1.IngressRule_Protocol(networkv1.IngressRule_Protocol_value[r.Protocol]),
			PortMin: r.PortMin, PortMax: r.PortMax, SourceCidr: r.SourceCIDR,
		})
	}
	return out
}

func sameRules(a, b []*networkv1.IngressRule) bool {
	return slices.EqualFunc(a, b, func(x, y *networkv1.IngressRule) bool { return proto.Equal(x, y) })
}

// differing are the mask paths of fields that differ; a field that the blueprint leaves out stays.
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

// differingProtection is the mask path of a protection that differs.
func differingProtection(have bool, want *bool) []string {
	if want == nil || *want == have {
		return nil
	}
	return []string{"deletion_protection"}
}

// said is false for a protection that the blueprint leaves out.
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
		return status.Errorf(codes.FailedPrecondition, "%s is %s: undelete it, or wait until it is gone", name, state)
	case typev1.State_SUSPENDED:
		return status.Errorf(codes.FailedPrecondition, "%s is suspended: resume it first", name)
	}
	return nil
}

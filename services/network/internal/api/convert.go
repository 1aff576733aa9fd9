package api

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/drift"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// VpcMessage is a VPC as the API shows it.
func VpcMessage(v vpc.Vpc) *networkv1.Vpc {
	m := &networkv1.Vpc{
		Name: v.Name.String(), Uid: v.UID, DisplayName: v.DisplayName, Labels: v.Labels, Mode: convert.Mode(v.Mode), Cidr: v.CIDR.String(),
		State: convert.State(v.Status.State), Conditions: convert.Conditions(v.Status.Conditions), Blockage: convert.Blockage(v.Status.Blockage),
		Reconciling: v.Status.Reconciling, Etag: v.Etag(), CreateTime: convert.Time(v.Created), UpdateTime: convert.Time(v.Updated),
		Cloud: &networkv1.VpcCloudRefs{
			ProjectId: v.ProjectID, NetworkId: v.Cloud.NetworkID, SubnetId: v.Cloud.SubnetID, RouterId: v.Cloud.RouterID,
			TransitNetworkId: v.Cloud.TransitNetworkID, TransitCidr: v.Transit.String(), SecurityGroupId: v.Cloud.SecurityGroupID,
		},
		DeletionProtection: v.Protected,
	}
	for _, r := range v.Ingress {
		m.IngressRules = append(m.IngressRules, &networkv1.IngressRule{
			Name: r.Name, Protocol: protocolMessage(r.Protocol), PortMin: int32(r.PortMin), PortMax: int32(r.PortMax),
			SourceCidr: r.Source.String(),
		})
	}
	return m
}

// HubMessage is a hub as the API shows it.
func HubMessage(h hub.Hub) *networkv1.Hub {
	return &networkv1.Hub{
		Name: h.Name.String(), Uid: h.UID, Mode: convert.Mode(h.Mode), Cidr: h.CIDR.String(),
		State: convert.State(h.Status.State), Conditions: convert.Conditions(h.Status.Conditions), Blockage: convert.Blockage(h.Status.Blockage),
		Reconciling: h.Status.Reconciling, Etag: h.Etag(), CreateTime: convert.Time(h.Created), UpdateTime: convert.Time(h.Updated),
		Cloud: &networkv1.HubCloudRefs{
			ProjectId: h.ProjectID, NetworkId: h.Cloud.NetworkID, SubnetId: h.Cloud.SubnetID, RouterId: h.Cloud.RouterID,
			SecurityGroupId: h.Cloud.SecurityGroupID,
		},
	}
}

// PeeringMessage is a peering as the API shows it.
func PeeringMessage(p peering.Peering) *networkv1.Peering {
	return &networkv1.Peering{
		Name: p.Name.String(), Uid: p.UID, Vpc: p.Vpc.String(), PeerVpc: p.Peer.String(),
		Acceptance: networkv1.Peering_Acceptance(networkv1.Peering_Acceptance_value[string(p.Acceptance)]),
		State:      convert.State(p.Status.State), Conditions: convert.Conditions(p.Status.Conditions), Blockage: convert.Blockage(p.Status.Blockage),
		Reconciling: p.Status.Reconciling, Etag: p.Etag(), CreateTime: convert.Time(p.Created), UpdateTime: convert.Time(p.Updated),
		LinkCidr: p.Link.String(),
	}
}

// findingMessage is a drift finding as the API shows it.
func findingMessage(f drift.Finding) *networkv1.DriftFinding {
	m := &networkv1.DriftFinding{
		Name:     resourcename.Tenant{Tenant: f.Tenant}.String() + "/driftFindings/" + f.UID,
		Resource: f.Resource, Kind: networkv1.DriftFinding_Kind(networkv1.DriftFinding_Kind_value[string(f.Kind)]),
		ObjectType: f.ObjectType, ObjectId: f.ObjectID, Detail: f.Detail, Operation: f.Operation,
		FirstSeenTime: timestamppb.New(f.FirstSeen), LastSeenTime: timestamppb.New(f.LastSeen),
	}
	m.ResolveTime = convert.Time(f.Resolved)
	return m
}

func protocolMessage(p vpc.Protocol) networkv1.IngressRule_Protocol {
	switch p {
	case vpc.TCP:
		return networkv1.IngressRule_TCP
	case vpc.UDP:
		return networkv1.IngressRule_UDP
	case vpc.ICMP:
		return networkv1.IngressRule_ICMP
	default:
		return networkv1.IngressRule_PROTOCOL_UNSPECIFIED
	}
}

func protocolOf(p networkv1.IngressRule_Protocol) vpc.Protocol {
	switch p {
	case networkv1.IngressRule_TCP:
		return vpc.TCP
	case networkv1.IngressRule_UDP:
		return vpc.UDP
	case networkv1.IngressRule_ICMP:
		return vpc.ICMP
	default:
		return vpc.Any
	}
}

func rulesOf(in []*networkv1.IngressRule) ([]vpc.IngressRule, error) {
	inputs := make([]vpc.RuleInput, len(in))
	for i, r := range in {
		inputs[i] = vpc.RuleInput{
			Name: r.GetName(), Protocol: protocolOf(r.GetProtocol()), PortMin: int(r.GetPortMin()), PortMax: int(r.GetPortMax()),
			Source: r.GetSourceCidr(),
		}
	}
	return vpc.Rules("vpc.ingress_rules", inputs)
}

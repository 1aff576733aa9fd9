package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

func reportMessage(name string, r isolation.Report) *networkv1.IsolationReport {
	return &networkv1.IsolationReport{
		Name: name, Verdict: isolationVerdict(r.Verdict), ObserveTime: timestamppb.New(r.Time), PairCount: int32(r.PairCount),
		ReachablePairCount: int32(r.Reachable), ViolatedPairCount: int32(r.Violated), Pairs: convert.All(r.Pairs, pairMessage),
		Offenders: convert.All(r.Offenders, offenderMessage), Tenants: convert.All(r.Tenants, tenantIsolationMessage),
		Unobserved: r.Unobserved, Message: r.Message,
	}
}

func isolationVerdict(v isolation.Verdict) networkv1.IsolationReport_Verdict {
	return networkv1.IsolationReport_Verdict(networkv1.IsolationReport_Verdict_value[string(v)])
}

func tenantIsolationMessage(s isolation.Summary) *networkv1.TenantIsolation {
	return &networkv1.TenantIsolation{
		Tenant: resourcename.Tenant{Tenant: s.Tenant}.String(), Verdict: isolationVerdict(s.Verdict), PairCount: int32(s.PairCount),
		ViolatedPairCount: int32(s.Violated), OffenderCount: int32(s.Offenders),
	}
}

func offenderMessage(o isolation.Offender) *networkv1.IsolationOffender {
	return &networkv1.IsolationOffender{Resource: o.Resource, ObjectType: o.ObjectType, ObjectId: o.ObjectID, Detail: o.Detail}
}

func pairMessage(p isolation.Pair) *networkv1.IsolationPair {
	return &networkv1.IsolationPair{
		Source: p.Source, Destination: p.Destination, Verdict: isolationVerdict(p.Verdict), Reachable: len(p.Observed) > 0, Expected: len(p.Expected) > 0,
		ObservedTraffic: p.Observed, ExpectedTraffic: p.Expected, OneWay: p.OneWay, Message: p.Message, Forward: pathMessage(p.Forward),
		Back: pathMessage(p.Back), Rules: convert.All(p.Rules, ruleMessage), Offenders: convert.All(p.Offenders, offenderMessage),
	}
}

// pathMessage is nil for no path.
func pathMessage(p reachability.Path) *networkv1.ReachabilityPath {
	if p.Outcome == "" {
		return nil
	}
	return &networkv1.ReachabilityPath{
		Outcome: networkv1.ReachabilityPath_Outcome(networkv1.ReachabilityPath_Outcome_value[string(p.Outcome)]),
		Hops:    convert.All(p.Hops, hopMessage), NetworkId: p.Network.ID, PortId: p.Port.ID,
	}
}

func hopMessage(h reachability.Hop) *networkv1.ReachabilityHop {
	m := &networkv1.ReachabilityHop{RouterId: h.Router.ID, RouterName: h.Router.Name, NetworkId: h.Network.ID, InPortId: h.In.ID, OutPortId: h.Out.ID}
	if h.Route != nil {
		m.Kind = networkv1.ReachabilityHop_Kind(networkv1.ReachabilityHop_Kind_value[string(h.Route.Kind)])
		m.Destination = h.Route.Destination.String()
		if h.Route.NextHop.IsValid() {
			m.NextHop = h.Route.NextHop.String()
		}
	}
	return m
}

func ruleMessage(r reachability.Match) *networkv1.SecurityRule {
	direction := "ingress "
	if r.Rule.Egress {
		direction = "egress "
	}
	return &networkv1.SecurityRule{
		Id: r.Rule.ID, GroupId: r.Group.ID, GroupName: r.Group.Name, Detail: direction + r.Rule.Traffic(), Description: r.Rule.Description,
	}
}

func decisionMessage(d reachability.Decision) *networkv1.SecurityDecision {
	return &networkv1.SecurityDecision{
		Allowed: d.Allowed, Rules: convert.All(d.Rules, ruleMessage), Unchecked: d.Unchecked,
		GroupIds: convert.All(d.Groups, func(g reachability.Ref) string { return g.ID }),
	}
}

func partyMessage(p isolation.Party) *networkv1.ReachabilityEnd {
	return &networkv1.ReachabilityEnd{Resource: p.Resource, NetworkId: p.Network, Address: p.IP.String(), PortId: p.Port, DeviceId: p.DeviceID}
}

func explanationMessage(e isolation.Explanation, observed time.Time) *networkv1.WhyReachableResponse {
	return &networkv1.WhyReachableResponse{
		Verdict: networkv1.WhyReachableResponse_Verdict(networkv1.WhyReachableResponse_Verdict_value[string(e.Verdict)]),
		Message: e.Message, Steps: e.Steps, Source: partyMessage(e.Source), Destination: partyMessage(e.Destination),
		Egress: decisionMessage(e.Egress), Forward: pathMessage(e.Forward), Ingress: decisionMessage(e.Ingress), Back: pathMessage(e.Back),
		ObserveTime: timestamppb.New(observed),
	}
}

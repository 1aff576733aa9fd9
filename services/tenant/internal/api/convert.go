package api

import (
	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Renderer makes the messages of resources for events, audit records and the ends of operations.
type Renderer struct{}

// Tenant is a tenant as the API shows it.
func (Renderer) Tenant(t tenancy.Tenant) proto.Message { return tenantToProto(t) }

// Organisation is an organisation as the API shows it.
func (Renderer) Organisation(o tenancy.Organisation) proto.Message { return organisationToProto(o) }

// Member is a member as the API shows them.
func (Renderer) Member(m member.Member) proto.Message { return memberToProto(m) }

// Account is a service account as the API shows it.
func (Renderer) Account(a member.Account) proto.Message { return accountToProto(a) }

func tenantToProto(t tenancy.Tenant) *tenantv1.Tenant {
	return &tenantv1.Tenant{
		Name:               t.Name(),
		Uid:                t.UID,
		DisplayName:        t.DisplayName,
		Labels:             t.Labels,
		NetworkCidr:        t.NetworkCIDR,
		State:              convert.State(t.Status.State),
		Conditions:         withSuspension(convert.Conditions(t.Status.Conditions), t),
		Blockage:           convert.Blockage(t.Status.Blockage),
		Reconciling:        t.Status.Reconciling,
		Etag:               t.Etag(),
		CreateTime:         convert.Time(t.CreateTime),
		UpdateTime:         convert.Time(t.UpdateTime),
		DeleteTime:         convert.Time(t.DeleteTime),
		PurgeTime:          convert.Time(t.PurgeTime),
		OpenstackDomainId:  t.DomainID,
		DeletionProtection: t.Protected,
	}
}

// withSuspension shows why a tenant is switched off.
func withSuspension(conditions []*typev1.Condition, t tenancy.Tenant) []*typev1.Condition {
	if !t.Suspended {
		return conditions
	}
	return append(conditions, &typev1.Condition{
		Type: "Suspended", Status: "True", Reason: "Requested", Message: t.SuspendReason,
		LastTransitionTime: convert.Time(t.UpdateTime),
	})
}

func organisationToProto(o tenancy.Organisation) *tenantv1.Organisation {
	return &tenantv1.Organisation{
		Name:               o.Name(),
		Uid:                o.UID,
		DisplayName:        o.DisplayName,
		Labels:             o.Labels,
		Mode:               convert.Mode(o.Mode),
		HubCidr:            o.HubCIDR,
		Quota:              quotaToProto(o.Quota),
		State:              convert.State(o.Status.State),
		Conditions:         convert.Conditions(o.Status.Conditions),
		Blockage:           convert.Blockage(o.Status.Blockage),
		Reconciling:        o.Status.Reconciling,
		Etag:               o.Etag(),
		CreateTime:         convert.Time(o.CreateTime),
		UpdateTime:         convert.Time(o.UpdateTime),
		DeleteTime:         convert.Time(o.DeleteTime),
		PurgeTime:          convert.Time(o.PurgeTime),
		OpenstackProjectId: o.ProjectID,
		Credential:         credentialToProto(o.Credential),
		DeletionProtection: o.Protected,
	}
}

func credentialToProto(c tenancy.Credential) *tenantv1.Credential {
	if c.ID == "" {
		return nil
	}
	return &tenantv1.Credential{Id: c.ID, CreateTime: convert.Time(c.CreateTime), ExpireTime: convert.Time(c.ExpireTime)}
}

func quotaToProto(q tenancy.Quota) *tenantv1.Quota {
	if q == (tenancy.Quota{}) {
		return nil
	}
	return &tenantv1.Quota{
		Cores: q.Cores, RamMib: q.RAMMiB, Instances: q.Instances, Networks: q.Networks,
		Routers: q.Routers, Ports: q.Ports, SecurityGroups: q.SecurityGroups,
	}
}

func quotaFromProto(q *tenantv1.Quota) tenancy.Quota {
	return tenancy.Quota{
		Cores: q.GetCores(), RAMMiB: q.GetRamMib(), Instances: q.GetInstances(), Networks: q.GetNetworks(),
		Routers: q.GetRouters(), Ports: q.GetPorts(), SecurityGroups: q.GetSecurityGroups(),
	}
}

func vpcsFromProto(in []*tenantv1.VpcOrder) []tenancy.VPCOrder {
	out := make([]tenancy.VPCOrder, len(in))
	for i, v := range in {
		out[i] = tenancy.VPCOrder{
			ID: v.GetVpcId(), DisplayName: v.GetDisplayName(), Mode: convert.ModeOf(v.GetMode()), CIDR: v.GetCidr(), Labels: v.GetLabels(),
		}
	}
	return out
}

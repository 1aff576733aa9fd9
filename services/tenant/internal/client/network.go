// Package client reaches other services.
//
// Work that a step orders goes through libs/peer. The methods here are reads that a caller waits for: without a response
// from the other service they fail with UNAVAILABLE, which says that nothing was changed.
package client

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	internalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/peer"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// page is the largest page of the network service.
const page = 1000

// Network is the network service.
type Network struct {
	*peer.Service
	Foundation internalv1.FoundationServiceClient
	VPCs       networkv1.VpcServiceClient
	peerings   networkv1.PeeringServiceClient
}

// NewNetwork reaches the network service over a connection.
func NewNetwork(to grpc.ClientConnInterface) *Network {
	s := peer.New("network", to)
	return &Network{
		Service: s, Foundation: internalv1.NewFoundationServiceClient(s.Conn()), VPCs: networkv1.NewVpcServiceClient(s.Conn()),
		peerings: networkv1.NewPeeringServiceClient(s.Conn()),
	}
}

// CheckOrder returns nil when the networks could be made now, otherwise the error that the order would meet.
func (n *Network) CheckOrder(ctx context.Context, tenantID string, networks []tenancy.NetworkOrder) error {
	req := &internalv1.CheckOrderRequest{Tenant: resourcename.Tenant{Tenant: tenantID}.String()}
	for _, o := range networks {
		req.Networks = append(req.Networks, &internalv1.NetworkOrder{Field: o.Field, Cidr: o.CIDR, Hub: o.Hub})
	}
	_, err := n.Foundation.CheckOrder(ctx, req)
	return n.Unavailable("check order", err)
}

// SetQuota sets what the project of an organisation may hold.
func (n *Network) SetQuota(ctx context.Context, organisation string, q tenancy.Quota) error {
	_, err := n.Foundation.SetQuota(ctx, &internalv1.SetQuotaRequest{Organisation: organisation, Quota: &internalv1.ProjectQuota{
		Networks: q.Networks, Routers: q.Routers, Ports: q.Ports, SecurityGroups: q.SecurityGroups,
	}})
	if err != nil {
		return fmt.Errorf("set quota at the network service: %w", grpcerr.FromError(err))
	}
	return nil
}

// ListVPCs lists the VPCs of an organisation: none for one that the network service does not know.
func (n *Network) ListVPCs(ctx context.Context, organisation string) ([]*networkv1.Vpc, error) {
	out, err := n.list(ctx, &networkv1.ListVpcsRequest{Parent: organisation})
	return out, ignoreAbsent(err)
}

// VPCUIDs are the unique ids of an organisation's VPCs by their names. It fails with NOT_FOUND for an organisation that the
// network service does not know.
func (n *Network) VPCUIDs(ctx context.Context, organisation string) (map[string]string, error) {
	vpcs, err := n.list(ctx, &networkv1.ListVpcsRequest{Parent: organisation})
	out := make(map[string]string, len(vpcs))
	for _, v := range vpcs {
		out[v.GetName()] = v.GetUid()
	}
	return out, err
}

// VPCNames are the names of an organisation's VPCs.
func (n *Network) VPCNames(ctx context.Context, organisation string) ([]string, error) {
	vpcs, err := n.ListVPCs(ctx, organisation)
	return names(vpcs), err
}

// ProtectedVPCs are the names of an organisation's VPCs that are protected against deletion; with
// `tenants/<tenant>/organisations/-` those of the whole tenant.
func (n *Network) ProtectedVPCs(ctx context.Context, organisation string) ([]string, error) {
	vpcs, err := n.list(ctx, &networkv1.ListVpcsRequest{Parent: organisation, Filter: "deletion_protection = true"})
	return names(vpcs), ignoreAbsent(err)
}

func (n *Network) list(ctx context.Context, req *networkv1.ListVpcsRequest) ([]*networkv1.Vpc, error) {
	var out []*networkv1.Vpc
	req.PageSize = page
	for {
		resp, err := n.VPCs.ListVpcs(ctx, req)
		if err != nil {
			return nil, n.Unavailable("list vpcs", err)
		}
		out = append(out, resp.GetVpcs()...)
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return out, nil
		}
	}
}

func names(vpcs []*networkv1.Vpc) []string {
	out := make([]string, len(vpcs))
	for i, v := range vpcs {
		out[i] = v.GetName()
	}
	return out
}

func ignoreAbsent(err error) error {
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil
	}
	return err
}

// Removal returns the objects and the usage that end with every network of a tenant or organisation.
func (n *Network) Removal(ctx context.Context, name string) (out provision.Preview, err error) {
	resp, err := n.Foundation.PreviewRemoval(ctx, &internalv1.PreviewRemovalRequest{Name: name})
	if err != nil {
		return out, n.Unavailable("preview removal", err)
	}
	for _, o := range resp.GetObjects() {
		out.Objects = append(out.Objects, provision.PlannedObject{
			Action: provision.PlanDelete, Step: o.GetStep(), Title: o.GetTitle(), Type: o.GetType(), ID: o.GetId(), Name: o.GetName(),
			Resource: o.GetResource(), Service: o.GetService(),
		})
	}
	for _, u := range resp.GetUsage() {
		out.Usage = append(out.Usage, usage.Effect{
			Resource: u.GetResource(), Meter: u.GetMeter(), Mode: convert.ModeOf(u.GetMode()), Before: u.GetQuantityBefore(), After: u.GetQuantityAfter(),
		})
	}
	return out, nil
}

// DeletePeerings orders the deletion of every peering of a VPC and returns how many are left.
func (n *Network) DeletePeerings(ctx context.Context, vpc resourcename.Vpc) (int, error) {
	left := 0
	req := &networkv1.ListPeeringsRequest{Parent: resourcename.Tenant{Tenant: vpc.Tenant}.String(), PageSize: page}
	for {
		resp, err := n.peerings.ListPeerings(ctx, req)
		if err != nil {
			return left, ignoreAbsent(n.Unavailable("list peerings", err))
		}
		for _, p := range resp.GetPeerings() {
			if p.GetVpc() != vpc.String() && p.GetPeerVpc() != vpc.String() {
				continue
			}
			left++
			if p.GetState() == typev1.State_DELETING {
				continue
			}
			_, err := n.peerings.DeletePeering(ctx, &networkv1.DeletePeeringRequest{Name: p.GetName()})
			if known := grpcerr.FromError(err); known != nil && known.Code != errs.CodeNotFound {
				return left, known
			}
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return left, nil
		}
	}
}

// Package client reaches other services' RPCs behind the ports of the core.
//
// It promises one RPC per method, but for lists, which follow every page. Errors are errs.Error as the other service made
// them; one that came about on the way there is UNAVAILABLE and says whether the call may have been carried out.
package client

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	internalv1 "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/tenant/internal/core/network"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Network is the network service.
type Network struct {
	foundation internalv1.FoundationServiceClient
	vpcs       networkv1.VpcServiceClient
	peerings   networkv1.PeeringServiceClient
	operations operationv1.OperationServiceClient
}

var _ network.Service = (*Network)(nil)

// NewNetwork reaches the network service over a connection. Each call says on whose behalf the work is that makes it.
func NewNetwork(to grpc.ClientConnInterface) *Network {
	conn := behalf.Conn(to)
	return &Network{
		foundation: internalv1.NewFoundationServiceClient(conn),
		vpcs:       networkv1.NewVpcServiceClient(conn),
		peerings:   networkv1.NewPeeringServiceClient(conn),
		operations: operationv1.NewOperationServiceClient(conn),
	}
}

// EnsureBoundary makes the boundary of a tenant.
func (n *Network) EnsureBoundary(ctx context.Context, b network.Boundary) (network.Work, error) {
	return work("ensure boundary")(n.foundation.EnsureBoundary(ctx, &internalv1.EnsureBoundaryRequest{
		Tenant: b.Tenant, TenantUid: b.TenantUID, NetworkCidr: b.NetworkCIDR, RequestId: b.RequestID,
	}))
}

// DeleteBoundary removes the boundary of a tenant.
func (n *Network) DeleteBoundary(ctx context.Context, tenant, requestID string) (network.Work, error) {
	return work("delete boundary")(n.foundation.DeleteBoundary(ctx, &internalv1.DeleteBoundaryRequest{Tenant: tenant, RequestId: requestID}))
}

// EnsureHub makes the hub of an organisation.
func (n *Network) EnsureHub(ctx context.Context, h network.Hub) (network.Work, error) {
	return work("ensure hub")(n.foundation.EnsureHub(ctx, &internalv1.EnsureHubRequest{
		Organisation: h.Organisation, OrganisationUid: h.OrganisationUID, ProjectId: h.ProjectID, Mode: mode(h.Mode),
		Cidr: h.CIDR, RequestId: h.RequestID,
	}))
}

// DeleteHub removes the hub of an organisation.
func (n *Network) DeleteHub(ctx context.Context, organisation, requestID string) (network.Work, error) {
	return work("delete hub")(n.foundation.DeleteHub(ctx, &internalv1.DeleteHubRequest{Organisation: organisation, RequestId: requestID}))
}

// SetQuota tells what the project of an organisation may hold.
func (n *Network) SetQuota(ctx context.Context, organisation string, q tenancy.Quota) error {
	_, err := n.foundation.SetQuota(ctx, &internalv1.SetQuotaRequest{Organisation: organisation, Quota: &internalv1.ProjectQuota{
		Networks: q.Networks, Routers: q.Routers, Ports: q.Ports, SecurityGroups: q.SecurityGroups,
	}})
	if err != nil {
		return fmt.Errorf("set quota: %w", grpcerr.FromError(err))
	}
	return nil
}

// CheckOrder answers nil when the networks could be made now.
func (n *Network) CheckOrder(ctx context.Context, tenantID string, networks []tenancy.NetworkOrder) error {
	req := &internalv1.CheckOrderRequest{Tenant: resourcename.Tenant{Tenant: tenantID}.String()}
	for _, o := range networks {
		req.Networks = append(req.Networks, &internalv1.NetworkOrder{Field: o.Field, Cidr: o.CIDR, Hub: o.Hub})
	}
	if _, err := n.foundation.CheckOrder(ctx, req); err != nil {
		return away("check order", err)
	}
	return nil
}

// CreateVPC makes a VPC.
func (n *Network) CreateVPC(ctx context.Context, v network.VPC) (network.Work, error) {
	return work("create vpc")(n.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{
		Parent: v.Organisation, VpcId: v.Order.ID, RequestId: v.RequestID,
		Vpc: &networkv1.Vpc{
			DisplayName: v.Order.DisplayName, Labels: v.Order.Labels, Mode: mode(v.Order.Mode), Cidr: v.Order.CIDR,
		},
	}))
}

// DeleteVPC removes a VPC.
func (n *Network) DeleteVPC(ctx context.Context, name, requestID string) (network.Work, error) {
	return work("delete vpc")(n.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: name, RequestId: requestID}))
}

// FindVPC answers one VPC.
func (n *Network) FindVPC(ctx context.Context, name string) (network.Found, error) {
	v, err := n.vpcs.GetVpc(ctx, &networkv1.GetVpcRequest{Name: name})
	if err != nil {
		return network.Found{}, fmt.Errorf("read vpc: %w", grpcerr.FromError(err))
	}
	return found(v), nil
}

// ListVPCs answers the VPCs of an organisation; one the network service does not know has none.
func (n *Network) ListVPCs(ctx context.Context, organisation string) ([]network.Found, error) {
	out, err := n.listVPCs(ctx, organisation)
	if errs.CodeOf(err) == errs.CodeNotFound {
		return nil, nil
	}
	return out, err
}

// VPCUIDs answers the unique ids of an organisation's VPCs by their names; NOT_FOUND of one the network service does not know.
func (n *Network) VPCUIDs(ctx context.Context, organisation string) (map[string]string, error) {
	vpcs, err := n.listVPCs(ctx, organisation)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(vpcs))
	for _, v := range vpcs {
		out[v.Name] = v.UID
	}
	return out, nil
}

func (n *Network) listVPCs(ctx context.Context, organisation string) ([]network.Found, error) {
	var out []network.Found
	req := &networkv1.ListVpcsRequest{Parent: organisation, PageSize: 1000}
	for {
		page, err := n.vpcs.ListVpcs(ctx, req)
		if err != nil {
			if known := grpcerr.FromError(err); known.Code == errs.CodeNotFound {
				return nil, known
			}
			return nil, away("list vpcs", err)
		}
		for _, v := range page.GetVpcs() {
			out = append(out, found(v))
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return out, nil
		}
	}
}

// VPCNames answers the names of an organisation's VPCs.
func (n *Network) VPCNames(ctx context.Context, organisation string) ([]string, error) {
	vpcs, err := n.ListVPCs(ctx, organisation)
	names := make([]string, len(vpcs))
	for i, v := range vpcs {
		names[i] = v.Name
	}
	return names, err
}

// Removal answers what goes when every network of a tenant or organisation is removed.
func (n *Network) Removal(ctx context.Context, name string) ([]tenancy.PlannedObject, error) {
	resp, err := n.foundation.PreviewRemoval(ctx, &internalv1.PreviewRemovalRequest{Name: name})
	if err != nil {
		return nil, away("preview removal", err)
	}
	out := make([]tenancy.PlannedObject, len(resp.GetObjects()))
	for i, o := range resp.GetObjects() {
		out[i] = tenancy.PlannedObject{
			Step: o.GetStep(), Type: o.GetType(), ID: o.GetId(), Name: o.GetName(), Resource: o.GetResource(), Service: o.GetService(),
		}
	}
	return out, nil
}

// ProtectedVPCs answers the names of VPCs that are protected against deletion.
func (n *Network) ProtectedVPCs(ctx context.Context, organisation string) ([]string, error) {
	page, err := n.vpcs.ListVpcs(ctx, &networkv1.ListVpcsRequest{Parent: organisation, PageSize: 1000, Filter: "deletion_protection = true"})
	if err != nil {
		if known := grpcerr.FromError(err); known.Code == errs.CodeNotFound {
			return nil, nil
		}
		return nil, away("list vpcs", err)
	}
	names := make([]string, len(page.GetVpcs()))
	for i, v := range page.GetVpcs() {
		names[i] = v.GetName()
	}
	return names, nil
}

// DeletePeerings asks for the end of every peering of a VPC.
func (n *Network) DeletePeerings(ctx context.Context, vpc string) (int, error) {
	name, err := resourcename.ParseVpc(vpc)
	if err != nil {
		return 0, err
	}
	tenant := resourcename.Tenant{Tenant: name.Tenant}.String()
	var count int
	req := &networkv1.ListPeeringsRequest{Parent: tenant, PageSize: 1000}
	for {
		page, err := n.peerings.ListPeerings(ctx, req)
		if err != nil {
			if known := grpcerr.FromError(err); known.Code == errs.CodeNotFound {
				return count, nil
			}
			return count, away("list peerings", err)
		}
		for _, p := range page.GetPeerings() {
			if p.GetVpc() != vpc && p.GetPeerVpc() != vpc {
				continue
			}
			count++
			if p.GetState() == typev1.State_DELETING {
				continue
			}
			_, err := n.peerings.DeletePeering(ctx, &networkv1.DeletePeeringRequest{Name: p.GetName()})
			if known := grpcerr.FromError(err); known != nil && known.Code != errs.CodeNotFound {
				return count, fmt.Errorf("delete peering: %w", known)
			}
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return count, nil
		}
	}
}

// Follow answers work as it is once it is done or wait has passed.
func (n *Network) Follow(ctx context.Context, operation string, wait time.Duration) (network.Work, error) {
	return work("follow operation")(n.operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{
		Name: operation, Timeout: durationpb.New(wait),
	}))
}

// work reads an operation of the network service.
func work(what string) func(*longrunningpb.Operation, error) (network.Work, error) {
	return func(op *longrunningpb.Operation, err error) (network.Work, error) {
		if err != nil {
			return network.Work{}, fmt.Errorf("%s: %w", what, grpcerr.FromError(err))
		}
		var m operationv1.OperationMetadata
		if op.GetMetadata() != nil {
			if err := op.GetMetadata().UnmarshalTo(&m); err != nil {
				return network.Work{}, fmt.Errorf("%s: read metadata of %s: %w", what, op.GetName(), err)
			}
		}
		return network.Work{
			Operation: op.GetName(), Resource: m.GetResource(), ResourceUID: m.GetResourceUid(),
			Done: op.GetDone(), Err: ended(op.GetError()), StepsDone: int(m.GetStepsDone()), StepCount: int(m.GetStepCount()),
			Blockage: blockage(m.GetBlockage()),
		}, nil
	}
}

func ended(s *status.Status) error {
	if s == nil {
		return nil
	}
	if known := grpcerr.FromError(grpcstatus.FromProto(s).Err()); known != nil {
		return known
	}
	return nil
}

func blockage(b *typev1.Blockage) *tenancy.Blockage {
	if b == nil {
		return nil
	}
	return &tenancy.Blockage{
		Owner: b.GetOwner().String(), Reason: b.GetReason(), Message: b.GetMessage(), Remedy: b.GetRemedy(), Step: b.GetStep(),
		RetryTime: b.GetRetryTime().AsTime(), SinceTime: b.GetSinceTime().AsTime(),
	}
}

func found(v *networkv1.Vpc) network.Found {
	return network.Found{
		Name: v.GetName(), UID: v.GetUid(), State: tenancy.State(v.GetState().String()), Blockage: blockage(v.GetBlockage()),
	}
}

func mode(m tenancy.Mode) typev1.ResourceMode {
	return typev1.ResourceMode(typev1.ResourceMode_value[string(m)])
}

// away answers the error of a read a caller waits for. What the network service said stands; when it said nothing, the
// caller hears that nothing was stored and when to try again.
func away(what string, err error) error {
	known := grpcerr.FromError(err)
	switch known.Code {
	case errs.Unavailable, errs.DeadlineExceeded, errs.Unknown, errs.CodeInternal, errs.Unimplemented, errs.Canceled:
		e := errs.Wrap(fmt.Errorf("%s: %w", what, known), errs.Unavailable, "NETWORK_UNAVAILABLE",
			"the network service does not answer, so nothing was changed; try again in a few seconds")
		e.Retry = 5 * time.Second
		return e
	}
	return known
}

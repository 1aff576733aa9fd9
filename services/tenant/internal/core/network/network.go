// Package network is what the tenant service needs of the network service: the boundary of a tenant, the hub of an
// organisation and its VPCs, each by work that is followed until it is done.
//
// An implementation promises that the same request id with the same order answers the first work again, that asking for
// the end of what is absent is NOT_FOUND, and that every error is an errs.Error.
package network

import (
	"context"
	"time"

	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Boundary is the order for a tenant's boundary.
type Boundary struct{ Tenant, TenantUID, NetworkCIDR, RequestID string }

// Hub is the order for an organisation's hub.
type Hub struct {
	Organisation, OrganisationUID, ProjectID string
	Mode                                     tenancy.Mode
	CIDR, RequestID                          string
}

// VPC is the order for a VPC.
type VPC struct {
	Organisation string
	Order        tenancy.VPCOrder
	RequestID    string
}

// Found is a resource of the network service as it is.
type Found struct {
	Name, UID string
	State     tenancy.State
	Blockage  *tenancy.Blockage
}

// Work is an operation of the network service.
type Work struct {
	Operation             string
	Resource, ResourceUID string
	Done                  bool
	// Err is why it ended without doing what was asked.
	Err error
	// StepsDone of StepCount, for people.
	StepsDone, StepCount int
	// Blockage is set while somebody must act before it goes on.
	Blockage *tenancy.Blockage
}

// Foundation makes and removes what tenants and organisations stand on.
type Foundation interface {
	EnsureBoundary(ctx context.Context, b Boundary) (Work, error)
	DeleteBoundary(ctx context.Context, tenant, requestID string) (Work, error)
	EnsureHub(ctx context.Context, h Hub) (Work, error)
	DeleteHub(ctx context.Context, organisation, requestID string) (Work, error)
	// SetQuota tells what the project of an organisation may hold; it is done when it answers.
	SetQuota(ctx context.Context, organisation string, q tenancy.Quota) error
}

// VPCs makes, finds and removes VPCs.
type VPCs interface {
	CreateVPC(ctx context.Context, v VPC) (Work, error)
	DeleteVPC(ctx context.Context, name, requestID string) (Work, error)
	FindVPC(ctx context.Context, name string) (Found, error)
	ListVPCs(ctx context.Context, organisation string) ([]Found, error)
	// DeletePeerings asks for the end of every peering of a VPC, and answers how many there still are.
	DeletePeerings(ctx context.Context, vpc string) (int, error)
}

// Works follows work.
type Works interface {
	// Follow answers work as it is once it is done or wait has passed.
	Follow(ctx context.Context, operation string, wait time.Duration) (Work, error)
}

// Service is all of it.
type Service interface {
	Foundation
	VPCs
	Works
	tenancy.Network
}

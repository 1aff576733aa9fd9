package tenancy

import (
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/resource"
)

// Mode is how virtual machines share hypervisors.
type Mode = resource.Mode

// The modes; the empty one stands for that of the parent.
const (
	Mutualized = resource.Mutualized
	Dedicated  = resource.Dedicated
)

// Organisation is a part of a tenant: a Keystone project, the bastion's hub and the VPCs of its order.
type Organisation struct {
	UID         string
	TenantUID   string
	TenantID    string
	ID          string
	DisplayName string
	Labels      map[string]string
	Mode        Mode
	HubCIDR     string
	Quota       Quota
	VPCs        []VPCOrder

	DeleteTime time.Time
	PurgeTime  time.Time
	// Protected refuses its deletion, and that of its tenant.
	Protected bool
	// DeletedWithTenant is set when it was deleted because its tenant was; it comes back with it.
	DeletedWithTenant bool
	// Removing is set once it is being removed for good, Force when its VPCs go with it whoever made them.
	Removing bool
	Force    bool

	Revision   int64
	CreateTime time.Time
	UpdateTime time.Time
	// ReadyTime is when it was complete for the first time.
	ReadyTime time.Time
	// ProjectID is its Keystone project.
	ProjectID string
	// CredentialGeneration is the number of the credential it should use; Credential is the one in use.
	CredentialGeneration int64
	Credential           Credential

	Announced Announced
	Status    Status
}

// Credential is an application credential without its secret.
type Credential struct {
	ID         string
	CreateTime time.Time
	ExpireTime time.Time
	// Roles are what it gives, sorted, by Keystone's names; empty when that was never recorded.
	Roles []string
}

// VPCOrder is one VPC of the order for an organisation.
type VPCOrder struct {
	ID          string            `json:"id"`
	DisplayName string            `json:"display_name,omitempty"`
	Mode        Mode              `json:"mode,omitempty"`
	CIDR        string            `json:"cidr,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
}

// Name is its resource name.
func (o Organisation) Name() string {
	return resourcename.Organisation{Tenant: o.TenantID, Organisation: o.ID}.String()
}

// TenantName is the resource name of its tenant.
func (o Organisation) TenantName() string { return resourcename.Tenant{Tenant: o.TenantID}.String() }

// Etag changes with every change of the organisation.
func (o Organisation) Etag() string { return etag.Of(o.UID, o.Revision) }

// Deleted tells whether it is soft-deleted or on its way out.
func (o Organisation) Deleted() bool { return o.Removing || !o.DeleteTime.IsZero() }

// Life is the stage of life the caller asked for.
func (o Organisation) Life() Life {
	if o.Deleted() {
		return LifeDeleted
	}
	return LifeActive
}

func (o Organisation) settled() State {
	if o.Deleted() {
		return StateDeleted
	}
	return StateActive
}

func (o Organisation) mutable() error {
	if o.Removing {
		return errs.Failed("ORGANISATION_DELETED", "%q is being removed for good; wait until it is gone, then create it anew",
			o.Name()).With("resource", o.Name())
	}
	if o.Deleted() {
		return errs.Failed("ORGANISATION_DELETED", "%q is deleted; undelete it first", o.Name()).With("resource", o.Name())
	}
	return nil
}

func (o Organisation) change(req Request, verb Verb, transient State) Change {
	return Change{
		Kind: KindOrganisation, UID: o.UID, Name: o.Name(), Tenant: o.TenantID, Verb: verb,
		Transient: transient, Final: o.settled(), Removing: o.Removing, Request: req,
	}
}

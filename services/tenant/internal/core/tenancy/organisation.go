package tenancy

import (
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/resource"
)

// Mode is how virtual machines share hypervisors.
type Mode = resource.Mode

// The modes. The empty mode stands for that of the parent.
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
	// DeletedWithTenant is set when the deletion of the tenant deleted it; the undeletion of the tenant restores it.
	DeletedWithTenant bool
	// Removing is set once it is being removed for good, Force when every VPC goes with it.
	Removing bool
	Force    bool

	Revision   int64
	CreateTime time.Time
	UpdateTime time.Time
	// ReadyTime is the end of its first creation.
	ReadyTime time.Time
	// ProjectID is its Keystone project.
	ProjectID string
	// CredentialGeneration is the number of the wanted credential; Credential is the one in use.
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
	// Roles are the names of its Keystone roles, sorted; empty when they were never recorded.
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

// Deleted reports whether the organisation is soft-deleted or being removed.
func (o Organisation) Deleted() bool { return o.Removing || !o.DeleteTime.IsZero() }

// Life is the wanted stage of life.
func (o Organisation) Life() Life {
	if o.Deleted() {
		return LifeDeleted
	}
	return LifeActive
}

// Settled is the state of the organisation after its operations.
func (o Organisation) Settled() State {
	if o.Deleted() {
		return StateDeleted
	}
	return StateActive
}

// mutable refuses changes of a deleted organisation.
func (o Organisation) mutable() error {
	return mutable("ORGANISATION_DELETED", o.Name(), o.Deleted(), o.Removing)
}

// Open refuses roles in an organisation that is deleted, or not in the cloud yet.
func (o Organisation) Open() error {
	if err := o.mutable(); err != nil {
		return err
	}
	if o.ProjectID == "" {
		return notReady("ORGANISATION_NOT_READY", o.Name())
	}
	return nil
}

// OrganisationKey names an organisation.
type OrganisationKey struct{ Tenant, Organisation string }

// Name is the resource name.
func (k OrganisationKey) Name() string { return resourcename.Organisation(k).String() }

// SealedCredential is one generation of an organisation's application credential. Its secret is sealed.
type SealedCredential struct {
	Generation             int64
	Secret                 []byte
	CreateTime, ExpireTime time.Time
}

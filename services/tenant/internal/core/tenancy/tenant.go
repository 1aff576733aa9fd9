package tenancy

import (
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
)

// Tenant is one client of the platform.
type Tenant struct {
	UID         string
	ID          string
	DisplayName string
	Labels      map[string]string
	NetworkCIDR string

	// Suspended is what the owner or operator asked for; the engine makes the cloud agree.
	Suspended     bool
	SuspendReason string
	// DeleteTime and PurgeTime are set while the tenant is soft-deleted.
	DeleteTime time.Time
	PurgeTime  time.Time
	// Protected refuses its deletion.
	Protected bool
	// Removing is set once it is being removed for good; there is no way back from it.
	Removing bool
	// Cascade is the work on organisations that the running change of the tenant brought with it.
	Cascade []Cascade

	// Revision grows with every change a caller makes; the etag is made of it.
	Revision   int64
	CreateTime time.Time
	UpdateTime time.Time
	// ReadyTime is when it was complete for the first time.
	ReadyTime time.Time
	// DomainID is its Keystone domain.
	DomainID string

	Announced Announced
	Status    Status
}

// Cascade is one organisation's share of a tenant's change.
type Cascade struct {
	UID       string `json:"uid"`
	Name      string `json:"name"`
	Operation string `json:"operation"`
}

// Announced is what the events sent so far have told of a resource.
type Announced struct {
	// Life is the last stage of life told; empty before the first event.
	Life     Life
	Revision int64
}

// Life is the stage of a resource's life as other services see it.
type Life string

// The stages of life.
const (
	LifeActive    Life = "active"
	LifeSuspended Life = "suspended"
	LifeDeleted   Life = "deleted"
)

// Name is its resource name.
func (t Tenant) Name() string { return resourcename.Tenant{Tenant: t.ID}.String() }

// Etag changes with every change of the tenant.
func (t Tenant) Etag() string { return etag.Of(t.UID, t.Revision) }

// Deleted tells whether it is soft-deleted or on its way out.
func (t Tenant) Deleted() bool { return t.Removing || !t.DeleteTime.IsZero() }

// Enabled tells whether its Keystone domain may be used.
func (t Tenant) Enabled() bool { return !t.Suspended && !t.Deleted() }

// Ready tells whether organisations can be made in it.
func (t Tenant) Ready() bool { return !t.ReadyTime.IsZero() && t.DomainID != "" }

// Life is the stage of life the caller asked for.
func (t Tenant) Life() Life {
	switch {
	case t.Deleted():
		return LifeDeleted
	case t.Suspended:
		return LifeSuspended
	default:
		return LifeActive
	}
}

// settled is the state the tenant comes to rest in.
func (t Tenant) settled() State {
	switch t.Life() {
	case LifeDeleted:
		return StateDeleted
	case LifeSuspended:
		return StateSuspended
	default:
		return StateActive
	}
}

// mutable refuses changes of a tenant that is deleted.
func (t Tenant) mutable() error {
	if t.Removing {
		return errs.Failed("TENANT_DELETED", "%q is being removed for good; wait until it is gone, then create it anew", t.Name()).
			With("resource", t.Name())
	}
	if t.Deleted() {
		return errs.Failed("TENANT_DELETED", "%q is deleted; undelete it first", t.Name()).With("resource", t.Name())
	}
	return nil
}

// open refuses changes below a tenant that is deleted or suspended.
func (t Tenant) open() error {
	if err := t.mutable(); err != nil {
		return err
	}
	if t.Suspended {
		return errs.Failed("TENANT_SUSPENDED", "%q is suspended, nothing in it can be changed; resume it first", t.Name()).
			With("resource", t.Name())
	}
	return nil
}

func (t Tenant) change(req Request, verb Verb, transient State) Change {
	return Change{
		Kind: KindTenant, UID: t.UID, Name: t.Name(), Tenant: t.ID, Verb: verb,
		Transient: transient, Final: t.settled(), Removing: t.Removing, Request: req,
	}
}

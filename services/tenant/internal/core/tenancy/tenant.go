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

	// Suspended is the wish of the owner or operator; the engine makes the cloud agree.
	Suspended     bool
	SuspendReason string
	// DeleteTime and PurgeTime are set while the tenant is soft-deleted.
	DeleteTime time.Time
	PurgeTime  time.Time
	// Protected refuses its deletion.
	Protected bool
	// Removing is set once the tenant is being removed for good. It never ends.
	Removing bool
	// Cascade is the work on organisations that the running change of the tenant started.
	Cascade []Cascade

	// Revision grows with every change a caller makes; the etag is made of it.
	Revision   int64
	CreateTime time.Time
	UpdateTime time.Time
	// ReadyTime is the end of its first creation.
	ReadyTime time.Time
	// DomainID is its Keystone domain.
	DomainID string

	Announced Announced
	Status    Status
}

// Cascade is the work on one organisation that a change of its tenant started.
type Cascade struct {
	UID       string `json:"uid"`
	Name      string `json:"name"`
	Operation string `json:"operation"`
}

// Announced is the state of a resource in the events published so far.
type Announced struct {
	// Life is empty before the first event.
	Life     Life
	Revision int64
}

// Life is the stage of a resource's life that other services see.
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

// Deleted reports whether the tenant is soft-deleted or being removed.
func (t Tenant) Deleted() bool { return t.Removing || !t.DeleteTime.IsZero() }

// Enabled reports whether its Keystone domain may be used.
func (t Tenant) Enabled() bool { return !t.Suspended && !t.Deleted() }

// Ready reports whether organisations can be made in it.
func (t Tenant) Ready() bool { return !t.ReadyTime.IsZero() && t.DomainID != "" }

// Life is the wanted stage of life.
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

// Settled is the state of the tenant after its operations.
func (t Tenant) Settled() State {
	switch t.Life() {
	case LifeDeleted:
		return StateDeleted
	case LifeSuspended:
		return StateSuspended
	default:
		return StateActive
	}
}

// mutable refuses changes of a deleted tenant.
func (t Tenant) mutable() error { return mutable("TENANT_DELETED", t.Name(), t.Deleted(), t.Removing) }

// Changeable refuses changes in a deleted or suspended tenant.
func (t Tenant) Changeable() error {
	if err := t.mutable(); err != nil {
		return err
	}
	if t.Suspended {
		return errs.Failed("TENANT_SUSPENDED", "%q is suspended, nothing in it can be changed; resume it first", t.Name()).
			With("resource", t.Name())
	}
	return nil
}

// Open refuses roles in a tenant that is deleted, suspended, or not in the cloud yet.
func (t Tenant) Open() error {
	if err := t.Changeable(); err != nil {
		return err
	}
	if t.DomainID == "" {
		return notReady("TENANT_NOT_READY", t.Name())
	}
	return nil
}

func mutable(reason, name string, deleted, removing bool) error {
	switch {
	case removing:
		return errs.Failed(reason, "%q is being removed for good; wait until it is gone, then create it anew", name).With("resource", name)
	case deleted:
		return errs.Failed(reason, "%q is deleted; undelete it first", name).With("resource", name)
	}
	return nil
}

func notReady(reason, name string) error {
	e := errs.Failed(reason, "%q is still being made; wait for its operation to end, then try again", name).With("resource", name)
	e.Retry = 2 * time.Second
	return e
}

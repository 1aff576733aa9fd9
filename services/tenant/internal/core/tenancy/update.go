package tenancy

import (
	"github.com/low-layer/platform/libs/errs"
)

// UpdateTenant changes the fields that are not nil.
type UpdateTenant struct {
	ID          string
	Etag        string
	DisplayName *string
	Labels      *map[string]string
	Protected   *bool
}

// Validate checks the new values.
func (in UpdateTenant) Validate() error {
	var bad errs.Fields
	checkText("tenant", deref(in.DisplayName), deref(in.Labels), &bad)
	return bad.Err()
}

// Apply changes a tenant. A suspended tenant keeps its own texts changeable.
func (in UpdateTenant) Apply(t *Tenant) error {
	if err := t.mutable(); err != nil {
		return err
	}
	set(&t.DisplayName, in.DisplayName)
	set(&t.Labels, in.Labels)
	set(&t.Protected, in.Protected)
	return nil
}

// Suspend switches a tenant off; people read the reason.
func (t *Tenant) Suspend(reason string) error {
	if err := t.Changeable(); err != nil {
		return err
	}
	t.Suspended, t.SuspendReason = true, reason
	return nil
}

// Resume ends a suspension.
func (t *Tenant) Resume() error {
	if err := t.mutable(); err != nil {
		return err
	}
	if !t.Suspended {
		return errs.Failed("TENANT_NOT_SUSPENDED", "%q is not suspended; there is nothing to resume", t.Name()).With("resource", t.Name())
	}
	t.Suspended, t.SuspendReason = false, ""
	return nil
}

// UpdateOrganisation changes the fields that are not nil.
type UpdateOrganisation struct {
	Key         OrganisationKey
	Etag        string
	DisplayName *string
	Labels      *map[string]string
	Quota       func(Quota) Quota
	Protected   *bool
}

// Validate checks the new values.
func (in UpdateOrganisation) Validate() error {
	var bad errs.Fields
	checkText("organisation", deref(in.DisplayName), deref(in.Labels), &bad)
	if in.Quota != nil {
		in.Quota(Quota{}).check("organisation.quota", 0, &bad)
	}
	return bad.Err()
}

// Apply changes an organisation.
func (in UpdateOrganisation) Apply(o *Organisation) error {
	if err := o.mutable(); err != nil {
		return err
	}
	set(&o.DisplayName, in.DisplayName)
	set(&o.Labels, in.Labels)
	set(&o.Protected, in.Protected)
	if in.Quota != nil {
		o.Quota = in.Quota(o.Quota)
	}
	return nil
}

// Rotate asks for a new credential.
func (o *Organisation) Rotate() error {
	if err := o.mutable(); err != nil {
		return err
	}
	o.CredentialGeneration++
	return nil
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

package tenancy

import (
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

// DeleteTenant asks for the end of a tenant. With Force its organisations go with it. Purge removes it for good at once.
type DeleteTenant struct {
	ID    string
	Etag  string
	Force bool
	Purge bool
}

// DeleteOrganisation asks for the end of an organisation. With Force its VPCs go with it. Purge removes it for good at once.
type DeleteOrganisation struct {
	Key   OrganisationKey
	Etag  string
	Force bool
	Purge bool
}

// Deletable refuses the deletion of a protected tenant.
func (t Tenant) Deletable() error {
	if t.Protected {
		return errs.Protected(t.Name())
	}
	return nil
}

// Delete switches a tenant off until it is undeleted or purged. orgs are all of its organisations. With force those that are not
// deleted yet are deleted with it, and returned.
func (t *Tenant) Delete(orgs []Organisation, force bool, now time.Time, retention time.Duration) ([]Organisation, error) {
	if err := t.Deletable(); err != nil {
		return nil, err
	}
	if t.Deleted() {
		return nil, errs.Failed("TENANT_DELETED", "%q is deleted already; undelete it, or purge it to remove it for good", t.Name()).
			With("resource", t.Name())
	}
	orgs = keep(orgs, func(o Organisation) bool { return !o.Deleted() })
	if err := t.takes(orgs, orgs, force); err != nil {
		return nil, err
	}
	t.DeleteTime, t.PurgeTime = now, now.Add(retention)
	for i := range orgs {
		o := &orgs[i]
		o.DeleteTime, o.PurgeTime, o.DeletedWithTenant = t.DeleteTime, t.PurgeTime, true
	}
	return orgs, nil
}

// Remove removes a tenant for good. orgs are all of its organisations: with force they go too. An organisation that is being removed
// already needs no force, only that the tenant waits for it.
func (t *Tenant) Remove(orgs []Organisation, force bool, now time.Time) error {
	if err := t.Deletable(); err != nil {
		return err
	}
	if err := t.takes(orgs, keep(orgs, func(o Organisation) bool { return !o.Removing }), force); err != nil {
		return err
	}
	t.Removing, t.PurgeTime = true, time.Time{}
	if t.DeleteTime.IsZero() {
		t.DeleteTime = now
	}
	return nil
}

// takes refuses to take organisations along that are protected, or left without force.
func (t Tenant) takes(orgs, left []Organisation, force bool) error {
	if len(left) > 0 && !force {
		names := make([]string, len(left))
		for i, o := range left {
			names[i] = o.Name()
		}
		return notEmpty("TENANT_NOT_EMPTY", t.Name(), names)
	}
	for _, o := range orgs {
		if err := o.Deletable(); err != nil {
			return err
		}
	}
	return nil
}

// Undelete brings a tenant back, and returns the organisations that were deleted with it, brought back too.
func (t *Tenant) Undelete(orgs []Organisation, now time.Time) ([]Organisation, error) {
	if err := revivable("TENANT", t.Name(), t.Deleted(), t.Removing, t.PurgeTime, now); err != nil {
		return nil, err
	}
	t.DeleteTime, t.PurgeTime = time.Time{}, time.Time{}
	orgs = keep(orgs, func(o Organisation) bool { return o.DeletedWithTenant && !o.Removing })
	for i := range orgs {
		orgs[i].restore()
	}
	return orgs, nil
}

// Deletable refuses the deletion of a protected organisation.
func (o Organisation) Deletable() error {
	if o.Protected {
		return errs.Protected(o.Name())
	}
	return nil
}

// Delete switches an organisation off until it is undeleted or purged.
func (o *Organisation) Delete(now time.Time, retention time.Duration) error {
	if err := o.Deletable(); err != nil {
		return err
	}
	if o.Deleted() {
		return errs.Failed("ORGANISATION_DELETED", "%q is deleted already; undelete it, or purge it to remove it for good", o.Name()).
			With("resource", o.Name())
	}
	o.DeleteTime, o.PurgeTime = now, now.Add(retention)
	return nil
}

// Remove removes an organisation for good.
func (o *Organisation) Remove(force bool, now time.Time) {
	o.Removing, o.Force, o.PurgeTime = true, o.Force || force, time.Time{}
	if o.DeleteTime.IsZero() {
		o.DeleteTime = now
	}
}

// Undelete brings an organisation back.
func (o *Organisation) Undelete(now time.Time) error {
	if err := revivable("ORGANISATION", o.Name(), o.Deleted(), o.Removing, o.PurgeTime, now); err != nil {
		return err
	}
	o.restore()
	return nil
}

func (o *Organisation) restore() {
	o.DeleteTime, o.PurgeTime, o.DeletedWithTenant = time.Time{}, time.Time{}, false
}

// NotEmpty is the refusal to delete an organisation because VPCs are left in it.
func NotEmpty(organisation string, vpcs []string) *errs.Error {
	return notEmpty("ORGANISATION_NOT_EMPTY", organisation, vpcs)
}

func notEmpty(reason, name string, children []string) *errs.Error {
	return errs.Failed(reason, "%q still has %s; delete them first, or set force to delete them with it", name, list(children)).
		With("resource", name).With("children", strings.Join(children, ","))
}

// revivable refuses to undelete a resource that is not deleted, or past its purge time.
func revivable(kind, name string, deleted, removing bool, purge, now time.Time) error {
	switch {
	case !deleted:
		return errs.Failed(kind+"_NOT_DELETED", "%q is not deleted; there is nothing to undelete", name).With("resource", name)
	case removing || Overdue(purge, now):
		return errs.Failed(kind+"_DELETED", "%q is being removed for good and cannot be undeleted; create it anew once it is gone", name).
			With("resource", name)
	}
	return nil
}

// Overdue reports whether a purge time has come.
func Overdue(purge, now time.Time) bool { return !purge.IsZero() && !purge.After(now) }

const listed = 10

// list shortens an error to ten names.
func list(names []string) string {
	if len(names) <= listed {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:listed], ", ") + " and others"
}

func keep[T any](in []T, want func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(in), func(v T) bool { return !want(v) })
}

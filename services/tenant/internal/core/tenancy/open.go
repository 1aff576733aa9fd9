package tenancy

import (
	"time"

	"github.com/low-layer/platform/libs/errs"
)

// Open tells why nothing in the tenant can be changed: it is deleted or suspended, or its place in the cloud is not made yet.
func (t Tenant) Open() error {
	if err := t.open(); err != nil {
		return err
	}
	if t.DomainID == "" {
		return notReady("TENANT_NOT_READY", t.Name())
	}
	return nil
}

// Open tells why nothing in the organisation can be changed: it is deleted, or its place in the cloud is not made yet.
func (o Organisation) Open() error {
	if err := o.mutable(); err != nil {
		return err
	}
	if o.ProjectID == "" {
		return notReady("ORGANISATION_NOT_READY", o.Name())
	}
	return nil
}

func notReady(reason, name string) error {
	e := errs.New(errs.FailedPrecondition, reason, "%q is still being made; wait for its operation to end, then try again", name).
		With("resource", name)
	e.Retry = 2 * time.Second
	return e
}

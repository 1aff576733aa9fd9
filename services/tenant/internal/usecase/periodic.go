package usecase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// batch bounds one list of a periodic pass; the next pass takes the rest.
const batch = 100

// errNotDue ends a script that finds nothing to do under the lock.
var errNotDue = errors.New("not due")

// Periodic purges what is due, and replaces credentials before they expire or when their roles have changed. Replicas may run it at
// the same time.
type Periodic struct {
	use   *Tenancy
	clock clock.Clock
	// margin is how long before its end a credential is replaced.
	margin time.Duration
	// roles are those of a credential, sorted.
	roles []string
}

// NewPeriodic makes the pass; roles are those that a credential should give.
func NewPeriodic(use *Tenancy, c clock.Clock, margin time.Duration, roles []string) *Periodic {
	return &Periodic{use: use, clock: c, margin: margin, roles: tenancy.Roles(roles)}
}

// Pass does what is due now and returns how much that was. A failure does not end the pass.
func (p *Periodic) Pass(ctx context.Context) (int, error) {
	now := p.clock.Now()
	at := tenancy.DueTimes{Now: now, CredentialsBefore: now.Add(p.margin), CredentialRoles: p.roles, Limit: batch}
	due, err := p.use.Due(ctx, at)
	if err != nil {
		return 0, err
	}
	var done int
	var failed []error
	note := func(doing, name string, err error) {
		switch {
		case err == nil:
			done++
		case errors.Is(err, errNotDue), errs.CodeOf(err) == errs.CodeNotFound, errs.CodeOf(err) == errs.FailedPrecondition:
			// Another replica or a caller was faster, or the tenant was closed meanwhile; the next pass looks again.
		default:
			failed = append(failed, fmt.Errorf("%s %s: %w", doing, name, err))
		}
	}
	for _, id := range due.PurgeTenants {
		note("purge tenant", id, p.purgeTenant(ctx, id, now))
	}
	for _, k := range due.PurgeOrganisations {
		note("purge", k.Name(), p.purgeOrganisation(ctx, k, now))
	}
	for _, k := range due.RotateCredentials {
		note("rotate the credential of", k.Name(), p.rotate(ctx, k, at))
	}
	return done, errors.Join(failed...)
}

// script runs a script of the platform itself.
func (p *Periodic) script(ctx context.Context, tenant string, do func(context.Context, *accept.Tx) (*provision.Operation, error)) error {
	_, err := p.use.cfg.Changes.Operation(ctx, resource.Identity{}, tenant, do)
	return err
}

func (p *Periodic) purgeTenant(ctx context.Context, id string, now time.Time) error {
	return p.script(ctx, id, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		t, err := p.use.lockTenant(ctx, tx, id, "")
		if err != nil {
			return nil, err
		}
		if !tenancy.Overdue(t.PurgeTime, now) {
			return nil, errNotDue
		}
		orgs, err := p.use.lockOrganisations(ctx, tx, t.UID)
		if err != nil {
			return nil, err
		}
		return p.use.purgeTenant(ctx, tx, t, orgs, true)
	})
}

// purgeOrganisation ignores the state of the tenant: a deleted organisation is purged when it is due.
func (p *Periodic) purgeOrganisation(ctx context.Context, k tenancy.OrganisationKey, now time.Time) error {
	return p.script(ctx, k.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		if _, err := p.use.ShareTenant(ctx, tx, k.Tenant); err != nil {
			return nil, err
		}
		o, err := p.use.LockOrganisation(ctx, tx, k.Tenant, k.Organisation)
		if err != nil {
			return nil, err
		}
		if !tenancy.Overdue(o.PurgeTime, now) {
			return nil, errNotDue
		}
		o.Remove(true, now)
		return p.use.writeOrganisation(ctx, tx, o, remove, tx.Accept)
	})
}

func (p *Periodic) rotate(ctx context.Context, k tenancy.OrganisationKey, at tenancy.DueTimes) error {
	return p.script(ctx, k.Tenant, func(ctx context.Context, tx *accept.Tx) (*provision.Operation, error) {
		if err := p.use.changeable(ctx, tx, k.Tenant); err != nil {
			return nil, err
		}
		o, err := p.use.LockOrganisation(ctx, tx, k.Tenant, k.Organisation)
		if err != nil {
			return nil, err
		}
		if !at.Stale(o.Credential) {
			return nil, errNotDue
		}
		if err := o.Rotate(); err != nil {
			return nil, err
		}
		return p.use.writeOrganisation(ctx, tx, o, rotate, tx.Accept)
	})
}

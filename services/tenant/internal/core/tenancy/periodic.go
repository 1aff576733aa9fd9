package tenancy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

// batch bounds what one pass of a periodic loop takes on; the next pass takes the rest.
const batch = 100

// Periodic is what happens without anybody asking: what is due is purged, credentials are replaced before they expire
// and when they give other roles than they should.
// It takes no arguments and bears repeating, by several replicas at once too.
type Periodic struct {
	store         Store
	tenants       *Tenants
	organisations *Organisations
	// margin is how long before its end a credential is replaced.
	margin time.Duration
	// roles are what a credential should give, sorted.
	roles []string
}

// NewPeriodic makes the loops' work; roles are what a credential should give.
func NewPeriodic(store Store, t *Tenants, o *Organisations, margin time.Duration, roles []string) *Periodic {
	return &Periodic{store: store, tenants: t, organisations: o, margin: margin, roles: Roles(roles)}
}

// Roles are names of roles as they are compared: sorted, each once.
func Roles(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// Pass does what is due now and answers how much that was. One failure does not keep the others from their turn.
func (p *Periodic) Pass(ctx context.Context) (int, error) {
	now := p.tenants.clock.Now()
	due, err := p.store.Due(ctx, DueTimes{
		Now: now, CredentialsBefore: now.Add(p.margin), CredentialRoles: p.roles, Limit: batch,
	})
	if err != nil {
		return 0, fmt.Errorf("find what is due: %w", err)
	}
	var done int
	var failed []error
	note := func(what, name string, err error) {
		switch {
		case err == nil:
			done++
		case errors.Is(err, errNotDue), errs.CodeOf(err) == errs.CodeNotFound, errs.CodeOf(err) == errs.FailedPrecondition:
			// Another replica or a caller was quicker, or the tenant was closed meanwhile; the next pass looks again.
		default:
			failed = append(failed, fmt.Errorf("%s %s: %w", what, name, err))
		}
	}
	for _, id := range due.PurgeTenants {
		note("purge tenant", id, p.purgeTenant(ctx, id, now))
	}
	for _, k := range due.PurgeOrganisations {
		note("purge organisation", k.Organisation, p.purgeOrganisation(ctx, k, now))
	}
	for _, k := range due.RotateCredentials {
		note("rotate credential of", k.Organisation, p.rotate(ctx, k, now))
	}
	return done, errors.Join(failed...)
}

// errNotDue says that by now, under the lock, there is nothing to do.
var errNotDue = errors.New("not due")

func (p *Periodic) purgeTenant(ctx context.Context, id string, now time.Time) error {
	_, err := p.tenants.edit(ctx, id, "", VerbDelete, StateDeleting, Request{}, func(ctx context.Context, tx Tx, t *Tenant) error {
		if !overdue(t.PurgeTime, now) {
			return errNotDue
		}
		return p.tenants.purge(ctx, tx, t, true, Request{})
	})
	return err
}

func (p *Periodic) purgeOrganisation(ctx context.Context, k OrganisationKey, now time.Time) error {
	_, err := inTx(ctx, p.store, func(ctx context.Context, tx Tx) (Operation, error) {
		// The tenant's own state is no obstacle: what was deleted in time goes in time.
		if _, err := tx.ShareTenant(ctx, k.Tenant); err != nil {
			return nil, err
		}
		o, err := tx.LockOrganisation(ctx, k.Tenant, k.Organisation)
		if err != nil {
			return nil, err
		}
		return p.organisations.commit(ctx, tx, &o, VerbDelete, StateDeleting, Request{},
			func(_ context.Context, _ Tx, o *Organisation) error {
				if !overdue(o.PurgeTime, now) {
					return errNotDue
				}
				return p.organisations.remove(o, true, true)
			})
	})
	return err
}

func (p *Periodic) rotate(ctx context.Context, k OrganisationKey, now time.Time) error {
	_, err := p.organisations.edit(ctx, k, "", VerbRotate, Request{}, func(_ context.Context, _ Tx, o *Organisation) error {
		if !p.stale(o.Credential, now) {
			return errNotDue
		}
		if err := o.mutable(); err != nil {
			return err
		}
		o.CredentialGeneration++
		return nil
	})
	return err
}

// stale tells whether a credential in use is to be replaced.
func (p *Periodic) stale(c Credential, now time.Time) bool {
	return !c.ExpireTime.IsZero() && (!c.ExpireTime.After(now.Add(p.margin)) || !slices.Equal(c.Roles, p.roles))
}

func overdue(purge, now time.Time) bool { return !purge.IsZero() && !purge.After(now) }

package tenancy

import "context"

// Events tell restrictions when they are accepted and everything else once it is in effect: a consumer that believes
// them never lets through what a caller was already promised to be shut.
const (
	eventCreated   = "created"
	eventUpdated   = "updated"
	eventSuspended = "suspended"
	eventResumed   = "resumed"
	eventDeleted   = "deleted"
	eventUndeleted = "undeleted"
	eventPurged    = "purged"
)

// TenantPurged and OrganisationPurged are told when a resource is gone for good.
const (
	TenantPurged       = "tenant." + eventPurged
	OrganisationPurged = "organisation." + eventPurged
)

// restrictTenant tells that a tenant was suspended or deleted, once.
func restrictTenant(ctx context.Context, tx Tx, t *Tenant) error {
	life := t.Life()
	if life == LifeActive || life == t.Announced.Life || t.Announced.Life == LifeDeleted {
		return nil
	}
	event := "tenant." + eventSuspended
	if life == LifeDeleted {
		event = "tenant." + eventDeleted
	}
	isNew := t.Announced.Life == ""
	t.Announced = Announced{Life: life, Revision: t.Revision}
	if isNew { // nobody has heard of it yet, and an end without a beginning would confuse them
		if err := tx.AnnounceTenant(ctx, "tenant."+eventCreated, *t); err != nil {
			return err
		}
	}
	return tx.AnnounceTenant(ctx, event, *t)
}

// restrictOrganisation tells that an organisation was deleted, once.
func restrictOrganisation(ctx context.Context, tx Tx, o *Organisation) error {
	if o.Life() != LifeDeleted || o.Announced.Life == LifeDeleted {
		return nil
	}
	isNew := o.Announced.Life == ""
	o.Announced = Announced{Life: LifeDeleted, Revision: o.Revision}
	if isNew {
		if err := tx.AnnounceOrganisation(ctx, "organisation."+eventCreated, *o); err != nil {
			return err
		}
	}
	return tx.AnnounceOrganisation(ctx, "organisation."+eventDeleted, *o)
}

// SettledEvents are the events a tenant that came to rest still owes, with what it has announced after them.
func (t Tenant) SettledEvents() ([]string, Announced) {
	return settled("tenant.", t.Announced, t.Life(), t.Revision)
}

// SettledEvents are the events an organisation that came to rest still owes, with what it has announced after them.
func (o Organisation) SettledEvents() ([]string, Announced) {
	return settled("organisation.", o.Announced, o.Life(), o.Revision)
}

// settled compares what was told with what is, not with what was done last: a change that overtook another one before
// that had ended loses no event.
func settled(kind string, told Announced, life Life, revision int64) ([]string, Announced) {
	now := Announced{Life: life, Revision: revision}
	switch {
	case told.Life == "":
		return []string{kind + eventCreated}, now
	case told.Life == life && told.Revision == revision:
		return nil, now
	case told.Life == life:
		return []string{kind + eventUpdated}, now
	case life == LifeActive && told.Life == LifeSuspended:
		return []string{kind + eventResumed}, now
	case life == LifeActive:
		return []string{kind + eventUndeleted}, now
	case life == LifeSuspended && told.Life == LifeDeleted:
		return []string{kind + eventUndeleted, kind + eventSuspended}, now
	default:
		return nil, now // restrictions were told when they were accepted
	}
}

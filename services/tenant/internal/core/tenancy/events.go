package tenancy

// An event of a restriction is published when the change is accepted, every other event once the change is in effect. A consumer
// therefore never lets through what a caller was promised to be shut.

// TenantPurged and OrganisationPurged are the events of the end of a resource.
const (
	TenantPurged       = "tenant.purged"
	OrganisationPurged = "organisation.purged"
)

// Restrict returns the events to publish when a change of the tenant is accepted, each restriction once.
func (t *Tenant) Restrict() []string {
	return restrict("tenant.", &t.Announced, t.Life(), t.Revision)
}

// Restrict returns the events to publish when a change of the organisation is accepted, each restriction once.
func (o *Organisation) Restrict() []string {
	return restrict("organisation.", &o.Announced, o.Life(), o.Revision)
}

func restrict(kind string, a *Announced, life Life, revision int64) []string {
	if life == LifeActive || life == a.Life || a.Life == LifeDeleted {
		return nil
	}
	var events []string
	if a.Life == "" { // an end without a beginning would confuse consumers
		events = []string{kind + "created"}
	}
	*a = Announced{Life: life, Revision: revision}
	if life == LifeDeleted {
		return append(events, kind+"deleted")
	}
	return append(events, kind+"suspended")
}

// Settle returns the events to publish when a change of the tenant has ended.
func (t *Tenant) Settle() []string {
	return settle("tenant.", &t.Announced, t.Life(), t.Revision)
}

// Settle returns the events to publish when a change of the organisation has ended.
func (o *Organisation) Settle() []string {
	return settle("organisation.", &o.Announced, o.Life(), o.Revision)
}

// settle compares the events so far with the resource, not with the last change: a change that overtook another loses no event.
func settle(kind string, a *Announced, life Life, revision int64) []string {
	was := *a
	*a = Announced{Life: life, Revision: revision}
	switch {
	case was.Life == "":
		return []string{kind + "created"}
	case was == *a:
		return nil
	case was.Life == life:
		return []string{kind + "updated"}
	case life == LifeActive && was.Life == LifeSuspended:
		return []string{kind + "resumed"}
	case life == LifeActive:
		return []string{kind + "undeleted"}
	case life == LifeSuspended && was.Life == LifeDeleted:
		return []string{kind + "undeleted", kind + "suspended"}
	default:
		return nil // Restrict has published it
	}
}

// Package tenancy is the domain of the tenant service: tenants, organisations, and the decisions about them.
//
// It is pure: a decision gets values and returns values. A refusal is an errs.Error that names the field or the resource, and the
// remedy. The use cases run the decisions inside transactions.
package tenancy

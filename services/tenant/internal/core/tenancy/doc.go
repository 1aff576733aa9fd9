// Package tenancy is the domain of the tenant service: tenants, their organisations, and what may be done to them when.
//
// It promises that every rule is decided here, before anything is stored, and that every change is one transaction of
// the Store: the row, the operation and the events of a change are written together or not at all. It fails with
// errs.Error values that name the field or the resource and the remedy. It knows no transport, SQL or cloud.
package tenancy

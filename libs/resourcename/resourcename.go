// Package resourcename is gen/go/resourcename under its former path, for the packages that still import it.
package resourcename

import "github.com/low-layer/platform/gen/go/resourcename"

// Wildcard stands for every organisation in the parent of a list; Quotas is the collection of quotas.
const (
	Wildcard = resourcename.Wildcard
	Quotas   = "quotas"
)

// Tenant and the other types are the names of resources.
type (
	Tenant       = resourcename.Tenant
	Organisation = resourcename.Organisation
	Hub          = resourcename.Hub
	Vpc          = resourcename.Vpc
	Peering      = resourcename.Peering
	Operation    = resourcename.Operation
	Receipt      = resourcename.Receipt
	Quota        = resourcename.Quota
)

// ParseTenant parses the name of a tenant.
func ParseTenant(s string) (Tenant, error) { return resourcename.ParseTenant(s) }

// ParseOrganisation parses the name of an organisation.
func ParseOrganisation(s string) (Organisation, error) { return resourcename.ParseOrganisation(s) }

// ParseOrganisationOrAll is ParseOrganisation that takes Wildcard as the organisation.
func ParseOrganisationOrAll(s string) (Organisation, error) {
	return resourcename.ParseOrganisationOrAll(s)
}

// ParseHub parses the name of a hub.
func ParseHub(s string) (Hub, error) { return resourcename.ParseHub(s) }

// ParseVpc parses the name of a VPC.
func ParseVpc(s string) (Vpc, error) { return resourcename.ParseVpc(s) }

// ParsePeering parses the name of a peering.
func ParsePeering(s string) (Peering, error) { return resourcename.ParsePeering(s) }

// ParseOperation parses the name of an operation.
func ParseOperation(s string) (Operation, error) { return resourcename.ParseOperation(s) }

// ParseReceipt parses the name of a receipt.
func ParseReceipt(s string) (Receipt, error) { return resourcename.ParseReceipt(s) }

// ParseQuota parses the name of a quota.
func ParseQuota(s string) (Quota, error) { return resourcename.ParseQuota(s) }

package resourcename

import (
	"regexp"
	"strings"
)

// Quotas is the collection of quotas.
const Quotas = "quotas"

var quotaID = regexp.MustCompile(`^[a-z]+\.[a-z][a-z_]*[a-z]$`)

// Quota is `tenants/{tenant}/quotas/{quota}`, or `tenants/{tenant}/organisations/{organisation}/quotas/{quota}`. Its id is the
// service that keeps count and what is counted: `network.vpcs`.
type Quota struct{ Tenant, Organisation, Quota string }

func (n Quota) String() string { return n.Place() + "/" + Quotas + "/" + n.Quota }

// Place is the name of what it limits.
func (n Quota) Place() string {
	if n.Organisation == "" {
		return Tenant{n.Tenant}.String()
	}
	return Organisation{n.Tenant, n.Organisation}.String()
}

// Service is the service that keeps count of it, for example `network`.
func (n Quota) Service() string {
	service, _, _ := strings.Cut(n.Quota, ".")
	return service
}

// Resource is what is counted, for example `vpcs`.
func (n Quota) Resource() string {
	_, resource, _ := strings.Cut(n.Quota, ".")
	return resource
}

// ParseQuota parses the name of a quota.
func ParseQuota(s string) (Quota, error) {
	if p, err := parse(s, "tenants/{tenant}/organisations/{organisation}/quotas/{quota}", tenantID, childID, quotaID); err == nil {
		return Quota{Tenant: p[0], Organisation: p[1], Quota: p[2]}, nil
	}
	p, err := parse(s, "tenants/{tenant}/quotas/{quota}", tenantID, quotaID)
	if err != nil {
		return Quota{}, err
	}
	return Quota{Tenant: p[0], Quota: p[1]}, nil
}

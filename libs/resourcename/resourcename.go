// Package resourcename parses and prints the AIP-122 names of the platform's resources. Parsing is strict: what it accepts
// prints back to the same text, and what it refuses is an errs.Error naming the form that is wanted.
package resourcename

import (
	"regexp"
	"strings"

	"github.com/low-layer/platform/libs/errs"
)

// Wildcard stands for every organisation in the parent of a list.
const Wildcard = "-"

var (
	tenantID = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)
	childID  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,38}[a-z0-9]$`)
	opID     = regexp.MustCompile(`^op_[a-z]+_[0-9a-z]{26}$`)
)

// Tenant is `tenants/{tenant}`.
type Tenant struct{ Tenant string }

// Organisation is `tenants/{tenant}/organisations/{organisation}`.
type Organisation struct{ Tenant, Organisation string }

// Hub is `tenants/{tenant}/organisations/{organisation}/hub`.
type Hub struct{ Tenant, Organisation string }

// Vpc is `tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}`.
type Vpc struct{ Tenant, Organisation, Vpc string }

// Peering is `tenants/{tenant}/peerings/{peering}`.
type Peering struct{ Tenant, Peering string }

// Operation is `tenants/{tenant}/operations/{operation}`.
type Operation struct{ Tenant, Operation string }

func (n Tenant) String() string { return "tenants/" + n.Tenant }

func (n Organisation) String() string {
	return n.Parent().String() + "/organisations/" + n.Organisation
}

func (n Hub) String() string { return n.Parent().String() + "/hub" }

func (n Vpc) String() string { return n.Parent().String() + "/vpcs/" + n.Vpc }

func (n Peering) String() string { return n.Parent().String() + "/peerings/" + n.Peering }

func (n Operation) String() string { return n.Parent().String() + "/operations/" + n.Operation }

// Parent is the tenant of the organisation.
func (n Organisation) Parent() Tenant { return Tenant{n.Tenant} }

// Parent is the organisation of the hub.
func (n Hub) Parent() Organisation { return Organisation(n) }

// Parent is the organisation of the VPC.
func (n Vpc) Parent() Organisation { return Organisation{n.Tenant, n.Organisation} }

// Parent is the tenant of the peering.
func (n Peering) Parent() Tenant { return Tenant{n.Tenant} }

// Parent is the tenant of the operation.
func (n Operation) Parent() Tenant { return Tenant{n.Tenant} }

// Service is the service an operation belongs to, for example `network`.
func (n Operation) Service() string {
	parts := strings.Split(n.Operation, "_")
	if len(parts) != 3 {
		return ""
	}
	return parts[1]
}

// ParseTenant parses `tenants/{tenant}`.
func ParseTenant(s string) (Tenant, error) {
	p, err := parse(s, "tenants/{tenant}", tenantID)
	if err != nil {
		return Tenant{}, err
	}
	return Tenant{p[0]}, nil
}

// ParseOrganisation parses `tenants/{tenant}/organisations/{organisation}`.
func ParseOrganisation(s string) (Organisation, error) {
	p, err := parse(s, "tenants/{tenant}/organisations/{organisation}", tenantID, childID)
	if err != nil {
		return Organisation{}, err
	}
	return Organisation{p[0], p[1]}, nil
}

// ParseOrganisationOrAll is ParseOrganisation that takes Wildcard as the organisation.
func ParseOrganisationOrAll(s string) (Organisation, error) {
	if t, ok := strings.CutSuffix(s, "/organisations/"+Wildcard); ok {
		tenant, err := ParseTenant(t)
		return Organisation{tenant.Tenant, Wildcard}, err
	}
	return ParseOrganisation(s)
}

// ParseHub parses `tenants/{tenant}/organisations/{organisation}/hub`.
func ParseHub(s string) (Hub, error) {
	p, err := parse(s, "tenants/{tenant}/organisations/{organisation}/hub", tenantID, childID)
	if err != nil {
		return Hub{}, err
	}
	return Hub{p[0], p[1]}, nil
}

// ParseVpc parses `tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}`.
func ParseVpc(s string) (Vpc, error) {
	p, err := parse(s, "tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}", tenantID, childID, childID)
	if err != nil {
		return Vpc{}, err
	}
	return Vpc{p[0], p[1], p[2]}, nil
}

// ParsePeering parses `tenants/{tenant}/peerings/{peering}`.
func ParsePeering(s string) (Peering, error) {
	p, err := parse(s, "tenants/{tenant}/peerings/{peering}", tenantID, childID)
	if err != nil {
		return Peering{}, err
	}
	return Peering{p[0], p[1]}, nil
}

// ParseOperation parses `tenants/{tenant}/operations/{operation}`.
func ParseOperation(s string) (Operation, error) {
	p, err := parse(s, "tenants/{tenant}/operations/{operation}", tenantID, opID)
	if err != nil {
		return Operation{}, err
	}
	return Operation{p[0], p[1]}, nil
}

// parse matches s against a pattern whose `{…}` parts must each match one of ids, and answers those parts.
func parse(s, pattern string, ids ...*regexp.Regexp) ([]string, error) {
	got, want := strings.Split(s, "/"), strings.Split(pattern, "/")
	if len(got) != len(want) {
		return nil, malformed(s, pattern)
	}
	var parts []string
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if got[i] != w {
				return nil, malformed(s, pattern)
			}
			continue
		}
		if !ids[len(parts)].MatchString(got[i]) {
			return nil, malformed(s, pattern)
		}
		parts = append(parts, got[i])
	}
	return parts, nil
}

func malformed(s, pattern string) error {
	return errs.InvalidAs("INVALID_NAME", errs.Field("name", "%q is not a resource name of the form %s", clip(s), pattern))
}

func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}

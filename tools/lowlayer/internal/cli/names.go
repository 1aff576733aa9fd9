package cli

import (
	"fmt"
	"strings"

	"github.com/low-layer/platform/gen/go/resourcename"
)

// Names are taken in full or short: `acme`, `acme/core`, `acme/core/dev`.

func tenantName(s string) (string, error) {
	return fullName(s, 1, func(p []string) string { return resourcename.Tenant{Tenant: p[0]}.String() },
		func(s string) error { _, err := resourcename.ParseTenant(s); return err }, "acme")
}

func organisationName(s string) (string, error) {
	return fullName(s, 2, func(p []string) string { return resourcename.Organisation{Tenant: p[0], Organisation: p[1]}.String() },
		func(s string) error { _, err := resourcename.ParseOrganisation(s); return err }, "acme/core")
}

func organisationOrAllName(s string) (string, error) {
	if !strings.Contains(s, "/") || strings.Count(s, "/") == 1 && strings.HasPrefix(s, "tenants/") {
		t, err := tenantName(s)
		return t + "/organisations/" + resourcename.Wildcard, err
	}
	return organisationName(s)
}

func vpcName(s string) (string, error) {
	return fullName(s, 3, func(p []string) string { return resourcename.Vpc{Tenant: p[0], Organisation: p[1], Vpc: p[2]}.String() },
		func(s string) error { _, err := resourcename.ParseVpc(s); return err }, "acme/core/dev")
}

func peeringName(s string) (string, error) {
	return fullName(s, 2, func(p []string) string { return resourcename.Peering{Tenant: p[0], Peering: p[1]}.String() },
		func(s string) error { _, err := resourcename.ParsePeering(s); return err }, "acme/dev-prod")
}

func operationName(s string) (string, error) {
	return fullName(s, 2, func(p []string) string { return resourcename.Operation{Tenant: p[0], Operation: p[1]}.String() },
		func(s string) error { _, err := resourcename.ParseOperation(s); return err }, "acme/op_network_…")
}

func receiptName(s string) (string, error) {
	return fullName(s, 2, func(p []string) string { return resourcename.Receipt{Tenant: p[0], Receipt: p[1]}.String() },
		func(s string) error { _, err := resourcename.ParseReceipt(s); return err }, "acme/rcpt_network_…")
}

func fullName(s string, parts int, build func([]string) string, check func(string) error, example string) (string, error) {
	name := s
	if !strings.HasPrefix(s, "tenants/") {
		p := strings.Split(s, "/")
		if len(p) != parts {
			return "", usageError{fmt.Errorf("%q is not a name: write it like %s, or in full", s, example)}
		}
		name = build(p)
	}
	if err := check(name); err != nil {
		return "", usageError{fmt.Errorf("%q is not a name: write it like %s, in lower-case letters, digits and dashes (a tenant 3 to 40, others 2 to 40 characters), or in full", s, example)}
	}
	return name, nil
}

// split parts a full name into its parent and its last id.
func split(name string) (parent, id string) {
	parts := strings.Split(name, "/")
	return strings.Join(parts[:len(parts)-2], "/"), parts[len(parts)-1]
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// shortName is a full name as people type it: without the collections.
func shortName(name string) string {
	parts := strings.Split(name, "/")
	var ids []string
	for i := 1; i < len(parts); i += 2 {
		ids = append(ids, parts[i])
	}
	return strings.Join(ids, "/")
}

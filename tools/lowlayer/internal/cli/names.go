package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/low-layer/platform/gen/go/resourcename"
)

// Names are taken in full or short: `acme`, `acme/core`, `acme/core/dev`.

func tenantName(s string) (string, error) { return fullName(s, "Tenant", "acme") }

func organisationName(s string) (string, error) { return fullName(s, "Organisation", "acme/core") }

func vpcName(s string) (string, error) { return fullName(s, "Vpc", "acme/core/dev") }

func operationName(s string) (string, error) { return fullName(s, "Operation", "acme/op_network_…") }

func receiptName(s string) (string, error) { return fullName(s, "Receipt", "acme/rcpt_network_…") }

func organisationOrAllName(s string) (string, error) {
	if depth(s) > 0 {
		return organisationName(s)
	}
	t, err := tenantName(s)
	return t + "/organisations/" + resourcename.Wildcard, err
}

// scopeName is the name of a tenant, organisation or VPC: acme, acme/core, acme/core/dev, or in full.
func scopeName(s string) (string, error) {
	switch depth(s) {
	case 0:
		return tenantName(s)
	case 1:
		return organisationName(s)
	default:
		return vpcName(s)
	}
}

// depth counts the parents in a name, full or short.
func depth(name string) int {
	n := strings.Count(name, "/")
	if strings.HasPrefix(name, "tenants/") {
		return n / 2
	}
	return n
}

var variable = regexp.MustCompile(`\{\w+\}`)

func fullName(s, kind, example string) (string, error) {
	r, _ := resourcename.Lookup("api.lowlayer.cloud/" + kind)
	name := s
	if !strings.HasPrefix(s, "tenants/") {
		ids := strings.Split(s, "/")
		if len(ids) != strings.Count(r.Patterns[0], "{") {
			return "", usageError{fmt.Errorf("%q is not a name: write it like %s, or in full", s, example)}
		}
		name = variable.ReplaceAllStringFunc(r.Patterns[0], func(string) (id string) {
			id, ids = ids[0], ids[1:]
			return id
		})
	}
	if !r.Names().Valid(name) {
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

// shortName is a full name without its collections.
func shortName(name string) string {
	parts := strings.Split(name, "/")
	var ids []string
	for i := 1; i < len(parts); i += 2 {
		ids = append(ids, parts[i])
	}
	return strings.Join(ids, "/")
}

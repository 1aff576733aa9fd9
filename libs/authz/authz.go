// Package authz decides which caller may call which method. A caller's groups give roles on tenants, organisations and
// VPCs. The method option of an RPC names the permission it needs. Cedar policies (policies/*.cedar) map roles to
// permissions.
//
//	platform ── tenant ── organisation ── VPC         a role holds on its resource and on everything below
//	owner ⊃ admin ⊃ operator ⊃ viewer, and billing    a stronger role may do what a weaker one may
//
// A method without a rule, a permission without a policy and a request without a known resource are denied. A decision
// asks no database and no other service. A caller without a role on, above or below a resource gets the same error as
// for an absent one. A refusal names the permission and the roles that would do, the weakest first. The package does not
// know which resources exist, so no decision can show it.
//
// Errors: NOT_FOUND, PERMISSION_DENIED, or UNAUTHENTICATED with the reason STEP_UP_REQUIRED.
package authz

import (
	"embed"
	"fmt"
	"io/fs"
	"sync"

	"github.com/cedar-policy/cedar-go"
)

//go:embed policies/*.cedar
var policyFiles embed.FS

// Authorizer decides. It is safe for use by several goroutines.
type Authorizer struct {
	policies *cedar.PolicySet
	methods  Methods

	mu   sync.RWMutex
	memo map[situation]bool
}

// New reads the policies; methods are those that can be called.
func New(methods Methods) (*Authorizer, error) {
	policies, err := readPolicies(policyFiles)
	if err != nil {
		return nil, err
	}
	return &Authorizer{policies: policies, methods: methods, memo: make(map[situation]bool)}, nil
}

func readPolicies(files fs.FS) (*cedar.PolicySet, error) {
	names, err := fs.Glob(files, "policies/*.cedar")
	if err != nil {
		return nil, fmt.Errorf("find the policies: %w", err)
	}
	set := cedar.NewPolicySet()
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read policy %s: %w", name, err)
		}
		list, err := cedar.NewPolicyListFromBytes(name, text)
		if err != nil {
			return nil, fmt.Errorf("read policy %s: %w", name, err)
		}
		for _, p := range list {
			id := cedar.PolicyID(p.Annotations()["id"])
			if id == "" || !set.Add(id, p) {
				return nil, fmt.Errorf("policy %s: @id %q is missing or taken", name, id)
			}
		}
	}
	return set, nil
}

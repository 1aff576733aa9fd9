package stack

import (
	"slices"
	"strings"
	"testing"
)

// TestIdentityIsAPartOnlyWhenAsked keeps stacks without it as they were.
func TestIdentityIsAPartOnlyWhenAsked(t *testing.T) {
	addresses := Defaults()
	for _, asked := range []bool{false, true} {
		s, err := New(Options{Dir: t.TempDir(), Bin: "bin", Addresses: addresses, Identity: asked, Users: []string{"ada@acme.test"}})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range s.foundations() {
			names = append(names, p.name)
		}
		if slices.Contains(names, "identitysim") != asked || (s.Issuer() != "") != asked {
			t.Errorf("asked %t: parts %v, issuer %q", asked, names, s.Issuer())
		}
		tenant, err := s.part("tenant")
		if err != nil {
			t.Fatal(err)
		}
		knows := slices.ContainsFunc(tenant.env, func(v string) bool { return strings.HasPrefix(v, "LOWLAYER_TENANT_KEYCLOAK_URL=") })
		if knows != asked {
			t.Errorf("asked %t: the tenant service knows of it: %t", asked, knows)
		}
	}
}

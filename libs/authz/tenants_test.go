package authz_test

import (
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/identity"
)

func TestTenants(t *testing.T) {
	for name, c := range map[string]struct {
		groups, ids []string
		all         bool
	}{
		"nobody":              {},
		"at each level":       {[]string{"/tenants/acme/owner", "/tenants/umbrella/organisations/core/vpcs/dev/viewer"}, []string{"acme", "umbrella"}, false},
		"an operator":         {[]string{"/tenants/acme/owner", "/platform/operator"}, nil, true},
		"what is no role":     {[]string{"/tenants/acme/baker", "/tenants/acme", "/staff"}, nil, false},
		"more than one's own": {[]string{"/tenants/*/viewer", "/tenants/acme,umbrella/viewer"}, nil, false},
	} {
		if ids, all := authz.Tenants(&identity.Principal{Groups: c.groups}); !slices.Equal(ids, c.ids) || all != c.all {
			t.Errorf("%s: %v, %v", name, ids, all)
		}
	}
}

package access

import (
	"context"

	"github.com/low-layer/platform/libs/identity"
)

// Sees is true when the caller has a permission on a resource; everybody has all where there is no guard.
func (g *Guard) Sees(ctx context.Context, permission, resource string) bool {
	if g == nil {
		return true
	}
	p, ok := identity.From(ctx)
	return ok && g.sees(p, permission, resource)
}

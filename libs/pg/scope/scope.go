// Package scope says for which tenants a call may see and change rows: the second wall, which libs/pg and the policies of the
// tables hold up however a decision about the call came out.
package scope

import (
	"context"
	"slices"
	"strings"
)

// All is the scope of work that is nobody's call, and of whoever operates the platform.
const All = "*"

type contextKey struct{}

// With narrows what statements with the context see to these tenants, by their ids; none at all when there are none.
func With(ctx context.Context, tenants []string) context.Context {
	sorted := slices.Compact(slices.Sorted(slices.Values(tenants)))
	return context.WithValue(ctx, contextKey{}, strings.Join(sorted, ","))
}

// Of is the scope of a context as the setting `lowlayer.tenants` has it: All, or ids with commas between them.
func Of(ctx context.Context) string {
	if tenants, ok := ctx.Value(contextKey{}).(string); ok {
		return tenants
	}
	return All
}

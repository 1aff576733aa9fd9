package scope_test

import (
	"testing"

	"github.com/low-layer/platform/libs/pg/scope"
)

func TestScope(t *testing.T) {
	if got := scope.Of(t.Context()); got != scope.All {
		t.Errorf("of nobody's call: %q", got)
	}
	for want, tenants := range map[string][]string{"": nil, "acme": {"acme", "acme"}, "acme,umbrella": {"umbrella", "acme"}} {
		ctx := scope.With(t.Context(), tenants)
		if got := scope.Of(ctx); got != want {
			t.Errorf("%v: %q", tenants, got)
		}
		if got := scope.Of(scope.With(ctx, []string{"x"})); got != "x" {
			t.Errorf("narrowed again: %q", got)
		}
	}
}

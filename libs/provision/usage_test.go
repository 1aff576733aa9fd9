package provision_test

import (
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
)

func TestNew_kindThatCouldForgetItsUsage_isRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Billed = true
	items := func(cloudfake.Spec) []usage.Item { return usage.Of("vpc", resource.Dedicated) }
	for name, c := range map[string]struct {
		kind  string
		usage func(cloudfake.Spec) []usage.Item
		want  string
	}{
		"is not in the list":          {"garden", items, "not in usage.Kinds"},
		"has meters and no usage":     {"vpc", nil, "has the meters"},
		"is free and declares usage":  {"tenant", items, "has the meters"},
		"has meters and declares one": {"vpc", items, ""},
		"is free":                     {"tenant", nil, ""},
	} {
		k := r.kind
		k.Name, k.Usage = c.kind, c.usage
		r.cfg.Kinds = []provision.AnyKind{k}
		_, err := provision.New(r.cfg)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("a kind that %s: %v", name, err)
		}
	}
}

// Package sizes has the flavors of the platform's machines: one for each size and mode.
//
// MUTUALIZED machines share processors. DEDICATED machines have processors of their own, by one of two recipes: where
// hypervisors offer PCPU by Nova's pinning, elsewhere by an aggregate whose hypervisors give every processor away once.
package sizes

import (
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/resource"
)

// Size is a size of machines.
type Size struct {
	Name                   string
	VCPUs, RAMMiB, DiskGiB int
}

// The names of the sizes.
const (
	Small  = "small"
	Medium = "medium"
	Large  = "large"
)

// All returns the sizes, the smallest first.
func All() []Size {
	return []Size{{Small, 2, 4 << 10, 20}, {Medium, 4, 8 << 10, 40}, {Large, 8, 16 << 10, 80}}
}

// Of returns the size of a name.
func Of(name string) (Size, bool) {
	all := All()
	i := slices.IndexFunc(all, func(s Size) bool { return s.Name == name })
	if i < 0 {
		return Size{}, false
	}
	return all[i], true
}

// Flavor is the name of the flavor of a size in a mode.
func Flavor(mode resource.Mode, size string) string {
	return "lowlayer." + strings.ToLower(string(mode)) + "." + size
}

// Recipe is the way to processors of one's own.
type Recipe string

// The recipes.
const (
	// Pinned is Nova's CPU pinning on hypervisors with an inventory of PCPU.
	Pinned Recipe = "PCPU"
	// Apart is an aggregate of hypervisors that carry a trait and have the ratio 1.0.
	Apart Recipe = "TRAIT"
)

// Marks of hypervisors for dedicated machines, by the recipe Apart.
const (
	Trait     = "CUSTOM_DEDICATED"
	Aggregate = "lowlayer-dedicated"
	modeKey   = "lowlayer:mode"
)

// Specs are the extra specs of a mode's flavors.
func Specs(mode resource.Mode, recipe Recipe) map[string]string {
	switch {
	case mode != resource.Dedicated:
		return map[string]string{}
	case recipe == Pinned:
		return map[string]string{"hw:cpu_policy": "dedicated"}
	}
	out := map[string]string{}
	for key, value := range AggregateMetadata() {
		if strings.HasPrefix(key, "trait:") {
			out[key] = value
		} else {
			out["aggregate_instance_extra_specs:"+key] = value
		}
	}
	return out
}

// AggregateMetadata is the metadata of the aggregate of the recipe Apart. Nova then keeps all other servers off it.
func AggregateMetadata() map[string]string {
	return map[string]string{"trait:" + Trait: "required", modeKey: "dedicated"}
}

package ids_test

import (
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/ids"
)

func TestNew_ids_arePrefixedUniqueSorted(t *testing.T) {
	const n = 2000
	all := make([]string, n)
	seen := make(map[string]bool, n)
	for i := range all {
		all[i] = ids.New("vpc")
		if seen[all[i]] {
			t.Fatalf("%s was made twice", all[i])
		}
		seen[all[i]] = true
		if len(all[i]) != len("vpc_")+ids.Length {
			t.Fatalf("%s has %d characters", all[i], len(all[i]))
		}
	}
	if !slices.IsSorted(all) {
		t.Error("ids made one after the other do not sort so")
	}
}

func TestPrefix(t *testing.T) {
	cases := map[string]string{
		ids.New("vpc"):                    "vpc",
		ids.New("op_network"):             "op_network",
		"":                                "",
		"vpc":                             "",
		"vpc_":                            "",
		"vpc_short":                       "",
		"vpc_UUUUUUUUUUUUUUUUUUUUUUUUUU":  "",
		"_" + ids.New("x")[2:]:            "",
		"vpc_00000000000000000000000000x": "",
	}
	for id, want := range cases {
		if got := ids.Prefix(id); got != want {
			t.Errorf("Prefix(%q) = %q, want %q", id, got, want)
		}
	}
}

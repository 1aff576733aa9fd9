package main

import (
	"slices"
	"testing"
)

func TestReadmeProblems(t *testing.T) {
	known := knownNames{
		targets:  map[string]bool{"demo": true},
		makefile: "bin/lowlayer: ...",
		exists:   func(p string) bool { return p == "libs/errs" || p == "docs/tools/x" },
	}
	cases := map[string]struct {
		text string
		want []string
	}{
		"all there":              {"```\nmake demo\nbin/lowlayer tree\n```\nsee `libs/errs`", nil},
		"prose is not a command": {"make sure that it works", nil},
		"no such target":         {"run `make coffee`", []string{"docs/README.md: there is no target `make coffee`"}},
		"no such program":        {"```\nbin/nothing x\n```", []string{"docs/README.md: the Makefile builds no bin/nothing"}},
		"no such path":           {"see `libs/none`", []string{"docs/README.md: there is no libs/none"}},
		"relative path":          {"see `tools/x`", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := readmeProblems("docs/README.md", c.text, known); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

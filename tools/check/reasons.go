package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/low-layer/platform/gen/go/reason"
)

// raised finds where a reason is given to an error: in a call of errs, or in a constant that such calls use.
var raised = regexp.MustCompile(`errs\.(?:Failed|InvalidAs)\(\s*"([A-Z][A-Z0-9_]+)"|errs\.(?:New|Wrap)\([^"\n]*"([A-Z][A-Z0-9_]+)"|\b[Rr]eason[A-Za-z]*\s*(?:=|:)\s*"([A-Z][A-Z0-9_]+)"`)

// reasons reports every reason of an error that no proto declares with (lowlayer.type.v1.reason).
func reasons(context.Context) ([]string, error) {
	given := make(map[string]string)
	for _, root := range []string{"libs", "services"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "fake") || strings.HasSuffix(filepath.Dir(path), "test") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, name := range reasonsIn(string(text)) {
				given[name] = path
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", root, err)
		}
	}
	var out []string
	for name, path := range given {
		if !slices.ContainsFunc(reason.All, func(r reason.Reason) bool { return r.Name == name }) {
			out = append(out, fmt.Sprintf("%s: the reason %s is in no proto: add it to the enum Reason in reason.proto of the service", path, name))
		}
	}
	slices.Sort(out)
	return out, nil
}

func reasonsIn(text string) []string {
	var out []string
	for _, m := range raised.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}

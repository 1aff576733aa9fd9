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
)

// problemPages is where the gateway explains each reason.
const problemPages = "services/gateway/internal/edge/problem"

// raised finds where a reason is given to an error: in a call of errs, or in a constant that such calls use.
var raised = regexp.MustCompile(`errs\.(?:Failed|InvalidAs)\(\s*"([A-Z][A-Z0-9_]+)"|errs\.(?:New|Wrap)\([^"\n]*"([A-Z][A-Z0-9_]+)"|\b[Rr]eason[A-Za-z]*\s*(?:=|:)\s*"([A-Z][A-Z0-9_]+)"`)

// reasons reports every reason of an error that the gateway has no page for.
func reasons(context.Context) ([]string, error) {
	pages, err := goText(problemPages)
	if err != nil {
		return nil, err
	}
	given := make(map[string]string)
	for _, root := range []string{"libs", "services"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "fake") || strings.HasSuffix(filepath.Dir(path), "test") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, reason := range reasonsIn(string(text)) {
				given[reason] = path
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", root, err)
		}
	}
	var out []string
	for reason, path := range given {
		if !strings.Contains(pages, `"`+reason+`"`) && !general(reason) {
			out = append(out, fmt.Sprintf("%s: the reason %s has no page in %s", path, reason, problemPages))
		}
	}
	slices.Sort(out)
	return out, nil
}

// general are the reasons the pages name by their constants of libs/errs.
func general(reason string) bool {
	return slices.Contains([]string{"INVALID_FIELDS", "ETAG_MISMATCH", "REQUEST_ID_REUSED", "INTERNAL"}, reason)
}

func reasonsIn(text string) []string {
	var out []string
	for _, m := range raised.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}

// goText is the source of one package.
func goText(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return "", fmt.Errorf("read the problem pages: %w", err)
		}
		b.Write(text)
	}
	return b.String(), nil
}

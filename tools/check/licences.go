package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

const (
	allowList = "tools/check/licences.allow"
	// wantCovered is the part of a licence file, in percent, that known licences must cover.
	wantCovered = 75
)

var licenceFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying|unlicense)([.-].*)?$`)

// A dependency is one module that our packages or their tests are built from.
type dependency struct{ Path, Version, Dir string }

// licences reports every dependency without a licence of the allow-list. The build tools of tools/build are no part of the product.
func licences(ctx context.Context) ([]string, error) {
	text, err := os.ReadFile(allowList)
	if err != nil {
		return nil, fmt.Errorf("read the allow-list: %w", err)
	}
	allowed, exceptions := readAllowed(string(text))
	modules, err := dependencies(ctx)
	if err != nil {
		return nil, err
	}
	if len(modules) == 0 {
		return nil, errors.New("go list names no dependency")
	}
	var out []string
	for _, m := range modules {
		names, err := licencesIn(m.Dir)
		if err != nil {
			return nil, fmt.Errorf("read the licence of %s: %w", m.Path, err)
		}
		exception, excepted := exceptions[m.Path]
		delete(exceptions, m.Path)
		if len(names) == 0 && !excepted {
			out = append(out, fmt.Sprintf("%s %s: no known licence", m.Path, m.Version))
		}
		for _, name := range names {
			if !slices.Contains(allowed, name) && !slices.Contains(exception, name) {
				out = append(out, fmt.Sprintf("%s %s: the licence %s is not on %s", m.Path, m.Version, name, allowList))
			}
		}
	}
	for _, path := range sortedKeys(exceptions) {
		out = append(out, fmt.Sprintf("%s is no dependency: remove its line from %s", path, allowList))
	}
	return out, nil
}

// readAllowed returns the licences that every module may have, and those of single modules.
func readAllowed(text string) (allowed []string, exceptions map[string][]string) {
	exceptions = make(map[string][]string)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasPrefix(fields[0], "#"):
		case len(fields) == 1:
			allowed = append(allowed, fields[0])
		default:
			exceptions[fields[0]] = fields[1:]
		}
	}
	return allowed, exceptions
}

// licencesIn returns the licences in the root of a module, none when a licence file is not known for the most part.
func licencesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		names = append(names, licencesOf(text)...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func licencesOf(text []byte) []string {
	coverage := licensecheck.Scan(text)
	if coverage.Percent < wantCovered {
		return nil
	}
	var names []string
	for _, match := range coverage.Match {
		if !match.IsURL {
			names = append(names, match.ID)
		}
	}
	return names
}

// dependencies lists the modules of others that the packages of the workspace and their tests need.
func dependencies(ctx context.Context) ([]dependency, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-test", "-tags", "acceptance,chaos", "-json=Module", "work")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	found := make(map[string]dependency)
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Module *struct {
				dependency
				Main bool
			}
		}
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		if p.Module != nil && !p.Module.Main {
			found[p.Module.Path] = p.Module.dependency
		}
	}
	var modules []dependency
	for _, path := range sortedKeys(found) {
		modules = append(modules, found[path])
	}
	return modules, nil
}

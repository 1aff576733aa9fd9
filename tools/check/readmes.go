package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	makeTarget = regexp.MustCompile(`\bmake ([a-z][a-z0-9-]*)`)
	binary     = regexp.MustCompile(`\bbin/([a-z][a-z0-9-]*)`)
	pathInRepo = regexp.MustCompile("`((?:proto|services|libs|gen|deploy|tools)/[A-Za-z0-9_./-]+)`")
	targetLine = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// readmes reports every make target, program of bin/ and path in backticks that a README names and the tree does not have.
func readmes(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md").Output()
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		return nil, fmt.Errorf("read the Makefile: %w", err)
	}
	known := knownNames{targets: make(map[string]bool), exists: exists}
	for _, m := range targetLine.FindAllStringSubmatch(string(makefile), -1) {
		known.targets[m[1]] = true
	}
	known.makefile = string(makefile)
	var offences []string
	for file := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		offences = append(offences, readmeProblems(file, string(text), known)...)
	}
	return offences, nil
}

type knownNames struct {
	targets  map[string]bool
	makefile string
	exists   func(path string) bool
}

func readmeProblems(file, text string, known knownNames) []string {
	var out []string
	code := codeOf(text)
	for _, m := range makeTarget.FindAllStringSubmatch(code, -1) {
		if !known.targets[m[1]] {
			out = append(out, fmt.Sprintf("%s: there is no target `make %s`", file, m[1]))
		}
	}
	for _, m := range binary.FindAllStringSubmatch(code, -1) {
		if !strings.Contains(known.makefile, m[1]) {
			out = append(out, fmt.Sprintf("%s: the Makefile builds no bin/%s", file, m[1]))
		}
	}
	for _, m := range pathInRepo.FindAllStringSubmatch(text, -1) {
		if !known.exists(m[1]) && !known.exists(filepath.Join(filepath.Dir(file), m[1])) {
			out = append(out, fmt.Sprintf("%s: there is no %s", file, m[1]))
		}
	}
	return out
}

// codeOf is what stands in code blocks and backticks: prose may say "make sure".
func codeOf(text string) string {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			b.WriteString(line)
			continue
		}
		parts := strings.Split(line, "`")
		for i := 1; i < len(parts); i += 2 {
			b.WriteString(parts[i] + "\n")
		}
	}
	return b.String()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

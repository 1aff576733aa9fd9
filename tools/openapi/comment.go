package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// commented are the proto files whose messages travel inside of others, so that the plugin does not describe them.
var commented = []string{"lowlayer/operation/v1/operation.proto", "lowlayer/type/v1/state.proto"}

// described are the fields of messages that come without comments.
var described = map[string]string{
	"google.longrunning.ListOperationsRequest.filter":                 "AIP-160 over `done`, `metadata.resource`, `metadata.verb`, `metadata.request_id`, `metadata.create_time`.",
	"google.longrunning.ListOperationsRequest.page_size":              "Operations in a page at most; default 50, at most 1000.",
	"google.longrunning.ListOperationsRequest.page_token":             "`nextPageToken` of the page before, with the same filter.",
	"google.longrunning.ListOperationsRequest.return_partial_success": "Answer what can be had when a service cannot be reached, and name it in `unreachable`; without it the list is whole or an error.",
	"google.longrunning.ListOperationsResponse.operations":            "The operations, newest first.",
	"google.longrunning.ListOperationsResponse.next_page_token":       "Asks for the next page; empty on the last.",
	"google.longrunning.ListOperationsResponse.unreachable":           "Services that did not answer, when partial lists were asked for.",
	"google.longrunning.WaitOperationRequest.timeout":                 "How long to wait, for example `30s`; at most 60 s.",
}

var (
	packageLine = regexp.MustCompile(`^package ([a-z0-9.]+);`)
	messageLine = regexp.MustCompile(`^\s*(?:message|enum|service) (\w+) \{`)
	fieldLine   = regexp.MustCompile(`^\s*(?:repeated )?(?:map<[^>]+>|[\w.]+) (\w+) = \d+`)
)

// readComments returns the comments of messages and fields by full name. It reads proto files as buf formats them: one
// declaration a line.
func readComments(folder string) (map[string]string, error) {
	out := maps.Clone(described)
	for _, name := range commented {
		if err := readFile(filepath.Join(folder, name), out); err != nil {
			return nil, fmt.Errorf("read the comments of %s: %w", name, err)
		}
	}
	return out, nil
}

func readFile(path string, out map[string]string) error {
	f, err := os.Open(path) //nolint:gosec // a path below the folder the caller names
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read

	var scope, comment []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if c, ok := strings.CutPrefix(strings.TrimSpace(line), "//"); ok {
			comment = append(comment, strings.TrimSpace(c))
			continue
		}
		full := func(name string) string { return strings.Join(append(scope[:len(scope):len(scope)], name), ".") }
		switch {
		case packageLine.MatchString(line):
			scope = []string{packageLine.FindStringSubmatch(line)[1]}
		case messageLine.MatchString(line):
			name := messageLine.FindStringSubmatch(line)[1]
			out[full(name)] = strings.Join(comment, "\n")
			if !strings.HasSuffix(line, "}") {
				scope = append(scope, name)
			}
		case fieldLine.MatchString(line):
			out[full(fieldLine.FindStringSubmatch(line)[1])] = strings.Join(comment, "\n")
			scope = opened(scope, line)
		default:
			scope = opened(scope, line)
		}
		comment = nil
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// opened follows the braces of what is no message, such as options, so that their ends are not taken for a message's.
func opened(scope []string, line string) []string {
	for range strings.Count(line, "{") {
		scope = append(scope, "{")
	}
	for range strings.Count(line, "}") {
		if len(scope) > 1 {
			scope = scope[:len(scope)-1]
		}
	}
	return scope
}

package blueprint

import (
	"fmt"
	"slices"
	"strings"
)

// InvalidError is the error of an impossible blueprint.
type InvalidError struct {
	// Problems name the field, its line and the remedy.
	Problems []string
	summary  string
}

// Summary is the error in one line.
func (e *InvalidError) Summary() string { return e.summary }

func (e *InvalidError) Error() string {
	return strings.Join(append([]string{e.summary}, e.Problems...), "\n  ")
}

// whole is a problem of the whole file.
func whole(format string, args ...any) error {
	return &InvalidError{summary: "the blueprint " + fmt.Sprintf(format, args...)}
}

func notYAML(err error) error {
	return whole("is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
}

type problem struct {
	path, text string
	line       int
}

// problems collects the faults of a file; lines are the lines of its fields.
type problems struct {
	list  []problem
	lines map[string]int
}

// add adds a problem, unless one of the field or of a field around it is known: it would follow from that.
func (p *problems) add(path, format string, args ...any) {
	if slices.ContainsFunc(p.list, func(q problem) bool { return q.path == path || strings.HasPrefix(path, q.path+".") }) {
		return
	}
	p.list = append(p.list, problem{path, fmt.Sprintf(format, args...), p.lineOf(path)})
}

// lineOf is the line of a field, or of the nearest around it when it is missing.
func (p *problems) lineOf(path string) int {
	for path != "" {
		if line, ok := p.lines[path]; ok {
			return line
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return 1
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b problem) int { return a.line - b.line })
	lines := make([]string, len(p.list))
	for i, q := range p.list {
		lines[i] = fmt.Sprintf("line %d: %s: %s", q.line, q.path, q.text)
	}
	count := "one problem"
	if len(lines) > 1 {
		count = fmt.Sprintf("%d problems", len(lines))
	}
	return &InvalidError{Problems: lines, summary: "the blueprint has " + count + "; nothing was ordered"}
}

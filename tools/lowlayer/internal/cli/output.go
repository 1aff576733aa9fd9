package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A view is the form of resources of one type in a table.
type view[M proto.Message] struct {
	heads []string
	row   func(M) []string
	name  func(M) string
	plain string // field of the list in JSON, for example `vpcs`
}

var jsonForm = protojson.MarshalOptions{EmitDefaultValues: true}

// show writes a result in the form of --output: its names, the table that draw writes, or the value as JSON or YAML.
func (a *app) show(names []string, draw func(), value any) error {
	switch a.output {
	case "name":
		for _, name := range names {
			a.println(name)
		}
		return a.out.err
	case "table":
		draw()
		return a.out.err
	}
	data, err := encoded(value)
	if err != nil {
		return err
	}
	return a.printData(data)
}

// encoded is a value or a message as JSON.
func encoded(value any) (data []byte, err error) {
	if m, ok := value.(proto.Message); ok {
		data, err = jsonForm.Marshal(m)
	} else {
		data, err = json.Marshal(value)
	}
	if err != nil {
		return nil, fmt.Errorf("print: %w", err)
	}
	return data, nil
}

// printOne writes one resource.
func printOne[M proto.Message](a *app, v view[M], m M) error {
	return a.show([]string{v.name(m)}, func() { a.table(v.heads, [][]string{v.row(m)}) }, m)
}

// printList writes many resources.
func printList[M proto.Message](a *app, v view[M], list []M) error {
	names, rows, items := make([]string, len(list)), make([][]string, len(list)), make([]json.RawMessage, len(list))
	for i, m := range list {
		data, err := encoded(m)
		if err != nil {
			return err
		}
		names[i], rows[i], items[i] = v.name(m), v.row(m), data
	}
	return a.show(names, func() {
		if len(rows) == 0 {
			a.note("nothing found")
			return
		}
		a.table(v.heads, rows)
	}, map[string]any{v.plain: items})
}

// printData writes JSON as JSON or YAML.
func (a *app) printData(data []byte) error {
	if a.output == "yaml" {
		var node yaml.Node // JSON is YAML; a node keeps the order of the fields
		if err := yaml.Unmarshal(data, &node); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		blockStyle(&node)
		text, err := yaml.Marshal(&node)
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		a.println(strings.TrimSuffix(string(text), "\n"))
		return a.out.err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	a.println(pretty.String())
	return a.out.err
}

func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		blockStyle(c)
	}
}

// println writes a line of output. An error of writing stays in out.
func (a *app) println(s string) { _, _ = fmt.Fprintln(a.streams.Out, s) }

// printf writes a formatted line of output.
func (a *app) printf(format string, args ...any) { a.println(fmt.Sprintf(format, args...)) }

// table writes rows below their heads. A cell is one line, whatever text it holds.
func (a *app) table(heads []string, rows [][]string) {
	tw := tabwriter.NewWriter(a.streams.Out, 0, 4, 3, ' ', 0)
	for _, row := range append([][]string{heads}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = escapeLine(cell); cell == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	_ = tw.Flush() // Run reports it
}

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A view says how resources of one type look in a table.
type view[M proto.Message] struct {
	heads []string
	row   func(M) []string
	name  func(M) string
	plain string // field of the list in JSON, for example `vpcs`
}

var jsonForm = protojson.MarshalOptions{EmitDefaultValues: true}

// printOne writes one resource.
func printOne[M proto.Message](a *app, v view[M], m M) error {
	switch a.output {
	case "name":
		return a.println(v.name(m))
	case "table":
		return printTable(a.streams.Out, v.heads, [][]string{v.row(m)})
	}
	data, err := jsonForm.Marshal(m)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.printData(data)
}

// printList writes many.
func printList[M proto.Message](a *app, v view[M], list []M) error {
	if a.output == "table" {
		rows := make([][]string, len(list))
		for i, m := range list {
			rows[i] = v.row(m)
		}
		if len(rows) == 0 {
			a.note("nothing found")
			return nil
		}
		return printTable(a.streams.Out, v.heads, rows)
	}
	if a.output == "name" {
		for _, m := range list {
			if err := a.println(v.name(m)); err != nil {
				return err
			}
		}
		return nil
	}
	items := make([]json.RawMessage, len(list))
	for i, m := range list {
		data, err := jsonForm.Marshal(m)
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
		items[i] = data
	}
	data, err := json.Marshal(map[string]any{v.plain: items})
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.printData(data)
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
		_, err = a.streams.Out.Write(text)
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.println(pretty.String())
}

func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		blockStyle(c)
	}
}

func (a *app) println(s string) error {
	_, err := fmt.Fprintln(a.streams.Out, s)
	return err
}

func printTable(w io.Writer, heads []string, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 4, 3, ' ', 0)
	for _, row := range append([][]string{heads}, rows...) {
		for i, cell := range row {
			if cell == "" {
				row[i] = "-"
			}
		}
		if _, err := fmt.Fprintln(tw, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

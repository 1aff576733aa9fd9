package blueprint

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

var blueprintType = reflect.TypeFor[Blueprint]()

// checkShape reports unknown fields and values of another type. The decoder has read the document before, so it holds no loops
// and no excess of aliases.
func (p *problems) checkShape(n *yaml.Node, path string, want reflect.Type) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if _, seen := p.lines[path]; path != "" && !seen {
		p.lines[path] = n.Line
	}
	if n.Style&yaml.TaggedStyle != 0 {
		p.add(path, "has the tag %s; remove it, values are read by their own form", n.Tag)
		return
	}
	if n.ShortTag() == "!!null" {
		return
	}
	if want.Kind() == reflect.Pointer {
		want = want.Elem()
	}
	switch want.Kind() {
	case reflect.Struct:
		if p.kind(n, path, yaml.MappingNode, "fields") {
			p.checkFields(n, path, want)
		}
	case reflect.Slice:
		if p.kind(n, path, yaml.SequenceNode, "a list") {
			for i, item := range n.Content {
				p.checkShape(item, fmt.Sprintf("%s[%d]", path, i), want.Elem())
			}
		}
	case reflect.Map:
		if p.kind(n, path, yaml.MappingNode, "keys with texts") {
			p.checkTextMap(n, path, want)
		}
	default:
		p.checkScalar(n, path, want.Kind())
	}
}

// checkTextMap checks a map of texts, such as labels.
func (p *problems) checkTextMap(n *yaml.Node, path string, want reflect.Type) {
	if n.Decode(reflect.New(want).Interface()) != nil {
		p.add(path, "each value must be a text and each key stand once")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.ShortTag() != "!!merge" {
			p.checkScalar(key, path, reflect.String)
			p.checkShape(n.Content[i+1], path+"."+key.Value, want.Elem())
		}
	}
}

func (p *problems) kind(n *yaml.Node, path string, want yaml.Kind, word string) bool {
	if n.Kind == want {
		return true
	}
	if path == "" {
		path = "(file)"
	}
	p.add(path, "must hold %s, not %s", word, shown(n))
	return false
}

func (p *problems) checkFields(n *yaml.Node, path string, want reflect.Type) {
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			p.checkShape(value, path, want)
			continue
		}
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		if _, twice := seen[key.Value]; !twice {
			p.lines[at] = key.Line
		}
		field, ok := fieldOf(want, key.Value)
		switch {
		case !ok:
			p.add(at, "there is no such field; %s", advice(want, key.Value))
		case seen[key.Value] > 0:
			p.add(at, "stands on line %d and on line %d; remove one of the two", seen[key.Value], key.Line)
		default:
			p.checkShape(value, at, field.Type)
		}
		seen[key.Value] = key.Line
	}
}

func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("yaml") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// advice names the most similar field, or all fields.
func advice(t reflect.Type, wrong string) string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("yaml")
		if a, b := strings.ToLower(names[i]), strings.ToLower(wrong); a == b || len(wrong) > 2 && oneSlip(a, b) {
			return fmt.Sprintf("did you mean %s?", names[i])
		}
	}
	return "here go " + strings.Join(names, ", ")
}

// oneSlip is true when two words differ in one wrong, missing or extra letter.
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i == len(a) || a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}

func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	default:
		return fmt.Sprintf("%q", clip(n.Value))
	}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}

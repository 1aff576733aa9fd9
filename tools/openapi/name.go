package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/low-layer/platform/gen/go/resourcename"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// names know what the parts of resource names are called.
type names struct {
	// variable is by collection: tenants → tenant.
	variable map[string]string
}

func newNames(files *protoregistry.Files) *names {
	n := &names{variable: make(map[string]string)}
	var all []protoreflect.FileDescriptor
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(f.Package()), "lowlayer.") {
			all = append(all, f)
		}
		return true
	})
	slices.SortFunc(all, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	for _, f := range all {
		for i := range f.Messages().Len() {
			n.learn(f.Messages().Get(i))
		}
	}
	return n
}

func (n *names) learn(m protoreflect.MessageDescriptor) {
	r, _ := proto.GetExtension(m.Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
	for _, p := range r.GetPattern() {
		parts := strings.Split(p, "/")
		for i := 1; i < len(parts); i++ {
			if v, ok := strings.CutPrefix(parts[i], "{"); ok {
				n.variable[parts[i-1]] = strings.TrimSuffix(v, "}")
			}
		}
	}
}

// name is the variable of a collection.
func (n *names) name(collection string) string {
	if v, ok := n.variable[collection]; ok {
		return v
	}
	return strings.TrimSuffix(collection, "s")
}

// path writes a template with the real names of its variables, and returns those.
func (n *names) path(template string) (path string, variables []string, err error) {
	for template != "" {
		literal, rest, found := strings.Cut(template, "{")
		path += literal
		if !found {
			break
		}
		inner, tail, closed := strings.Cut(rest, "}")
		if !closed {
			return "", nil, fmt.Errorf("%w: braces of %s", errInput, template)
		}
		_, pattern, bound := strings.Cut(inner, "=")
		if !bound {
			pattern = "*"
		}
		parts := strings.Split(pattern, "/")
		for i, p := range parts {
			if p != "*" {
				continue
			}
			collection := last(path)
			if i > 0 {
				collection = parts[i-1]
			}
			v := n.name(collection)
			variables = append(variables, v)
			parts[i] = "{" + v + "}"
		}
		path += strings.Join(parts, "/")
		template = tail
	}
	return path, variables, nil
}

func last(path string) string {
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	return parts[len(parts)-1]
}

// parameter describes one variable of a path. With wildcard, `-` stands for all.
func (*names) parameter(variable string, wildcard bool) object {
	pattern := resourcename.IDPattern(variable)
	if wildcard {
		pattern = "(" + pattern + "|-)"
	}
	out := object{
		"name": variable, "in": "path", "required": true, "schema": object{"type": "string", "pattern": "^" + pattern + "$"},
		"description": "Id of the " + strings.ReplaceAll(variable, "_", " ") + ": the part of the resource name after its collection.",
	}
	if e, ok := examples[variable]; ok {
		out["example"] = e
	}
	return out
}

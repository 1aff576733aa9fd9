package route

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ValidateOnly is the field that asks for a plan alone.
const ValidateOnly = "validate_only"

// Route is one way to call a method over REST.
type Route struct {
	*Method
	// Verb is the HTTP method.
	Verb string
	// Template is the path as the API declares it, for example `/v1/{name=tenants/*}:suspend`.
	Template string
	// Body is the field the body fills: empty for none, `*` for the whole request.
	Body string
	// BodyMessage is what the body holds; nil when there is none.
	BodyMessage protoreflect.MessageDescriptor
	// Params are the query parameters, by their lowerCamel and by their snake_case name.
	Params map[string]Param
	// RequestID is the field that makes repeating safe; nil when the request has none.
	RequestID protoreflect.FieldDescriptor
	// Etag is the path to the etag a change is conditional on; empty when the request has none.
	Etag []protoreflect.FieldDescriptor

	segments []string
	action   string
}

// Prefix is what the paths of fields in the body begin with when they are named in errors.
func (r *Route) Prefix() string {
	if r.Body == "" || r.Body == "*" {
		return ""
	}
	return r.Body + "."
}

func newRoute(m *Method, rule *annotations.HttpRule) (*Route, error) {
	verb, template, err := pattern(rule)
	if err != nil {
		return nil, err
	}
	r := &Route{Method: m, Verb: verb, Template: template, Body: rule.GetBody()}
	vars, err := r.parse(template)
	if err != nil {
		return nil, fmt.Errorf("template %q: %w", template, err)
	}
	input := m.Descriptor.Input()
	switch r.Body {
	case "":
	case "*":
		r.BodyMessage = input
	default:
		f := input.Fields().ByName(protoreflect.Name(r.Body))
		if f == nil || f.Message() == nil {
			return nil, fmt.Errorf("body %q is no message field of %s", r.Body, input.FullName())
		}
		r.BodyMessage = f.Message()
		if e := etagOf(f.Message()); e != nil && verb != http.MethodPost {
			r.Etag = []protoreflect.FieldDescriptor{f, e}
		}
	}
	if e := etagOf(input); e != nil {
		r.Etag = []protoreflect.FieldDescriptor{e}
	}
	r.RequestID = input.Fields().ByName("request_id")
	if r.Body != "*" {
		r.Params = params(input, append(vars, r.Body))
	} else if f := input.Fields().ByName(ValidateOnly); f != nil {
		// A plan is asked for in the same way of every method, whether or not its other fields are in the body.
		p := Param{Path: ValidateOnly, Field: f}
		r.Params = map[string]Param{ValidateOnly: p, f.JSONName(): p}
	}
	return r, nil
}

func etagOf(m protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	if f := m.Fields().ByName("etag"); f != nil && f.Kind() == protoreflect.StringKind {
		return f
	}
	return nil
}

func pattern(rule *annotations.HttpRule) (verb, template string, err error) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get, nil
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post, nil
	case *annotations.HttpRule_Put:
		return http.MethodPut, p.Put, nil
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch, nil
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete, nil
	default:
		return "", "", errors.New("no path")
	}
}

// parse splits a template such as `/v1/{name=tenants/*}:undelete` into segments and action, and returns its variables.
func (r *Route) parse(template string) (vars []string, err error) {
	rest, ok := strings.CutPrefix(template, "/")
	if !ok {
		return nil, errors.New("does not begin with a slash")
	}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexAny(rest, "}/") {
		rest, r.action = rest[:i], rest[i+1:]
	}
	var flat strings.Builder
	for rest != "" {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			flat.WriteString(rest)
			break
		}
		end := strings.IndexByte(rest, '}')
		if end < open {
			return nil, errors.New("braces do not match")
		}
		name, inner, bound := strings.Cut(rest[open+1:end], "=")
		if !bound {
			inner = "*"
		}
		vars = append(vars, name)
		flat.WriteString(rest[:open])
		flat.WriteString(inner)
		rest = rest[end+1:]
	}
	r.segments = strings.Split(flat.String(), "/")
	for _, s := range r.segments {
		if s == "" || s == "**" {
			return nil, fmt.Errorf("segment %q is not supported", s)
		}
	}
	return vars, nil
}

// node is a place in the tree of path segments.
type node struct {
	literal map[string]*node
	any     *node
	// leaves are the routes that end here, by action.
	leaves map[string][]*Route
}

func (n *node) add(r *Route) error {
	for _, s := range r.segments {
		n = n.child(s)
	}
	if n.leaves == nil {
		n.leaves = make(map[string][]*Route)
	}
	for _, other := range n.leaves[r.action] {
		if other.Verb == r.Verb {
			return fmt.Errorf("%s %s is the route of %s already", r.Verb, r.Template, other.Full)
		}
	}
	n.leaves[r.action] = append(n.leaves[r.action], r)
	return nil
}

func (n *node) child(segment string) *node {
	if segment == "*" {
		if n.any == nil {
			n.any = &node{}
		}
		return n.any
	}
	if n.literal == nil {
		n.literal = make(map[string]*node)
	}
	c, ok := n.literal[segment]
	if !ok {
		c = &node{}
		n.literal[segment] = c
	}
	return c
}

// find walks the rest of a path; a literal segment wins over a variable, and is given up when it leads nowhere.
func (n *node) find(rest string) []*Route {
	segment, tail, more := strings.Cut(rest, "/")
	if !more {
		name, action := segment, ""
		if i := strings.LastIndexByte(segment, ':'); i >= 0 {
			name, action = segment[:i], segment[i+1:]
		}
		if name == "" {
			return nil
		}
		if c := n.literal[name]; c != nil && c.leaves[action] != nil {
			return c.leaves[action]
		}
		if n.any != nil {
			return n.any.leaves[action]
		}
		return nil
	}
	if c := n.literal[segment]; c != nil {
		if l := c.find(tail); l != nil {
			return l
		}
	}
	if n.any != nil && segment != "" {
		return n.any.find(tail)
	}
	return nil
}

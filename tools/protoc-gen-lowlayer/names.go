package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// runtime is the part of package resourcename that no proto changes.
//
//go:embed resourcename.tmpl
var runtime string

// resource is one google.api.resource, or one google.api.resource_definition.
type resource struct {
	kind, goName, singular, plural string
	patterns                       []string
	comment                        string
}

// names generates package resourcename.
func names(plugin *protogen.Plugin, files []*protogen.File) error {
	forms, err := idForms(files)
	if err != nil {
		return err
	}
	all, wild := resources(files), wildcards(files)
	g := plugin.NewGeneratedFile("go/resourcename/resourcename.go", root+"go/resourcename")
	g.P(runtime)
	g.P("var idForms = map[string]*idForm{")
	for _, variable := range sortedKeys(forms) {
		f := forms[variable]
		g.P(fmt.Sprintf("%q: newForm(`%s`, %q),", variable, f.pattern, f.words))
	}
	g.P("}")
	g.P()
	g.P("var resources = map[string]*Resource{")
	for _, r := range all {
		g.P(fmt.Sprintf("%q: newResource(%q, %q, %q", r.kind, r.kind, r.singular, r.plural), list(r.patterns), "),")
	}
	g.P("}")
	for _, r := range all {
		r.generate(g, forms, all, wild[r.kind])
	}
	return nil
}

type idForm struct{ pattern, words string }

// idForms returns the declared forms by variable, and the default by "".
func idForms(files []*protogen.File) (map[string]idForm, error) {
	out := make(map[string]idForm)
	for _, f := range files {
		if f.Desc.Package() == "lowlayer.type.v1" {
			if m := f.Desc.Messages().ByName("IdForm"); m != nil {
				out[""] = idForm{m.Fields().ByName("pattern").Default().String(), m.Fields().ByName("words").Default().String()}
			}
		}
		declared, ok := option(f.Desc, "lowlayer.type.v1.id_form")
		if !ok {
			continue
		}
		for i := range declared.List().Len() {
			m := declared.List().Get(i).Message()
			variable := text(m, "variable")
			if _, twice := out[variable]; twice {
				return nil, fmt.Errorf("%s: the ids of %q have two forms", f.Desc.Path(), variable)
			}
			out[variable] = idForm{text(m, "pattern"), text(m, "words")}
			if _, err := regexp.Compile(out[variable].pattern); err != nil {
				return nil, fmt.Errorf("%s: the form of %q: %w", f.Desc.Path(), variable, err)
			}
		}
	}
	return out, nil
}

// resources returns the resources of all files, by type.
func resources(files []*protogen.File) []resource {
	var out []resource
	add := func(m protoreflect.Message, about string) {
		r := resource{kind: text(m, "type"), singular: text(m, "singular"), plural: text(m, "plural"), comment: about}
		r.goName = r.kind[strings.LastIndexByte(r.kind, '/')+1:]
		patterns := m.Get(m.Descriptor().Fields().ByName("pattern")).List()
		for i := range patterns.Len() {
			r.patterns = append(r.patterns, patterns.Get(i).String())
		}
		out = append(out, r)
	}
	for _, f := range files {
		if v, ok := option(f.Desc, "google.api.resource_definition"); ok {
			for i := range v.List().Len() {
				add(v.List().Get(i).Message(), "")
			}
		}
		for _, m := range f.Messages {
			if v, ok := option(m.Desc, "google.api.resource"); ok {
				add(v.Message(), comment(m.Comments))
			}
		}
	}
	slices.SortFunc(out, func(a, b resource) int { return strings.Compare(a.kind, b.kind) })
	return out
}

// wildcards returns the types whose names may end in `-` somewhere: the parents of what has a list over all of them.
func wildcards(files []*protogen.File) map[string]bool {
	out, all := make(map[string]bool), resources(files)
	for _, f := range files {
		for _, m := range f.Messages {
			for _, field := range m.Fields {
				_, wild := option(field.Desc, "lowlayer.type.v1.wildcard")
				reference, ok := option(field.Desc, "google.api.resource_reference")
				if !wild || !ok {
					continue
				}
				child := text(reference.Message(), "child_type")
				for _, r := range all {
					if r.kind != child {
						continue
					}
					for _, p := range r.patterns {
						if parent := parentOf(p, all); parent != nil {
							out[parent.kind] = true
						}
					}
				}
			}
		}
	}
	return out
}

// generate writes the type of a resource's name.
func (r *resource) generate(g *protogen.GeneratedFile, forms map[string]idForm, all []resource, wild bool) {
	variables := r.variables()
	fields := make([]string, len(variables))
	for i, v := range variables {
		fields[i] = camel(v)
	}
	quoted := "`" + strings.Join(r.patterns, "` or `") + "`"
	g.P()
	g.P("// ", r.goName, " is ", quoted, ".")
	g.P("type ", r.goName, " struct{ ", strings.Join(fields, ", "), " string }")
	g.P()
	g.P("// String returns the name.")
	g.P("func (n ", r.goName, ") String() string {")
	longest := slices.Clone(r.patterns)
	slices.SortStableFunc(longest, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	for i, p := range longest {
		if i < len(longest)-1 {
			next := variablesOf(longest[i+1])
			for _, v := range variablesOf(p) {
				if !slices.Contains(next, v) {
					g.P("if n.", camel(v), ` != "" {`)
					break
				}
			}
		}
		g.P("return ", goExpression(p))
		if i < len(longest)-1 {
			g.P("}")
		}
	}
	g.P("}")
	if len(r.patterns) == 1 {
		if parent := parentOf(r.patterns[0], all); parent != nil {
			var values []string
			for _, v := range parent.variables() {
				values = append(values, camel(v)+": n."+camel(v))
			}
			g.P()
			g.P("// Parent returns the ", parent.singular, " that holds it.")
			if slices.Equal(parent.variables(), variables) {
				g.P("func (n ", r.goName, ") Parent() ", parent.goName, " { return ", parent.goName, "(n) }")
			} else {
				g.P("func (n ", r.goName, ") Parent() ", parent.goName, " { return ", parent.goName, "{", strings.Join(values, ", "), "} }")
			}
		}
	} else {
		g.P()
		g.P("// Place returns the name of the resource that holds it, empty for the platform.")
		g.P("func (n ", r.goName, ") Place() string { return parentName(n.String()) }")
	}
	own := strings.TrimSuffix(strings.TrimPrefix(last(r.patterns[0]), "{"), "}")
	hasID := last(r.patterns[0]) != own
	if hasID {
		form, declared := forms[own]
		if declared {
			for _, group := range regexp.MustCompile(form.pattern).SubexpNames() {
				if group == "" {
					continue
				}
				g.P()
				g.P("// ", camel(group), " returns the ", group, " that the id names, empty for an id of another form.")
				g.P("func (n ", r.goName, ") ", camel(group), "() string { return formOf(", fmt.Sprintf("%q", own), ").group(n.", camel(own), ", ", fmt.Sprintf("%q", group), ") }")
			}
		}
		g.P()
		g.P("// Valid", r.goName, "ID is true for an id of the declared form.")
		g.P("func Valid", r.goName, "ID(id string) bool { return formOf(", fmt.Sprintf("%q", own), ").valid(id) }")
	}
	r.generateParse(g, wild)
}

func (r *resource) generateParse(g *protogen.GeneratedFile, wild bool) {
	for _, all := range []bool{false, true} {
		if all && !wild {
			continue
		}
		suffix, about := "", "."
		if all {
			suffix, about = "OrAll", "; its last id may be Wildcard."
		}
		g.P()
		g.P("// Parse", r.goName, suffix, " returns the parts of a name", about)
		g.P("func Parse", r.goName, suffix, "(s string) (", r.goName, ", error) {")
		g.P("v, err := resources[", fmt.Sprintf("%q", r.kind), "].parse(s, ", all, ")")
		g.P("if err != nil {")
		g.P("return ", r.goName, "{}, err")
		g.P("}")
		var values []string
		for _, v := range r.variables() {
			values = append(values, fmt.Sprintf("v[%q]", v))
		}
		g.P("return ", r.goName, "{", strings.Join(values, ", "), "}, nil")
		g.P("}")
	}
}

// variables returns those of all patterns, in the order of the longest.
func (r *resource) variables() []string {
	var out []string
	for _, p := range r.patterns {
		if v := variablesOf(p); len(v) > len(out) {
			out = v
		}
	}
	return out
}

func variablesOf(pattern string) []string {
	var out []string
	for _, part := range strings.Split(pattern, "/") {
		if v, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, strings.TrimSuffix(v, "}"))
		}
	}
	return out
}

// parentOf returns the resource whose names the pattern begins with.
func parentOf(pattern string, all []resource) *resource {
	parts := strings.Split(pattern, "/")
	cut := len(parts) - 1
	if strings.HasPrefix(parts[cut], "{") {
		cut--
	}
	want := strings.Join(parts[:max(cut, 0)], "/")
	for i := range all {
		if slices.Contains(all[i].patterns, want) {
			return &all[i]
		}
	}
	return nil
}

// goExpression returns the expression that prints a pattern.
func goExpression(pattern string) string {
	var out []string
	literal := ""
	for i, part := range strings.Split(pattern, "/") {
		if i > 0 {
			literal += "/"
		}
		v, variable := strings.CutPrefix(part, "{")
		if !variable {
			literal += part
			continue
		}
		if literal != "" {
			out = append(out, fmt.Sprintf("%q", literal))
		}
		literal = ""
		out = append(out, "n."+camel(strings.TrimSuffix(v, "}")))
	}
	if literal != "" {
		out = append(out, fmt.Sprintf("%q", literal))
	}
	return strings.Join(out, " + ")
}

func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func list(all []string) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, ", %q", s)
	}
	return b.String()
}

// camel writes service_account as ServiceAccount.
func camel(snake string) string {
	var b strings.Builder
	for _, word := range strings.Split(snake, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

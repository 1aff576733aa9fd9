// Package fielddiff compares two forms of a resource, field by field, for people. It reads the descriptor alone, so it serves every
// message. Fields that the platform sets (OUTPUT_ONLY, IDENTIFIER, `etag`) and secrets (debug_redact) are left out.
package fielddiff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Action is what becomes of a field, in the words of lowlayer.operation.v1.FieldChange.Action.
type Action string

// The actions.
const (
	Add    Action = "ADD"
	Change Action = "CHANGE"
	Remove Action = "REMOVE"
)

// Difference is one field, or one element of a list, that differs. Before is empty for Add, After for Remove.
type Difference struct {
	// Resource is the name of the resource; Compare leaves it empty.
	Resource      string
	Path          string
	Action        Action
	Before, After string
}

// Compare returns the differences in the order of the fields. A nil message is a resource that is not there.
func Compare(before, after proto.Message) []Difference {
	var a, b protoreflect.Message
	if before != nil {
		a = before.ProtoReflect()
	}
	if after != nil {
		b = after.ProtoReflect()
	}
	var out []Difference
	message("", a, b, &out)
	return out
}

// message compares two messages of one type, either of which may be absent.
func message(prefix string, a, b protoreflect.Message, out *[]Difference) {
	some := b
	if some == nil || !some.IsValid() {
		some = a
	}
	if some == nil || !some.IsValid() {
		return
	}
	fields := some.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !shown(f) {
			continue
		}
		field(prefix+string(f.Name()), f, value(a, f), value(b, f), out)
	}
}

// value is a field of a message, invalid where the message or the field is not set.
func value(m protoreflect.Message, f protoreflect.FieldDescriptor) protoreflect.Value {
	if m == nil || !m.IsValid() || !m.Has(f) {
		return protoreflect.Value{}
	}
	return m.Get(f)
}

func field(path string, f protoreflect.FieldDescriptor, a, b protoreflect.Value, out *[]Difference) {
	switch {
	case f.IsMap():
		entries(path, f, a, b, out)
	case f.IsList():
		elements(path, f, a, b, out)
	case f.Message() != nil && !scalar(f):
		message(path+".", submessage(a), submessage(b), out)
	default:
		note(path, text(f, a), text(f, b), out)
	}
}

func submessage(v protoreflect.Value) protoreflect.Message {
	if !v.IsValid() {
		return nil
	}
	return v.Message()
}

func note(path, before, after string, out *[]Difference) {
	d := Difference{Path: path, Action: Change, Before: before, After: after}
	switch {
	case before == after:
		return
	case before == "":
		d.Action = Add
	case after == "":
		d.Action = Remove
	}
	*out = append(*out, d)
}

func entries(path string, f protoreflect.FieldDescriptor, a, b protoreflect.Value, out *[]Difference) {
	was, is := map[string]string{}, map[string]string{}
	for v, into := range map[*protoreflect.Value]map[string]string{&a: was, &b: is} {
		if v.IsValid() {
			v.Map().Range(func(k protoreflect.MapKey, e protoreflect.Value) bool {
				into[k.String()] = quoted(text(f.MapValue(), e))
				return true
			})
		}
	}
	keys := make([]string, 0, len(was)+len(is))
	for _, m := range []map[string]string{was, is} {
		for k := range m {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		note(path+"."+k, was[k], is[k], out)
	}
}

// quoted shows an empty value that is set.
func quoted(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// elements compares lists as sets: messages with a name are one element as long as the name is the same.
func elements(path string, f protoreflect.FieldDescriptor, a, b protoreflect.Value, out *[]Difference) {
	was, is := list(f, a), list(f, b)
	for _, x := range was {
		i := slices.IndexFunc(is, func(y element) bool { return y.key == x.key })
		if i < 0 {
			note(path, x.text, "", out)
		} else {
			note(path, x.text, is[i].text, out)
		}
	}
	for _, y := range is {
		if !slices.ContainsFunc(was, func(x element) bool { return x.key == y.key }) {
			note(path, "", y.text, out)
		}
	}
}

type element struct{ key, text string }

func list(f protoreflect.FieldDescriptor, v protoreflect.Value) []element {
	if !v.IsValid() {
		return nil
	}
	out := make([]element, v.List().Len())
	for i := range out {
		e := v.List().Get(i)
		out[i].text = quoted(text(f, e))
		if out[i].key = out[i].text; f.Message() != nil {
			if name := f.Message().Fields().ByName("name"); name != nil {
				out[i].key = e.Message().Get(name).String()
			}
		}
	}
	return out
}

// scalar is true for messages that are one value.
func scalar(f protoreflect.FieldDescriptor) bool {
	switch f.Message().FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration":
		return true
	}
	return false
}

// text is a value in words, empty for one that is not set.
func text(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	switch {
	case f.Enum() != nil:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return strings.ToLower(string(e.Name()))
		}
		return fmt.Sprint(v.Enum())
	case f.Message() == nil:
		return v.String()
	}
	switch m := v.Message().Interface().(type) {
	case *timestamppb.Timestamp:
		return m.AsTime().Format(time.RFC3339)
	case *durationpb.Duration:
		return m.AsDuration().String()
	default:
		return words(v.Message())
	}
}

// words are the fields of an element: text as it is, anything else by its name.
func words(m protoreflect.Message) string {
	var out []string
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) || !shown(f) && f.Name() != "name" {
			continue
		}
		switch {
		case f.IsMap() || f.IsList() || f.Message() != nil && !scalar(f):
			var inner []Difference
			field(string(f.Name()), f, protoreflect.Value{}, m.Get(f), &inner)
			for _, d := range inner {
				out = append(out, d.Path+"="+d.After)
			}
		case f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.EnumKind:
			out = append(out, text(f, m.Get(f)))
		default:
			out = append(out, string(f.Name())+"="+text(f, m.Get(f)))
		}
	}
	return strings.Join(out, " ")
}

// shown is false for what the platform sets and for what must not be seen.
func shown(f protoreflect.FieldDescriptor) bool {
	options, _ := f.Options().(*descriptorpb.FieldOptions)
	if options.GetDebugRedact() || f.Name() == "etag" {
		return false
	}
	behaviors, _ := proto.GetExtension(options, annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return !slices.Contains(behaviors, annotations.FieldBehavior_OUTPUT_ONLY) && !slices.Contains(behaviors, annotations.FieldBehavior_IDENTIFIER)
}

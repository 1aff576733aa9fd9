package api

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/low-layer/platform/libs/errs"
)

// mask is what an update may do to a resource: which paths it changes, and which it knows and refuses.
type mask struct {
	resource string   // name of the request's field
	mutable  []string // paths a caller may change
}

// paths answers the paths to change. An empty mask means every field that is set; `*` means every mutable one. A field
// that cannot change is an error when the mask names it, and when an empty mask meets one with another value than the
// resource has.
func (m mask) paths(given *fieldmaskpb.FieldMask, wanted, current proto.Message) ([]string, error) {
	if len(given.GetPaths()) == 0 {
		return m.implied(wanted, current)
	}
	var out []string
	var bad errs.Fields
	for _, p := range given.GetPaths() {
		switch {
		case p == "*" && len(given.GetPaths()) == 1:
			return m.mutable, nil
		case slices.Contains(m.mutable, p):
			out = append(out, p)
		case m.known(wanted, p):
			bad.Add("update_mask", "%q of a %s cannot change; it can be: %s", p, m.resource, strings.Join(m.mutable, ", "))
		default:
			bad.Add("update_mask", "%q is no field of a %s; use: %s", p, m.resource, strings.Join(m.mutable, ", "))
		}
	}
	return out, bad.Err()
}

func (m mask) implied(wanted, current proto.Message) ([]string, error) {
	var out []string
	var bad errs.Fields
	w, c := wanted.ProtoReflect(), current.ProtoReflect()
	w.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := string(f.Name())
		switch {
		case slices.Contains(m.mutable, name):
			out = append(out, name)
		case immutable(f) && !v.Equal(c.Get(f)):
			bad.Add(m.resource+"."+name, "cannot change; leave it out, or make a new %s", m.resource)
		}
		return true
	})
	slices.Sort(out)
	slices.SortFunc(bad, func(a, b errs.Violation) int { return strings.Compare(a.Field, b.Field) })
	return out, bad.Err()
}

func (m mask) known(message proto.Message, path string) bool {
	first, _, _ := strings.Cut(path, ".")
	return message.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(first)) != nil
}

// immutable tells whether a caller chooses the field once; output-only fields are ignored on input.
func immutable(f protoreflect.FieldDescriptor) bool {
	behaviours, ok := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return ok && slices.Contains(behaviours, annotations.FieldBehavior_IMMUTABLE)
}

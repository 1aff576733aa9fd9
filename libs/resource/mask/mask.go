// Package mask reads the update mask of a request from the field_behavior of the resource's message (AIP-134, AIP-203).
//
// The identifier, the etag and OUTPUT_ONLY fields are ignored, named or not, so that a client may send back what it read.
// An IMMUTABLE field with another value than the resource has is an error that names the field. Every other field is
// mutable. An empty mask stands for the fields that are set, `*` for all. The error of an unknown path names update_mask.
package mask

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/low-layer/platform/libs/errs"
)

// Mask is the mask of an update of a resource.
type Mask struct {
	// resource is the request's field of the resource.
	resource string
	paths    []string
	wanted   protoreflect.Message
}

// New makes the mask of a request whose field of that name holds the wanted resource.
func New(field string, given *fieldmaskpb.FieldMask, wanted proto.Message) Mask {
	return Mask{resource: field, paths: given.GetPaths(), wanted: wanted.ProtoReflect()}
}

// Paths are the mutable paths that the update sets on the resource as it is now, each once.
func (m Mask) Paths(current proto.Message) ([]string, error) {
	var out []string
	var bad errs.Fields
	now := current.ProtoReflect()
	for _, p := range m.named() {
		f, kind := m.find(p)
		switch kind {
		case unknown:
			bad.Add("update_mask", "%q is no field of a %s; use: %s", p, m.resource, strings.Join(m.mutable(), ", "))
		case mutable:
			out = append(out, p)
		case immutable:
			if was := at(now, p); !at(m.wanted, p).Equal(was) {
				bad.Add(m.resource+"."+p, "cannot change%s; leave it out, or make a new %s", from(f, was), m.resource)
			}
		case ignored:
		}
	}
	slices.Sort(out)
	return slices.Compact(out), bad.Err()
}

// named are the paths of the mask, written out. Implied paths leave out immutable fields without a value.
func (m Mask) named() []string {
	var out []string
	fields := m.wanted.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		every := slices.Contains(m.paths, "*") && behaviour(f) == mutable
		if every || ((len(m.paths) == 0 || slices.Contains(m.paths, "*")) && m.wanted.Has(f)) {
			out = append(out, string(f.Name()))
		}
	}
	return append(out, slices.DeleteFunc(slices.Clone(m.paths), func(p string) bool { return p == "*" })...)
}

func (m Mask) mutable() []string {
	var out []string
	fields := m.wanted.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); behaviour(f) == mutable {
			out = append(out, string(f.Name()))
		}
	}
	return out
}

type kind int

const (
	unknown kind = iota
	mutable
	immutable
	ignored
)

// find follows a path into singular messages. An inner field is of the kind of its outer one.
func (m Mask) find(path string) (protoreflect.FieldDescriptor, kind) {
	message, names := m.wanted.Descriptor(), strings.Split(path, ".")
	f := message.Fields().ByName(protoreflect.Name(names[0]))
	if f == nil {
		return nil, unknown
	}
	outer := behaviour(f)
	for _, name := range names[1:] {
		if f.Message() == nil || f.IsList() || f.IsMap() || outer == immutable {
			return nil, unknown
		}
		if f = f.Message().Fields().ByName(protoreflect.Name(name)); f == nil {
			return nil, unknown
		}
		if outer == mutable {
			outer = behaviour(f)
		}
	}
	return f, outer
}

// at is the value of a path.
func at(m protoreflect.Message, path string) protoreflect.Value {
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		m = m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name))).Message()
	}
	return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(names[len(names)-1])))
}

func behaviour(f protoreflect.FieldDescriptor) kind {
	said, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	switch {
	case f.Name() == "etag", slices.Contains(said, annotations.FieldBehavior_IDENTIFIER), slices.Contains(said, annotations.FieldBehavior_OUTPUT_ONLY):
		return ignored
	case slices.Contains(said, annotations.FieldBehavior_IMMUTABLE):
		return immutable
	default:
		return mutable
	}
}

// from says what an immutable field is, when that is one word.
func from(f protoreflect.FieldDescriptor, was protoreflect.Value) string {
	switch {
	case f.IsList(), f.IsMap(), f.Message() != nil:
		return ""
	case f.Enum() != nil:
		if v := f.Enum().Values().ByNumber(was.Enum()); v != nil && was.Enum() != 0 {
			return " from " + string(v.Name())
		}
		return ""
	case was.String() == "":
		return ""
	default:
		return fmt.Sprintf(" from %v", was)
	}
}

// Package nameform checks the resource names and ids in requests. The form of a field comes from its options:
// google.api.resource_reference, and those of lowlayer/type/v1/name.proto. A field without them has no form.
package nameform

import (
	"slices"
	"strconv"
	"sync"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
)

// Of returns the form that the options of a field declare.
func Of(f protoreflect.FieldDescriptor) (resourcename.Form, bool) {
	if kind, _ := proto.GetExtension(f.Options(), typev1.E_IdOf).(string); kind != "" {
		r, _ := resourcename.Lookup(kind)
		return r.IDs(), true
	}
	if kinds, _ := proto.GetExtension(f.Options(), typev1.E_AnyOf).([]string); len(kinds) > 0 {
		var form resourcename.Form
		for _, kind := range kinds {
			if r, ok := resourcename.Lookup(kind); ok {
				form = form.Or(r.Names())
			}
		}
		return form, true
	}
	reference, _ := proto.GetExtension(f.Options(), annotations.E_ResourceReference).(*annotations.ResourceReference)
	if r, ok := resourcename.Lookup(reference.GetType()); ok {
		return r.Names(), true
	}
	if r, ok := resourcename.Lookup(reference.GetChildType()); ok {
		wildcard, _ := proto.GetExtension(f.Options(), typev1.E_Wildcard).(bool)
		return r.ParentNames(wildcard), true
	}
	return resourcename.Form{}, false
}

// Check returns a violation for each field of a message whose text is not of the form that its options declare. An empty text
// is one only in a required field, and a field that the platform writes is not looked at.
func Check(m proto.Message) []errs.Violation {
	return check(m.ProtoReflect(), "", nil)
}

func check(m protoreflect.Message, path string, out []errs.Violation) []errs.Violation {
	for _, f := range planOf(m.Descriptor()) {
		at := path + string(f.desc.Name())
		switch {
		case f.desc.IsList() && f.desc.Message() != nil:
			list := m.Get(f.desc).List()
			for i := range list.Len() {
				out = check(list.Get(i).Message(), at+"["+strconv.Itoa(i)+"].", out)
			}
		case f.desc.IsList():
			list := m.Get(f.desc).List()
			for i := range list.Len() {
				if !f.form.Valid(list.Get(i).String()) {
					out = append(out, errs.Violation{Field: at + "[" + strconv.Itoa(i) + "]", Description: f.form.Words()})
				}
			}
		case f.desc.Message() != nil:
			if m.Has(f.desc) {
				out = check(m.Get(f.desc).Message(), at+".", out)
			}
		default:
			if text := m.Get(f.desc).String(); (text != "" || f.required) && !f.form.Valid(text) {
				out = append(out, errs.Violation{Field: at, Description: f.form.Words()})
			}
		}
	}
	return out
}

// field is a field to check: one with a form, or a message that holds such fields.
type field struct {
	desc     protoreflect.FieldDescriptor
	form     resourcename.Form
	required bool
}

var plans sync.Map // protoreflect.MessageDescriptor → []field

// planOf returns the fields of a message that are to be checked.
func planOf(m protoreflect.MessageDescriptor) []field {
	if known, ok := plans.Load(m); ok {
		return known.([]field) //nolint:forcetypeassert // nothing else is stored
	}
	plan := makePlan(m, nil)
	plans.Store(m, plan)
	return plan
}

func makePlan(m protoreflect.MessageDescriptor, above []protoreflect.FullName) []field {
	var out []field
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		behaviour, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
		if f.IsMap() || slices.Contains(behaviour, annotations.FieldBehavior_OUTPUT_ONLY) {
			continue
		}
		if f.Message() != nil {
			inner := f.Message().FullName()
			if inner != m.FullName() && !slices.Contains(above, inner) && len(makePlan(f.Message(), append(above, m.FullName()))) > 0 {
				out = append(out, field{desc: f})
			}
			continue
		}
		if form, ok := Of(f); ok && f.Kind() == protoreflect.StringKind {
			out = append(out, field{f, form, slices.Contains(behaviour, annotations.FieldBehavior_REQUIRED)})
		}
	}
	return out
}

package main

import (
	"fmt"
	"strings"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// constrain completes every schema of a message: limits, what is required, who may write a field.
func (b *builder) constrain() error {
	b.generate((&operationv1.OperationMetadata{}).ProtoReflect().Descriptor())
	for name, schema := range b.schemas {
		s, _ := schema.(object)
		message, patch := strings.CutSuffix(name, ".Patch")
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(message))
		m, ok := d.(protoreflect.MessageDescriptor)
		if err != nil || !ok || child(s, "properties") == nil || patch {
			continue
		}
		if err := b.properties(s, m); err != nil {
			return err
		}
	}
	b.schemas[operationMessage] = operationForm()
	b.schemas["Problem"] = problemSchema()
	return nil
}

// properties completes the properties of one schema, those of a message.
func (b *builder) properties(schema object, m protoreflect.MessageDescriptor) error {
	var need []any
	for name, p := range child(schema, "properties") {
		property, _ := p.(object)
		f := m.Fields().ByJSONName(name)
		if f == nil {
			return fmt.Errorf("%w: %s has no field %q", errInput, m.FullName(), name)
		}
		limit(property, f)
		mark(property, f)
		b.describe(property, f)
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if _, ok := child(schema, "properties")[f.JSONName()]; ok && required(f) {
			need = append(need, f.JSONName())
		}
	}
	if len(need) > 0 {
		schema["required"] = need
	}
	return nil
}

// generate makes the schema of a message that no method names, since it travels inside of google.protobuf.Any.
func (b *builder) generate(m protoreflect.MessageDescriptor) {
	name := string(m.FullName())
	if _, ok := b.schemas[name]; ok {
		return
	}
	properties := object{}
	schema := object{"type": "object", "description": b.comments[name], "properties": properties}
	b.schemas[name] = schema
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		p := b.kind(f)
		if f.IsList() {
			p = object{"type": "array", "items": p}
		}
		p["description"] = b.comments[string(f.FullName())]
		properties[f.JSONName()] = p
	}
}

func (b *builder) kind(f protoreflect.FieldDescriptor) object {
	switch f.Kind() { //nolint:exhaustive // the rest is text in JSON
	case protoreflect.BoolKind:
		return object{"type": "boolean"}
	case protoreflect.Int32Kind:
		return object{"type": "integer", "format": "int32"}
	case protoreflect.EnumKind:
		var values []any
		for i := range f.Enum().Values().Len() {
			values = append(values, string(f.Enum().Values().Get(i).Name()))
		}
		return object{"type": "string", "enum": values}
	case protoreflect.MessageKind:
		if f.Message().FullName() == "google.protobuf.Timestamp" {
			return object{"type": "string", "format": "date-time"}
		}
		b.generate(f.Message())
		// A list, so that the description can stand beside it.
		return object{"allOf": []any{ref("schemas", string(f.Message().FullName()))}}
	default:
		return object{"type": "string"}
	}
}

// operationForm is google.longrunning.Operation in words; its proto file comes without comments.
func operationForm() object {
	open := func(text string) object {
		return object{
			"type": "object", "description": text, "additionalProperties": true,
			"properties": object{"@type": object{"type": "string", "description": "The type of the message."}},
		}
	}
	return object{
		"type":        "object",
		"description": "Work that goes on after the call that asked for it was answered.",
		"properties": object{
			"name":     object{"type": "string", "description": "Name of the operation, `tenants/{tenant}/operations/{operation}`."},
			"metadata": open("Its progress; a lowlayer.operation.v1.OperationMetadata."),
			"done":     object{"type": "boolean", "description": "True when it has ended: then either `error` or `response` is there."},
			"error":    object{"description": "Why it failed.", "allOf": []any{ref("schemas", "google.rpc.Status")}},
			"response": open("The resource as it was when the work was done."),
		},
	}
}

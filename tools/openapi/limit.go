package main

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/low-layer/platform/libs/nameform"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fieldRules are the limits of a field; nil when it has none.
func fieldRules(f protoreflect.FieldDescriptor) *validate.FieldRules {
	r, _ := proto.GetExtension(f.Options(), validate.E_Field).(*validate.FieldRules)
	return r
}

func behaviours(f protoreflect.FieldDescriptor) []annotations.FieldBehavior {
	b, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return b
}

// limit writes the limits of a field into its schema.
func limit(schema object, f protoreflect.FieldDescriptor) {
	r := fieldRules(f)
	switch {
	case f.IsMap():
		limitMap(schema, r.GetMap())
	case f.IsList():
		limitList(schema, r.GetRepeated())
	default:
		limitValue(schema, r)
	}
	if form, ok := nameform.Of(f); ok && !f.IsList() && !slices.Contains(behaviours(f), annotations.FieldBehavior_OUTPUT_ONLY) {
		schema["pattern"] = "^" + form.Pattern() + "$"
	}
	if f.Message() != nil && f.Message().FullName() == "google.protobuf.Duration" {
		schema["pattern"] = `^-?[0-9]+(\.[0-9]{1,9})?s$`
	}
	if f.Message() != nil && f.Message().FullName() == "google.protobuf.FieldMask" {
		schema["pattern"] = `^[a-zA-Z0-9_.]*(,[a-zA-Z0-9_.]+)*$`
	}
}

func limitMap(schema object, r *validate.MapRules) {
	put(schema, "minProperties", r.GetMinPairs())
	put(schema, "maxProperties", r.GetMaxPairs())
	if r.GetKeys() != nil {
		keys := object{"type": "string"}
		limitValue(keys, r.GetKeys())
		schema["propertyNames"] = keys
	}
	if v := child(schema, "additionalProperties"); v != nil && r.GetValues() != nil {
		limitValue(v, r.GetValues())
	}
}

func limitList(schema object, r *validate.RepeatedRules) {
	put(schema, "minItems", r.GetMinItems())
	put(schema, "maxItems", r.GetMaxItems())
	if r.GetUnique() {
		schema["uniqueItems"] = true
	}
	if v := child(schema, "items"); v != nil && r.GetItems() != nil {
		limitValue(v, r.GetItems())
	}
}

func limitValue(schema object, r *validate.FieldRules) {
	if s := r.GetString(); s != nil {
		limitText(schema, s)
	}
	if n := r.GetInt32(); n != nil {
		limitInt32(schema, n)
	}
	if n := r.GetInt64(); n != nil {
		// JSON writes them as text, which numbers do not limit.
		schema["x-lowlayer-limits"] = n.String()
	}
}

func limitText(schema object, s *validate.StringRules) {
	put(schema, "minLength", s.GetMinLen())
	put(schema, "maxLength", s.GetMaxLen())
	if s.HasLen() {
		put(schema, "minLength", s.GetLen())
		put(schema, "maxLength", s.GetLen())
	}
	if p := s.GetPattern(); p != "" {
		schema["pattern"] = p
	}
	if in := s.GetIn(); len(in) > 0 {
		schema["enum"] = in
	}
	for format, is := range map[string]bool{
		"email": s.GetEmail(), "uri": s.GetUri(), "uuid": s.GetUuid(), "hostname": s.GetHostname(), "ipv4": s.GetIpv4(), "ipv6": s.GetIpv6(),
	} {
		if is {
			schema["format"] = format
		}
	}
}

func limitInt32(schema object, n *validate.Int32Rules) {
	if n.HasGte() {
		schema["minimum"] = n.GetGte()
	}
	if n.HasGt() {
		schema["exclusiveMinimum"] = n.GetGt()
	}
	if n.HasLte() {
		schema["maximum"] = n.GetLte()
	}
	if n.HasLt() {
		schema["exclusiveMaximum"] = n.GetLt()
	}
	if in := n.GetIn(); len(in) > 0 {
		schema["enum"] = in
	}
}

func put(schema object, key string, n uint64) {
	if n > 0 {
		schema[key] = n
	}
}

// required is true for fields a caller must send.
func required(f protoreflect.FieldDescriptor) bool {
	return slices.Contains(behaviours(f), annotations.FieldBehavior_REQUIRED) || fieldRules(f).GetRequired()
}

// mark writes how a field may be used.
func mark(schema object, f protoreflect.FieldDescriptor) {
	for _, b := range behaviours(f) {
		switch b { //nolint:exhaustive // the others have no word in OpenAPI
		case annotations.FieldBehavior_OUTPUT_ONLY, annotations.FieldBehavior_IDENTIFIER:
			schema["readOnly"] = true
		case annotations.FieldBehavior_INPUT_ONLY:
			schema["writeOnly"] = true
		case annotations.FieldBehavior_IMMUTABLE:
			schema["x-lowlayer-immutable"] = true
		}
	}
}

package rpc

import (
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/nameform"
	"google.golang.org/protobuf/proto"
)

// validate checks a request against its proto: the forms of names and ids, and protovalidate. The error has every field at fault.
func validate(validator protovalidate.Validator, message any) error {
	request, ok := message.(proto.Message)
	if !ok {
		return nil
	}
	fields := nameform.Check(request)
	if err := validator.Validate(request); err != nil {
		failed, ok := errors.AsType[*protovalidate.ValidationError](err)
		if !ok {
			return fmt.Errorf("validate %s: %w", request.ProtoReflect().Descriptor().FullName(), err)
		}
		for _, v := range failed.Violations {
			fields = append(fields, errs.Violation{Field: fieldOf(v), Description: remedyOf(v)})
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return errs.Invalid(fields...)
}

func fieldOf(v *protovalidate.Violation) string {
	if path := protovalidate.FieldPathString(v.Proto.GetField()); path != "" {
		return path
	}
	// A rule over several fields belongs to the message as a whole.
	return "(request)"
}

func remedyOf(v *protovalidate.Violation) string {
	text := v.Proto.GetMessage()
	switch {
	case v.Proto.GetRuleId() == "required":
		text = "is required: set it"
	case v.Proto.GetRuleId() == "string.pattern":
		if text = patternWords[v.RuleValue.String()]; text == "" {
			text = "is not written as it must be: see the field's documentation"
		}
	case text == "":
		text = "breaks the rule " + v.Proto.GetRuleId() + ": see the field's documentation"
	default:
		text = strings.TrimPrefix(text, "value ")
	}
	if v.Proto.GetForKey() {
		text = "the key " + text
	}
	return text
}

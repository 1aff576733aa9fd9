package rpc

import (
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"github.com/low-layer/platform/libs/errs"
	"google.golang.org/protobuf/proto"
)

// validate checks a request against the rules of its proto and reports every bad field at once.
func validate(validator protovalidate.Validator, message any) error {
	request, ok := message.(proto.Message)
	if !ok {
		return nil
	}
	err := validator.Validate(request)
	if err == nil {
		return nil
	}
	failed, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return fmt.Errorf("validate %s: %w", request.ProtoReflect().Descriptor().FullName(), err)
	}
	fields := make([]errs.Violation, len(failed.Violations))
	for i, v := range failed.Violations {
		fields[i] = errs.Violation{Field: fieldOf(v), Description: remedyOf(v)}
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

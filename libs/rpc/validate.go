package rpc

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/nameform"
	"github.com/low-layer/platform/libs/plaintext"
	"google.golang.org/protobuf/proto"
)

// plain checks the text of a request: UTF-8 without control characters.
func plain(message any) error {
	if request, ok := message.(proto.Message); ok {
		if fields := plaintext.Check(request); len(fields) > 0 {
			return errs.Invalid(fields...)
		}
	}
	return nil
}

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

// seconds are durations as protovalidate writes them.
var seconds = regexp.MustCompile(`\b[0-9]+s\b`)

// span writes seconds in days or hours where they are whole ones: `34560000s` as `400 days`.
func span(text string) string {
	d, err := time.ParseDuration(text)
	const day = 24 * time.Hour
	switch {
	case err != nil || d < 2*time.Hour || d%time.Hour != 0:
		return text
	case d >= 2*day && d%day == 0:
		return fmt.Sprintf("%d days (%s)", d/day, text)
	default:
		return fmt.Sprintf("%d hours (%s)", d/time.Hour, text)
	}
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
		text = seconds.ReplaceAllStringFunc(strings.TrimPrefix(text, "value "), span)
	}
	if v.Proto.GetForKey() {
		text = "the key " + text
	}
	return text
}

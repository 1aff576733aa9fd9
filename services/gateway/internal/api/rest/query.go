package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"
	"github.com/low-layer/platform/services/gateway/internal/edge/strict"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// query checks the query parameters: each is one the method takes, given once, and of its type.
func query(r *http.Request, c *call) *errs.Error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errs.Invalid(errs.Field("query", "is not well formed; percent-encode special characters and separate parameters with &"))
	}
	var bad errs.Fields
	seen := make(map[string]bool)
	rewritten := false
	for _, key := range sortedKeys(values) {
		p, ok := c.route.Params[key]
		if !ok {
			bad.Add(clip(key), "is not a query parameter of this method%s", strict.Suggest(key, paramNames(c.route)))
			continue
		}
		if seen[p.Path] || (!p.Field.IsList() && len(values[key]) > 1) {
			bad.Add(p.Path, "is given more than once; give it once")
			continue
		}
		seen[p.Path] = true
		for i, v := range values[key] {
			text, want := param(v, p.Field)
			if want != "" {
				bad.Add(p.Path, "is the text %q; it must be %s", clip(v), want)
			}
			rewritten = rewritten || text != v
			values[key][i] = text
		}
		// grpc-gateway reads no parameters where the body is the whole request.
		c.validateOnly = c.validateOnly || c.route.Body == "*" && p.Path == route.ValidateOnly && values.Get(key) == "true"
		c.masked = c.masked || p.Field.Message() != nil && p.Field.Message().FullName() == fieldMask
	}
	if rewritten {
		r.URL.RawQuery = values.Encode()
	}
	if len(bad) == 0 {
		return nil
	}
	return errs.Invalid(bad...)
}

const fieldMask = "google.protobuf.FieldMask"

// param returns the text as grpc-gateway reads it, or the form that it must have.
func param(v string, f protoreflect.FieldDescriptor) (text, want string) {
	switch f.Kind() {
	case protoreflect.BoolKind:
		if v != "true" && v != "false" {
			return v, "true or false"
		}
	case protoreflect.EnumKind:
		return v, enumerated(v, f.Enum())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return v, integer(v, 32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return v, integer(v, 64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return v, unsigned(v, 32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return v, unsigned(v, 64)
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return v, "a number"
		}
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return message(v, f.Message().FullName())
	case protoreflect.StringKind, protoreflect.BytesKind:
	}
	return v, ""
}

func integer(v string, bits int) string {
	if _, err := strconv.ParseInt(v, 10, bits); err != nil {
		return "a whole number"
	}
	return ""
}

func unsigned(v string, bits int) string {
	if _, err := strconv.ParseUint(v, 10, bits); err != nil {
		return "a whole number, not negative"
	}
	return ""
}

func enumerated(v string, e protoreflect.EnumDescriptor) string {
	if e.Values().ByName(protoreflect.Name(v)) != nil {
		return ""
	}
	var names []string
	for i := range e.Values().Len() {
		if d := e.Values().Get(i); d.Number() != 0 {
			names = append(names, string(d.Name()))
		}
	}
	return "one of " + strings.Join(names, ", ")
}

func message(v string, kind protoreflect.FullName) (text, want string) {
	switch kind {
	case fieldMask:
		return snakeCase(v), ""
	case "google.protobuf.Timestamp":
		if _, err := time.Parse(time.RFC3339Nano, v); err != nil {
			return v, "a time such as 2026-11-23T10:00:00Z"
		}
	case "google.protobuf.Duration":
		if d, err := time.ParseDuration(v); err != nil || !strings.HasSuffix(v, "s") || d.String() == "" {
			return v, "a duration in seconds such as 30s"
		}
	}
	return v, ""
}

// snakeCase writes the paths of a mask as the declarations do: `displayName` and `display_name` are the same field.
func snakeCase(mask string) string {
	var b strings.Builder
	for _, r := range mask {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func sortedKeys(values url.Values) []string {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// paramNames are the parameters a method takes, as JSON writes them.
func paramNames(r *route.Route) []string {
	var names []string
	for k := range r.Params {
		if !strings.Contains(k, "_") {
			names = append(names, k)
		}
	}
	return names
}

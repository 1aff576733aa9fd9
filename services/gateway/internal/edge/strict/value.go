package strict

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// describe names the kind of a value, with a short part of it.
func describe(t json.Token) string {
	switch v := t.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number:
		return "the number " + shorten(v.String())
	case string:
		return "the text " + strconv.Quote(shorten(v))
	case json.Delim:
		if v == '[' {
			return "a list"
		}
	}
	return "an object"
}

// scalar returns the form that a value of the field must have, or nothing for a good value. Keys of maps are always
// text.
func scalar(t json.Token, f protoreflect.FieldDescriptor, key bool) string {
	switch f.Kind() {
	case protoreflect.StringKind:
		return wantText(t)
	case protoreflect.BoolKind:
		return wantBool(t, key)
	case protoreflect.BytesKind:
		return wantBytes(t)
	case protoreflect.FloatKind:
		return wantFloat(t, 32)
	case protoreflect.DoubleKind:
		return wantFloat(t, 64)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return wantInt(t, math.MinInt32, math.MaxInt32)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return wantInt(t, 0, math.MaxUint32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return wantInt(t, math.MinInt64, math.MaxInt64)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return wantUint(t)
	default:
		return ""
	}
}

func wantText(t json.Token) string {
	if _, ok := t.(string); ok {
		return ""
	}
	return "text in quotes"
}

func wantBool(t json.Token, key bool) string {
	if _, ok := t.(bool); ok || (key && (t == "true" || t == "false")) {
		return ""
	}
	return "true or false"
}

func wantBytes(t json.Token) string {
	s, ok := t.(string)
	if ok {
		enc := base64.StdEncoding
		if strings.ContainsAny(s, "-_") {
			enc = base64.URLEncoding
		}
		if len(s)%4 != 0 {
			enc = enc.WithPadding(base64.NoPadding)
		}
		if _, err := enc.DecodeString(s); err == nil {
			return ""
		}
	}
	return "base64 text"
}

// digits is the text of a number that is written as one or in quotes, as JSON numbers are.
func digits(t json.Token) (string, bool) {
	switch v := t.(type) {
	case json.Number:
		return v.String(), true
	case string:
		return v, json.Valid([]byte(v)) && strings.TrimSpace(v) == v && v != "" && (v[0] == '-' || (v[0] >= '0' && v[0] <= '9'))
	default:
		return "", false
	}
}

func wantFloat(t json.Token, bits int) string {
	if t == "NaN" || t == "Infinity" || t == "-Infinity" {
		return ""
	}
	s, ok := digits(t)
	if ok {
		if _, err := strconv.ParseFloat(s, bits); err == nil {
			return ""
		}
	}
	return "a number"
}

func wantInt(t json.Token, low, high int64) string {
	s, ok := digits(t)
	if ok {
		if n, err := strconv.ParseInt(integer(s), 10, 64); err == nil && n >= low && n <= high {
			return ""
		}
	}
	return fmt.Sprintf("a whole number from %d to %d", low, high)
}

func wantUint(t json.Token) string {
	s, ok := digits(t)
	if ok {
		if _, err := strconv.ParseUint(integer(s), 10, 64); err == nil {
			return ""
		}
	}
	return fmt.Sprintf("a whole number from 0 to %d", uint64(math.MaxUint64))
}

// integer writes `1.0` and `1e2` as `1` and `100`; what is no whole number it leaves alone.
func integer(s string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	e := 0
	if exponent != "" {
		n, err := strconv.Atoi(exponent)
		if err != nil || n < -64 || n > 64 {
			return s
		}
		e = n
	}
	negative := strings.HasPrefix(whole, "-")
	all := strings.TrimPrefix(whole, "-") + fraction
	point := len(all) - len(fraction) + e
	if point > len(all) {
		all += strings.Repeat("0", point-len(all))
	}
	if point < 0 {
		all, point = strings.Repeat("0", -point)+all, 0
	}
	if strings.Trim(all[point:], "0") != "" {
		return s
	}
	all = strings.TrimLeft(all[:point], "0")
	if all == "" {
		return "0"
	}
	if negative {
		return "-" + all
	}
	return all
}

func (c *checker) enum(t json.Token, e protoreflect.EnumDescriptor, path string, depth int) error {
	switch v := t.(type) {
	case string:
		if e.Values().ByName(protoreflect.Name(v)) != nil {
			return nil
		}
	case json.Number:
		if wantInt(v, math.MinInt32, math.MaxInt32) == "" {
			return nil
		}
	}
	var names []string
	for i := range e.Values().Len() {
		if v := e.Values().Get(i); v.Number() != 0 {
			names = append(names, string(v.Name()))
		}
	}
	return c.wrong(t, path, "one of "+strings.Join(names, ", "), depth)
}

// wellKnown checks the messages that JSON writes in a form of their own.
func (c *checker) wellKnown(t json.Token, m protoreflect.MessageDescriptor, path string, depth int) (bool, error) {
	s, isText := t.(string)
	switch m.FullName() {
	case "google.protobuf.Timestamp":
		if _, err := time.Parse(time.RFC3339Nano, s); !isText || err != nil {
			return true, c.wrong(t, path, "a time such as \"2026-11-23T10:00:00Z\"", depth)
		}
	case "google.protobuf.Duration":
		if !isText || !isDuration(s) {
			return true, c.wrong(t, path, "a duration in seconds such as \"30s\" or \"1.5s\"", depth)
		}
	case "google.protobuf.FieldMask":
		if !isText {
			return true, c.wrong(t, path, "text of field names with commas between them, such as \"displayName,labels\"", depth)
		}
	case "google.protobuf.Value", "google.protobuf.Struct", "google.protobuf.ListValue", "google.protobuf.Any":
		return true, c.skip(t, path, depth)
	default:
		return c.wrapper(t, m, path, depth)
	}
	return true, nil
}

// wrapper checks google.protobuf.StringValue and its like, which JSON writes as the bare value.
func (c *checker) wrapper(t json.Token, m protoreflect.MessageDescriptor, path string, depth int) (bool, error) {
	if m.ParentFile().Path() != "google/protobuf/wrappers.proto" {
		return false, nil
	}
	return true, c.single(t, m.Fields().ByNumber(1), path, depth)
}

func isDuration(s string) bool {
	n, ok := strings.CutSuffix(s, "s")
	if !ok || n == "" || strings.ContainsAny(n, "eE+") {
		return false
	}
	f, err := strconv.ParseFloat(n, 64)
	return err == nil && math.Abs(f) <= 315576000000
}

// takesNull is true for fields in which null is a value.
func takesNull(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && f.Message().FullName() == "google.protobuf.Value"
}

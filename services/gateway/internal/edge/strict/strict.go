// Package strict explains a bad JSON body in the words of the API: the field, its fault and the remedy, with the nearest
// known name for an unknown field.
//
// It is for bodies that were refused already, so that a good body is read once. Explain always returns at least one
// violation and never text of the JSON or protobuf libraries.
package strict

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/low-layer/platform/libs/errs"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// MaxDepth is how deep a body may be nested.
const MaxDepth = 64

// maxViolations bounds the violations of one response.
const maxViolations = 32

// whole names the body itself where no field is at fault.
const whole = "body"

// Explain says why data is not a message of the given type. The paths of fields begin with prefix.
func Explain(data []byte, message protoreflect.MessageDescriptor, prefix string) []errs.Violation {
	if v := Check(data, message, prefix); len(v) > 0 {
		return v
	}
	return []errs.Violation{errs.Field(whole, "does not have the form of %s; compare it with the reference at /docs", message.Name())}
}

// Check is Explain for data that may be right: it may return no violation.
func Check(data []byte, message protoreflect.MessageDescriptor, prefix string) []errs.Violation {
	if !utf8.Valid(data) {
		return []errs.Violation{errs.Field(whole, "is not UTF-8 text; send JSON in UTF-8")}
	}
	c := &checker{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	c.dec.UseNumber()
	err := c.message(message, strings.TrimSuffix(prefix, "."), 1)
	if err == nil && len(bytes.TrimSpace(data[c.dec.InputOffset():])) > 0 {
		c.add("", "holds more after the end of the JSON object; send one object only")
	}
	return c.found
}

// stop ends the walk with the violations found so far.
type stop struct{}

func (stop) Error() string { return "stop" }

type checker struct {
	data  []byte
	dec   *json.Decoder
	found []errs.Violation
}

func (c *checker) add(path, format string, args ...any) {
	if path == "" {
		path = whole
	}
	if len(c.found) < maxViolations {
		c.found = append(c.found, errs.Field(path, format, args...))
	}
}

// token reads on; bad syntax ends the walk with its place.
func (c *checker) token() (json.Token, error) {
	t, err := c.dec.Token()
	if err != nil {
		c.syntax()
		return nil, stop{}
	}
	return t, nil
}

func (c *checker) syntax() {
	read := c.data[:min(int(c.dec.InputOffset()), len(c.data))]
	line := bytes.Count(read, []byte("\n")) + 1
	column := len(read) - bytes.LastIndexByte(read, '\n')
	c.add("", "is not valid JSON near line %d, column %d; check quotes, commas and brackets there", line, column)
}

// deep refuses nesting beyond the limit.
func (c *checker) deep(path string, depth int) error {
	if depth <= MaxDepth {
		return nil
	}
	if last := len(c.found) - 1; last >= 0 && c.found[last].Field == path {
		c.found = c.found[:last]
	}
	c.add(path, "is nested deeper than %d levels; flatten it", MaxDepth)
	return stop{}
}

// skip reads the rest of a value after its first token.
func (c *checker) skip(first json.Token, path string, depth int) error {
	open := 0
	for t := first; ; {
		if d, ok := t.(json.Delim); ok {
			if d == '{' || d == '[' {
				open++
				if err := c.deep(path, depth+open); err != nil {
					return err
				}
			} else {
				open--
			}
		}
		if open == 0 {
			return nil
		}
		var err error
		if t, err = c.token(); err != nil {
			return err
		}
	}
}

// wrong notes a value of the wrong kind and reads past it.
func (c *checker) wrong(t json.Token, path, want string, depth int) error {
	c.add(path, "is %s; it must be %s", describe(t), want)
	return c.skip(t, path, depth)
}

func (c *checker) message(m protoreflect.MessageDescriptor, path string, depth int) error {
	t, err := c.token()
	if err != nil {
		return err
	}
	return c.messageFrom(t, m, path, depth)
}

func (c *checker) messageFrom(t json.Token, m protoreflect.MessageDescriptor, path string, depth int) error {
	if known, err := c.wellKnown(t, m, path, depth); known || err != nil {
		return err
	}
	if t != json.Delim('{') {
		return c.wrong(t, path, "an object", depth)
	}
	if err := c.deep(path, depth); err != nil {
		return err
	}
	seen := make(map[string]bool)
	oneofs := make(map[protoreflect.Name]string)
	for c.dec.More() {
		key, err := c.key()
		if err != nil {
			return err
		}
		if err := c.member(m, key, path, depth, seen, oneofs); err != nil {
			return err
		}
	}
	_, err := c.token()
	return err
}

func (c *checker) key() (string, error) {
	t, err := c.token()
	if err != nil {
		return "", err
	}
	key, ok := t.(string)
	if !ok {
		c.syntax()
		return "", stop{}
	}
	return key, nil
}

// member reads one `"key": value` of an object.
func (c *checker) member(m protoreflect.MessageDescriptor, key, path string, depth int, seen map[string]bool, oneofs map[protoreflect.Name]string) error {
	f := find(m, key)
	value, err := c.token()
	if err != nil {
		return err
	}
	if f == nil {
		c.add(join(path, shorten(key)), "is not a field of %s%s", m.Name(), suggest(key, m))
		return c.skip(value, join(path, shorten(key)), depth)
	}
	at := join(path, string(f.Name()))
	if seen[string(f.Name())] {
		c.add(at, "is given twice; give it once")
		return c.skip(value, at, depth)
	}
	seen[string(f.Name())] = true
	if value == nil && !takesNull(f) {
		return nil
	}
	if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
		if other, ok := oneofs[o.Name()]; ok {
			c.add(at, "cannot be given together with %s; give one of them", other)
		}
		oneofs[o.Name()] = string(f.Name())
	}
	return c.field(value, f, at, depth)
}

func (c *checker) field(t json.Token, f protoreflect.FieldDescriptor, path string, depth int) error {
	switch {
	case f.IsMap():
		return c.mapping(t, f, path, depth)
	case f.IsList():
		return c.list(t, f, path, depth)
	default:
		return c.single(t, f, path, depth)
	}
}

func (c *checker) list(t json.Token, f protoreflect.FieldDescriptor, path string, depth int) error {
	if t != json.Delim('[') {
		return c.wrong(t, path, "a list", depth)
	}
	for i := 0; c.dec.More(); i++ {
		at := fmt.Sprintf("%s[%d]", path, i)
		v, err := c.token()
		if err != nil {
			return err
		}
		if v == nil && !takesNull(f) {
			c.add(at, "is null; leave it out or give a value")
			continue
		}
		if err := c.single(v, f, at, depth); err != nil {
			return err
		}
	}
	_, err := c.token()
	return err
}

func (c *checker) mapping(t json.Token, f protoreflect.FieldDescriptor, path string, depth int) error {
	if t != json.Delim('{') {
		return c.wrong(t, path, "an object of names and values", depth)
	}
	seen := make(map[string]bool)
	for c.dec.More() {
		key, err := c.key()
		if err != nil {
			return err
		}
		at := fmt.Sprintf("%s[%q]", path, shorten(key))
		if seen[key] {
			c.add(at, "is given twice; give it once")
		}
		seen[key] = true
		if want := scalar(key, f.MapKey(), true); want != "" {
			c.add(at, "is not a key of this map; keys must be %s", want)
		}
		v, err := c.token()
		if err != nil {
			return err
		}
		if v == nil && !takesNull(f.MapValue()) {
			c.add(at, "is null; leave it out or give a value")
			continue
		}
		if err := c.single(v, f.MapValue(), at, depth); err != nil {
			return err
		}
	}
	_, err := c.token()
	return err
}

func (c *checker) single(t json.Token, f protoreflect.FieldDescriptor, path string, depth int) error {
	if f.Message() != nil {
		return c.messageFrom(t, f.Message(), path, depth+1)
	}
	if f.Enum() != nil {
		return c.enum(t, f.Enum(), path, depth)
	}
	if want := scalar(t, f, false); want != "" {
		return c.wrong(t, path, want, depth)
	}
	return nil
}

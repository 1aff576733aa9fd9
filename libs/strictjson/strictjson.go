// Package strictjson reads JSON that proves something. Two readers of an accepted document see the same content: it is UTF-8, no
// object repeats a name, not even in other case, and a field has its name in the very case of its declaration.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep a document is nested.
const maxDepth = 64

var (
	errText     = errors.New("the text is not UTF-8")
	errTrailing = errors.New("something follows the JSON value")
	errDepth    = fmt.Errorf("the document is nested deeper than %d levels", maxDepth)
)

// Unmarshal reads one value and nothing after it. It ignores fields that it does not know.
func Unmarshal(text []byte, into any) error { return unmarshal(text, into, false) }

// UnmarshalKnown is Unmarshal that refuses unknown fields of structs.
func UnmarshalKnown(text []byte, into any) error { return unmarshal(text, into, true) }

func unmarshal(text []byte, into any, known bool) error {
	if !utf8.Valid(text) {
		return errText
	}
	if err := check(json.NewDecoder(bytes.NewReader(text)), reflect.TypeOf(into), 0); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if known {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// check reads one value and refuses the names in it that readers may take differently. t is nil where the type is not known.
func check(d *json.Decoder, t reflect.Type, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch token {
	case json.Delim('['):
		var of reflect.Type
		if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
			of = t.Elem()
		}
		for d.More() {
			if err := check(d, of, depth+1); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		if err := members(d, t, depth); err != nil {
			return err
		}
	default:
		return nil
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	return nil
}

func members(d *json.Decoder, t reflect.Type, depth int) error {
	declared := fields(t)
	distinct := t != nil && t.Kind() == reflect.Map // "a" and "A" are two keys of a map
	seen := map[string]string{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return fmt.Errorf("read JSON: %w", err)
		}
		name, _ := token.(string)
		key := name
		if !distinct {
			key = fold(name)
		}
		if other, twice := seen[key]; twice {
			return fmt.Errorf("the names %q and %q are in one object: give one of them once", other, name)
		}
		seen[key] = name
		f, ok := declared[fold(name)]
		if ok && f.name != name {
			return fmt.Errorf("the name %q must be written %q", name, f.name)
		}
		of := f.of
		if distinct {
			of = t.Elem()
		}
		if err := check(d, of, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// fold maps names that encoding/json takes for equal to one text: the letters ſ and K too.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

type field struct {
	name string
	of   reflect.Type
}

// fields are the fields of a struct by their folded names.
func fields(t reflect.Type) map[string]field {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	out := map[string]field{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() || (f.Anonymous && name == "") {
			continue
		}
		if name == "" {
			name = f.Name
		}
		out[fold(name)] = field{name, f.Type}
	}
	return out
}

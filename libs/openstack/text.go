package openstack

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// Escape makes the texts in a value that the cloud returned fit to be stored and shown: control characters and those that turn the
// direction of a text are written out, for example as `\\u0000`. The value is a pointer.
func Escape(value any) { escape(reflect.ValueOf(value)) }

func escape(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if text := v.String(); v.CanSet() && strings.IndexFunc(text, hidden) >= 0 {
			v.SetString(visible(text))
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			escape(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			escape(v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		switch v.Type().Elem().Kind() {
		case reflect.String, reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice, reflect.Map:
			for i := range v.Len() {
				escape(v.Index(i))
			}
		default:
		}
	default:
	}
}

// hidden is true of a character that shows nothing, or that changes how others show.
func hidden(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

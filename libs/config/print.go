package config

import (
	"fmt"
	"io"
	"net/url"
	"reflect"
)

// hidden stands for a secret that is set.
const hidden = "[redacted]"

// Print writes the settings in force, one `VARIABLE=value` a line. Fields tagged `secret:"true"` show only whether
// they are set, and passwords inside of URLs are hidden whatever the tag says.
func Print[T any](w io.Writer, prefix string, cfg T) error {
	value := reflect.ValueOf(cfg)
	for _, s := range describe(value, prefix) {
		field := value.FieldByIndex(s.index)
		if s.key != "" {
			field = field.MapIndex(reflect.ValueOf(s.key))
		}
		if _, err := fmt.Fprintf(w, "%s=%s\n", s.variable, show(s, field)); err != nil {
			return fmt.Errorf("print %s: %w", s.variable, err)
		}
	}
	return nil
}

func show(s setting, value reflect.Value) string {
	if value.IsZero() && value.Kind() == reflect.String {
		return ""
	}
	if s.secret {
		if value.IsZero() {
			return ""
		}
		return hidden
	}
	text := fmt.Sprint(value.Interface())
	address, err := url.Parse(text)
	if err != nil || address.User == nil {
		return text
	}
	if _, has := address.User.Password(); !has {
		return text
	}
	return address.Redacted()
}

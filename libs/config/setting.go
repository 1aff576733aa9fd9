package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// setting is one field that a variable fills.
type setting struct {
	variable, field, doc string
	secret               bool
	typ                  reflect.Type
	index                []int
	// key is that of a map with a variable for each key.
	key string
}

// describe lists the settings of a struct, nested ones too, in the order of their declaration.
func describe(value reflect.Value, prefix string) []setting {
	return describeFields(value, prefix, nil)
}

func describeFields(value reflect.Value, prefix string, index []int) []setting {
	if value.Kind() != reflect.Struct {
		return nil
	}
	var settings []setting
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		at := append(append([]int{}, index...), i)
		key, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if key == "" || key == "-" {
			settings = append(settings, describeFields(value.Field(i), prefix+field.Tag.Get("envPrefix"), at)...)
			continue
		}
		one := setting{
			variable: prefix + key, field: field.Name, doc: field.Tag.Get("doc"),
			secret: field.Tag.Get("secret") == "true", typ: field.Type, index: at,
		}
		if strings.Contains(key, "*") {
			settings = append(settings, one.each(value.Field(i))...)
		} else {
			settings = append(settings, one)
		}
	}
	return settings
}

// each returns a setting for each key of a map.
func (s setting) each(value reflect.Value) []setting {
	var out []setting
	for _, key := range value.MapKeys() {
		one := s
		one.key, one.typ = key.String(), s.typ.Elem()
		one.variable = strings.Replace(s.variable, "*", strings.ToUpper(one.key), 1)
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b setting) int { return strings.Compare(a.key, b.key) })
	return out
}

// setKeyed fills the maps that have a variable for each key.
func setKeyed(cfg reflect.Value, settings []setting, values map[string]string) {
	for _, s := range settings {
		if text, ok := values[s.variable]; ok && s.key != "" {
			cfg.FieldByIndex(s.index).SetMapIndex(reflect.ValueOf(s.key), reflect.ValueOf(text))
		}
	}
}

func find(settings []setting, variable string) setting {
	for _, s := range settings {
		if s.variable == variable {
			return s
		}
	}
	return setting{variable: variable}
}

func known(settings []setting, variable string) bool {
	return find(settings, variable).typ != nil
}

// remedy says what to set a variable to.
func (s setting) remedy() string {
	what := s.doc
	if what == "" {
		what = s.form()
	}
	return fmt.Sprintf("set it to %s, or %s_FILE to a file that holds it", what, s.variable)
}

// malformed says what is wrong with a value; a secret's value, which parsers put into their errors, is left out.
func (s setting) malformed(err error) string {
	if s.secret {
		return "cannot be read as " + s.form() + ": correct it"
	}
	return fmt.Sprintf("cannot be read as %s (%v): correct it", s.form(), err)
}

// form names what the type of a setting takes.
func (s setting) form() string {
	switch {
	case s.typ == nil:
		return "a value"
	case s.typ == reflect.TypeFor[time.Duration]():
		return "a duration such as 30s or 5m"
	}
	switch s.typ.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list separated by commas"
	case reflect.Map:
		return "pairs key:value separated by commas"
	default:
		return "a value"
	}
}

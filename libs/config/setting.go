package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// setting is one field that a variable fills.
type setting struct {
	variable, field, doc string
	secret               bool
	typ                  reflect.Type
	index                []int
}

// describe lists the settings of a struct, nested ones too, in the order of their declaration.
func describe(typ reflect.Type, prefix string) []setting {
	return describeFields(typ, prefix, nil)
}

func describeFields(typ reflect.Type, prefix string, index []int) []setting {
	if typ.Kind() != reflect.Struct {
		return nil
	}
	var settings []setting
	for i := range typ.NumField() {
		field := typ.Field(i)
		if !field.IsExported() {
			continue
		}
		at := append(append([]int{}, index...), i)
		key, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if key != "" && key != "-" {
			settings = append(settings, setting{
				variable: prefix + key, field: field.Name, doc: field.Tag.Get("doc"),
				secret: field.Tag.Get("secret") == "true", typ: field.Type, index: at,
			})
			continue
		}
		settings = append(settings, describeFields(field.Type, prefix+field.Tag.Get("envPrefix"), at)...)
	}
	return settings
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

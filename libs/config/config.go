// Package config reads a program's settings from the environment.
//
// It reports all problems at once, each with its variable and a good value, so that an operator fixes a deployment in
// one round. A value may be given in a file instead, named by the variable with the suffix _FILE; that is how secrets
// are mounted. Nothing is read from anywhere else, and nothing is half loaded: with any problem the result is the zero
// value and an *Error.
package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Problem is one thing to put right.
type Problem struct {
	// Variable with its prefix, for example LOWLAYER_NETWORK_DATABASE_URL.
	Variable string
	// Text says what is wrong and what to do.
	Text string
}

// Error is every problem of a configuration.
type Error struct {
	Problems []Problem
}

// Error lists the problems, one a line, in the order of the variables.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the configuration has %d problem(s):", len(e.Problems))
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s: %s", p.Variable, p.Text)
	}
	return b.String()
}

// checker is implemented by settings that know rules beyond the types of their fields. Its problems name variables
// without the prefix.
type checker interface {
	Problems() []Problem
}

// presetter is implemented by settings with defaults that no tag can hold, such as those that depend on the program.
type presetter interface {
	Preset(prefix string)
}

// Load fills a T, whose fields carry the tags of caarlos0/env, from variables that begin with prefix. environ is in
// the form of os.Environ. When T has a method Problems() []Problem, what it returns is reported with the rest; its
// variables are named without the prefix. A method Preset(prefix string) is called before anything is read.
//
// A map[string]string field with a tag such as `env:"*_TARGET"` has one variable for each key that Preset gave it, with the key in
// upper case in place of the star.
func Load[T any](prefix string, environ []string) (T, error) {
	var zero, cfg T
	if p, ok := any(&cfg).(presetter); ok {
		p.Preset(prefix)
	}
	settings := describe(reflect.ValueOf(cfg), prefix)
	values := env.ToMap(environ)
	problems := readFiles(settings, values)

	err := env.ParseWithOptions(&cfg, env.Options{
		Prefix: prefix, Environment: values,
		// A key is the bytes as they are, not a list of numbers.
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[[]byte](): func(text string) (any, error) { return []byte(text), nil },
		},
	})
	problems = append(problems, translate(err, settings, values)...)
	setKeyed(reflect.ValueOf(&cfg).Elem(), settings, values)

	if c, ok := any(&cfg).(checker); ok {
		// A rule about a variable that could not even be read would only repeat what is already said of it.
		for _, p := range c.Problems() {
			p.Variable = prefix + strings.TrimPrefix(p.Variable, prefix)
			if !slices.ContainsFunc(problems, func(q Problem) bool { return strings.TrimSuffix(q.Variable, "_FILE") == p.Variable }) {
				problems = append(problems, p)
			}
		}
	}
	if len(problems) == 0 {
		return cfg, nil
	}
	problems = append(problems, strays(prefix, settings, values)...)
	slices.SortStableFunc(problems, func(a, b Problem) int { return strings.Compare(a.Variable, b.Variable) })
	return zero, &Error{Problems: problems}
}

// readFiles replaces values given by file. A trailing newline is what editors and `echo` leave, never part of a value.
func readFiles(settings []setting, values map[string]string) []Problem {
	var problems []Problem
	for _, s := range settings {
		variable := s.variable + "_FILE"
		path, given := values[variable]
		if !given || path == "" || known(settings, variable) {
			continue
		}
		if values[s.variable] != "" {
			problems = append(problems, Problem{variable, "is set beside " + s.variable + ": unset one of the two"})
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			problems = append(problems, Problem{variable, fmt.Sprintf("cannot be read (%v): name a file the service may read", err)})
			// The value is not missing, it is unreadable: no second complaint about it.
			values[s.variable] = unreadable
			continue
		}
		values[s.variable] = strings.TrimRight(string(content), "\r\n")
	}
	return problems
}

// unreadable stands in for the value of a file that cannot be read; problems of it are not reported.
const unreadable = "\x00unreadable"

// translate turns the parser's errors into problems that name the variable.
func translate(err error, settings []setting, values map[string]string) []Problem {
	if err == nil {
		return nil
	}
	var list env.AggregateError
	if !errors.As(err, &list) {
		return []Problem{{"(settings)", err.Error()}}
	}
	var problems []Problem
	for _, one := range list.Errors {
		p := explain(one, settings)
		if values[p.Variable] != unreadable {
			problems = append(problems, p)
		}
	}
	return problems
}

func explain(err error, settings []setting) Problem {
	if missing, ok := errors.AsType[env.VarIsNotSetError](err); ok {
		return Problem{missing.Key, "is not set: " + find(settings, missing.Key).remedy()}
	}
	if empty, ok := errors.AsType[env.EmptyVarError](err); ok {
		return Problem{empty.Key, "is empty: " + find(settings, empty.Key).remedy()}
	}
	if parse, ok := errors.AsType[env.ParseError](err); ok {
		for _, s := range settings {
			if s.field == parse.Name && s.typ == parse.Type {
				return Problem{s.variable, s.malformed(parse.Err)}
			}
		}
		return Problem{parse.Name, parse.Err.Error()}
	}
	return Problem{"(settings)", err.Error()}
}

// strays are variables with our prefix that mean nothing: when something is wrong anyway they are the likeliest
// cause. Alone they are no problem, so that a rollback with the newer version's settings still starts.
func strays(prefix string, settings []setting, values map[string]string) []Problem {
	if prefix == "" {
		return nil
	}
	var problems []Problem
	for _, variable := range slices.Sorted(maps.Keys(values)) {
		if !strings.HasPrefix(variable, prefix) || known(settings, variable) ||
			known(settings, strings.TrimSuffix(variable, "_FILE")) {
			continue
		}
		problems = append(problems, Problem{variable, "is not a setting of this program: correct its name or unset it"})
	}
	return problems
}

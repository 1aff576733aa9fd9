package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// attrs is one resource of a request body. Its getters collect the first complaint, so
// that a handler reads what it needs and looks once.
type attrs struct {
	m    map[string]any
	fail *apiError
}

// envelope takes {"key": {...}} apart.
func (cl *call) envelope(key string) (*attrs, *apiError) {
	var body map[string]json.RawMessage
	if fail := cl.decode(&body); fail != nil {
		return nil, fail
	}
	raw, found := body[key]
	if !found {
		return nil, failf(http.StatusBadRequest, "Unable to find '%s' in request body", key)
	}
	return parseAttrs(raw)
}

func parseAttrs(raw json.RawMessage) (*attrs, *apiError) {
	a := &attrs{}
	if err := json.Unmarshal(raw, &a.m); err != nil || a.m == nil {
		return nil, failf(http.StatusBadRequest, "The request body is malformed: an object was expected.")
	}
	return a, nil
}

// only refuses attributes a resource does not have.
func (a *attrs) only(allowed ...string) *apiError {
	var unknown []string
	for k := range a.m {
		if !slices.Contains(allowed, k) {
			unknown = append(unknown, k)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return netBadRequest("Unrecognized attribute(s) '%s'", strings.Join(unknown, ", "))
}

func (a *attrs) has(key string) bool {
	_, found := a.m[key]
	return found
}

// null is true for an explicit null, false for an absent value.
func (a *attrs) null(key string) bool {
	v, found := a.m[key]
	return found && v == nil
}

func (a *attrs) bad(key string, v any, kind string) {
	if a.fail == nil {
		a.fail = netBadRequest("Invalid input for %s. Reason: '%v' is not a valid %s.", key, v, kind)
	}
}

func (a *attrs) str(key, fallback string) string {
	v, found := a.m[key]
	if !found || v == nil {
		return fallback
	}
	s, isString := v.(string)
	if !isString {
		a.bad(key, v, "string")
		return fallback
	}
	return s
}

// name is a string of the length that databases behind the APIs hold.
func (a *attrs) name(fallback string) string {
	s := a.str("name", fallback)
	if len(s) > 255 && a.fail == nil {
		a.fail = netBadRequest("Invalid input for name. Reason: '%s' exceeds maximum length of 255.", s)
	}
	return s
}

func (a *attrs) need(key string) string {
	if !a.has(key) && a.fail == nil {
		a.fail = netBadRequest("Failed to parse request. Required attribute '%s' not specified", key)
	}
	return a.str(key, "")
}

func (a *attrs) boolean(key string, fallback bool) bool {
	v, found := a.m[key]
	if !found || v == nil {
		return fallback
	}
	switch b := v.(type) {
	case bool:
		return b
	case string:
		switch strings.ToLower(b) {
		case "true", "1":
			return true
		case "false", "0":
			return false
		}
	}
	a.bad(key, v, "boolean")
	return fallback
}

func (a *attrs) integer(key string, fallback int) int {
	v, found := a.m[key]
	if !found || v == nil {
		return fallback
	}
	switch n := v.(type) {
	case float64:
		if n == float64(int(n)) {
			return int(n)
		}
	case string:
		var i int
		if json.Unmarshal([]byte(n), &i) == nil {
			return i
		}
	}
	a.bad(key, v, "integer")
	return fallback
}

func (a *attrs) strings(key string, fallback []string) []string {
	v, found := a.m[key]
	if !found || v == nil {
		return fallback
	}
	list, isList := v.([]any)
	if !isList {
		a.bad(key, v, "list")
		return fallback
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, isString := e.(string)
		if !isString {
			a.bad(key, e, "string")
			return fallback
		}
		out = append(out, s)
	}
	return out
}

// into decodes a nested value into a typed one.
func (a *attrs) into(key string, target any) bool {
	v, found := a.m[key]
	if !found || v == nil {
		return false
	}
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, target)
	}
	if err != nil {
		a.bad(key, v, "value")
		return false
	}
	return true
}

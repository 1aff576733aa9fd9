package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/strictjson"
)

type inner struct {
	ID     string            `json:"id"`
	Labels map[string]string `json:"labels,omitempty"`
}

type document struct {
	Record json.RawMessage `json:"record"`
	Task   *inner          `json:"task,omitempty"`
	All    []inner         `json:"all,omitempty"`
}

func TestUnmarshal_ambiguousNames_areRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"repeated":                 `{"record": 1, "record": 2}`,
		"repeated by an escape":    `{"record": 1, "recor\u0064": 2}`,
		"other case beside":        `{"record": 1, "Record": 2}`,
		"other case alone":         `{"RECORD": 1}`,
		"other case, Kelvin sign":  `{"tas\u212a": {"id": "a"}}`,
		"unknown, two cases":       `{"other": 1, "Other": 2}`,
		"in an inner object":       `{"task": {"id": "a", "Id": "b"}}`,
		"in a list":                `{"all": [{"id": "a"}, {"ID": "b"}]}`,
		"repeated key of a map":    `{"task": {"labels": {"a": "1", "a": "2"}}}`,
		"in raw text":              `{"record": {"x": [{"y": 1, "Y": 2}]}}`,
		"no UTF-8":                 "{\"record\": \"\xff\"}",
		"more after the end":       `{"record": 1} {"record": 2}`,
		"nested without an end":    `{"record": ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"nested objects, no end":   strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat("}", 100),
		"cut off":                  `{"record": `,
		"cut off within an object": `{"task": {"id": "a"`,
	} {
		var d document
		if err := strictjson.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s: %s is read as %+v", name, text, d)
		}
	}
}

func TestUnmarshal_plainNames_areRead(t *testing.T) {
	t.Parallel()
	var d document
	text := `{"record": {"a": [1, {"b": null}]}, "task": {"id": "x", "labels": {"a": "1", "A": "2"}}, "all": [{"id": "y"}], "later": true}`
	if err := strictjson.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if d.Task.ID != "x" || len(d.Task.Labels) != 2 || len(d.All) != 1 || string(d.Record) != `{"a": [1, {"b": null}]}` {
		t.Errorf("got %+v", d)
	}
	if err := strictjson.UnmarshalKnown([]byte(text), &d); err == nil {
		t.Error("an unknown field was taken")
	}
	var claims map[string]any
	if err := strictjson.Unmarshal([]byte(`{"a": 1, "A": 2}`), &claims); err != nil || len(claims) != 2 {
		t.Errorf("got %v, %v", claims, err)
	}
}

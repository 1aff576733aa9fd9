package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/low-layer/platform/gen/go/all" // registers the declarations
)

// object is a JSON object.
type object = map[string]any

// build makes the description from the files in a folder.
func build(in, protos string) (object, error) {
	source, err := merge(in)
	if err != nil {
		return nil, err
	}
	comments, err := readComments(protos)
	if err != nil {
		return nil, err
	}
	b := &builder{
		source: source, comments: comments, names: newNames(protoregistry.GlobalFiles),
		schemas: source.schemas, paths: object{},
	}
	if err := b.addOperations(methods(protoregistry.GlobalFiles)); err != nil {
		return nil, err
	}
	if err := b.constrain(); err != nil {
		return nil, err
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title":   "LOW-LAYER API",
			"version": "v1",
			"summary": "Tenants, organisations and routed VPC environments on OpenStack.",
			"description": "Calls that change something answer an operation at once; follow it with `:wait` until it is done. " +
				"Errors are `application/problem+json` with a reason, the fields at fault and what to do.",
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []any{object{"url": "/"}},
		"paths":   b.paths,
		"components": object{
			"schemas":    b.schemas,
			"parameters": commonParameters(),
			"headers":    commonHeaders(),
			"responses":  commonResponses(),
			"securitySchemes": object{"token": object{
				"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
				"description": "An access token of the platform's identity provider; `lowlayer login` gets one. Without an issuer the gateway takes none.",
			}},
		},
		"security": []any{object{"token": []any{}}},
		"tags":     source.tags,
	}, nil
}

// builder is a description in the making.
type builder struct {
	source   *merged
	comments map[string]string
	names    *names
	schemas  object
	paths    object
}

// merged is the content of all input files.
type merged struct {
	// operations are by operationId.
	operations map[string]object
	schemas    object
	tags       []any
}

func merge(folder string) (*merged, error) {
	m := &merged{operations: make(map[string]object), schemas: object{}}
	var files []string
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".openapi.json") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find the input: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w in %s; run buf generate first", errNoInput, folder)
	}
	slices.Sort(files)
	for _, f := range files {
		if err := m.read(f); err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Base(f), err)
		}
	}
	slices.SortFunc(m.tags, func(a, b any) int { return strings.Compare(text(a, "name"), text(b, "name")) })
	return m, nil
}

var (
	errNoInput = errors.New("there are no *.openapi.json files")
	errInput   = errors.New("the input does not fit the declarations")
)

func (m *merged) read(file string) error {
	data, err := os.ReadFile(file) //nolint:gosec // a path below the folder the caller names
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	var doc struct {
		Paths      map[string]map[string]object `json:"paths"`
		Components struct {
			Schemas object `json:"schemas"`
		} `json:"components"`
		Tags []any `json:"tags"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	for _, item := range doc.Paths {
		for _, op := range item {
			m.operations[text(op, "operationId")] = op
		}
	}
	for name, schema := range doc.Components.Schemas {
		m.schemas[name] = schema
	}
	m.tags = append(m.tags, doc.Tags...)
	return nil
}

// encode writes a description the way it is committed: sorted, indented, one line feed at the end.
func encode(doc object) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("encode the description: %w", err)
	}
	return b.Bytes(), nil
}

func text(v any, key string) string {
	o, _ := v.(object)
	s, _ := o[key].(string)
	return s
}

func child(o object, key string) object {
	c, _ := o[key].(object)
	return c
}

func items(o object, key string) []any {
	l, _ := o[key].([]any)
	return l
}

func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

const (
	input  = "../../.cache/openapi"
	protos = "../../proto"
)

func document(t *testing.T) object {
	t.Helper()
	doc, err := build(input, protos)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func operations(t *testing.T, doc object) map[string]object {
	t.Helper()
	out := make(map[string]object)
	for path, item := range child(doc, "paths") {
		for verb, op := range item.(object) {
			o := op.(object)
			if id := text(o, "operationId"); out[id] != nil {
				t.Errorf("%s is there twice", id)
			}
			o["path"], o["verb"] = path, verb
			out[text(o, "operationId")] = o
		}
	}
	return out
}

func TestDocument_everyPublicMethod_isThere(t *testing.T) {
	found := operations(t, document(t))
	all := methods(protoregistry.GlobalFiles)
	if len(all) < 30 || len(found) != len(all) {
		t.Errorf("%d methods, %d operations", len(all), len(found))
	}
	for _, m := range all {
		op := found[m.id()]
		if op == nil {
			t.Errorf("%s is missing", m.desc.FullName())
			continue
		}
		for _, key := range []string{"summary", "tags", "x-lowlayer-permission", "x-lowlayer-audit", "x-lowlayer-idempotency", "x-lowlayer-rate", "x-lowlayer-rpc"} {
			if op[key] == nil || op[key] == "" {
				t.Errorf("%s has no %s", m.id(), key)
			}
		}
	}
}

func TestDocument_paths_haveRealNames(t *testing.T) {
	variable := regexp.MustCompile(`\{([^}]*)\}`)
	declared := map[string]bool{"quota": true} // the limits of a tenant or an organisation have no name of their own
	declare := func(r *annotations.ResourceDescriptor) {
		for _, pattern := range r.GetPattern() {
			for _, v := range variable.FindAllStringSubmatch(pattern, -1) {
				declared[v[1]] = true
			}
		}
	}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		defined, _ := proto.GetExtension(f.Options(), annotations.E_ResourceDefinition).([]*annotations.ResourceDescriptor)
		for _, r := range defined {
			declare(r)
		}
		for i := range f.Messages().Len() {
			r, _ := proto.GetExtension(f.Messages().Get(i).Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
			declare(r)
		}
		return true
	})
	for id, op := range operations(t, document(t)) {
		var want, got []string
		for _, m := range variable.FindAllStringSubmatch(text(op, "path"), -1) {
			want = append(want, m[1])
		}
		for _, p := range items(op, "parameters") {
			if text(p, "in") == "path" {
				got = append(got, text(p, "name"))
				if !declared[text(p, "name")] {
					t.Errorf("%s: %q is no real name", id, text(p, "name"))
				}
			}
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s: the path has %v, the parameters %v", id, want, got)
		}
	}
}

func TestDocument_references_resolve(t *testing.T) {
	doc := document(t)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case object:
			if r := text(v, "$ref"); r != "" {
				parts := strings.Split(strings.TrimPrefix(r, "#/components/"), "/")
				if len(parts) != 2 || child(child(doc, "components"), parts[0])[parts[1]] == nil {
					t.Errorf("%s leads nowhere", r)
				}
			}
			for _, c := range v {
				walk(c)
			}
		case []any:
			for _, c := range v {
				walk(c)
			}
		}
	}
	walk(doc)
}

func TestDocument_limits_reachTheSchemas(t *testing.T) {
	doc := document(t)
	schemas := child(child(doc, "components"), "schemas")
	vpc := child(child(schemas, "lowlayer.network.v1.Vpc"), "properties")
	labels := child(vpc, "labels")
	if child(vpc, "displayName")["maxLength"] != uint64(120) || child(vpc, "uid")["readOnly"] != true || child(vpc, "cidr")["x-lowlayer-immutable"] != true ||
		labels["maxProperties"] != uint64(64) || child(labels, "propertyNames")["pattern"] == nil || child(labels, "additionalProperties")["maxLength"] != uint64(128) ||
		child(vpc, "ingressRules")["maxItems"] != uint64(64) {
		t.Errorf("got %v", vpc)
	}
	organisation := child(schemas, "lowlayer.tenant.v1.Organisation")
	if !slices.Contains(items(organisation, "required"), any("mode")) || child(child(organisation, "properties"), "vpcs")["writeOnly"] != true {
		t.Errorf("got %v", organisation["required"])
	}
	if child(schemas, "lowlayer.tenant.v1.Organisation.Patch")["required"] != nil {
		t.Error("a change requires fields")
	}
	if md := child(schemas, "lowlayer.operation.v1.OperationMetadata"); text(child(child(md, "properties"), "steps"), "description") == "" {
		t.Errorf("got %v", md)
	}
}

func TestHeadersAndProblems(t *testing.T) {
	ops := operations(t, document(t))
	has := func(op object, name string) bool {
		return slices.ContainsFunc(items(op, "parameters"), func(p any) bool { return text(p, "$ref") == "#/components/parameters/"+name })
	}
	create, update, get := ops["VpcService_CreateVpc"], ops["VpcService_UpdateVpc"], ops["VpcService_GetVpc"]
	if !has(create, "IdempotencyKey") || has(create, "IfMatch") || !has(update, "IfMatch") || !has(get, "IfNoneMatch") || has(get, "IdempotencyKey") {
		t.Error("headers are not where they belong")
	}
	if r := child(child(update, "responses"), "412"); r == nil || child(child(get, "responses"), "304") == nil || child(r, "content")["application/problem+json"] == nil {
		t.Errorf("got %v", r)
	}
	for id, op := range ops {
		limited := child(child(op, "responses"), "429")
		for _, name := range []string{"RateLimit", "RateLimit-Policy", "Retry-After"} {
			if child(limited, "headers")[name] == nil {
				t.Errorf("%s is limited without %s", id, name)
			}
		}
		if child(child(child(op, "responses"), "200"), "headers")["RateLimit"] == nil {
			t.Errorf("%s does not say what is left", id)
		}
		if child(op, "responses")["default"] == nil || child(op, "responses")["503"] == nil {
			t.Errorf("%s does not say what errors look like", id)
		}
	}
}

func TestDocument_isValid_openAPI(t *testing.T) {
	data, err := encode(document(t))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := libopenapi.NewDocument(data)
	if err != nil {
		t.Fatal(err)
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	if model.Model.Version != "3.1.0" || model.Model.Paths.PathItems.Len() < 15 {
		t.Errorf("got version %s, %d paths", model.Model.Version, model.Model.Paths.PathItems.Len())
	}
}

func TestDocument_sameInput_isStable(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, out := range []string{first, second} {
		if err := run(input, protos, out); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"openapi.json", "openapi.go"} {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestDocument_badInput_isRefused(t *testing.T) {
	if _, err := build(t.TempDir(), protos); err == nil || !strings.Contains(err.Error(), "run buf generate") {
		t.Errorf("got %v", err)
	}
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "x.openapi.json"), []byte(`{"paths":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := build(empty, protos); err == nil || !strings.Contains(err.Error(), "is not in it") {
		t.Errorf("got %v", err)
	}
}

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
)

const operationMessage = "google.longrunning.Operation"

// addOperations puts every method at its real path.
func (b *builder) addOperations(all []method) error {
	for _, m := range all {
		op, ok := b.source.operations[m.id()]
		if !ok {
			return fmt.Errorf("%w: %s is not in it; run buf generate", errInput, m.desc.FullName())
		}
		path, variables, err := b.names.path(m.template)
		if err != nil {
			return err
		}
		if err := b.finish(m, op, variables); err != nil {
			return fmt.Errorf("%s: %w", m.desc.FullName(), err)
		}
		item := child(b.paths, path)
		if item == nil {
			item = object{}
			b.paths[path] = item
		}
		item[m.verb] = op
	}
	return nil
}

func (b *builder) finish(m method, op object, variables []string) error {
	m.extensions(op)
	parameters, err := b.parameters(m, op, variables)
	if err != nil {
		return err
	}
	op["parameters"] = parameters
	if err := b.body(m, op); err != nil {
		return err
	}
	return b.responses(m, op)
}

// parameters are the variables of the path, the query, and the headers.
func (b *builder) parameters(m method, op object, variables []string) ([]any, error) {
	var out []any
	for i, v := range variables {
		out = append(out, b.names.parameter(v, i == len(variables)-1 && m.wildcard()))
	}
	for _, p := range items(op, "parameters") {
		if text(p, "in") != "query" {
			continue
		}
		q, _ := p.(object)
		f := m.desc.Input().Fields().ByJSONName(text(q, "name"))
		if f == nil {
			return nil, fmt.Errorf("%w: query parameter %q is no field of the request", errInput, text(q, "name"))
		}
		limit(child(q, "schema"), f)
		b.describe(q, f)
		if e, ok := examples[text(q, "name")]; ok {
			q["example"] = e
		}
		out = append(out, q)
	}
	out = append(out, ref("parameters", "RequestId"))
	if m.rule.GetIdempotency() == authzv1.Idempotency_REQUEST_ID {
		out = append(out, ref("parameters", "IdempotencyKey"))
	}
	if m.verb != "get" && m.etag() {
		out = append(out, ref("parameters", "IfMatch"))
	}
	if m.verb == "get" && m.desc.Output().Fields().ByName("etag") != nil {
		out = append(out, ref("parameters", "IfNoneMatch"))
	}
	if m.desc.IsStreamingServer() {
		out = append(out, ref("parameters", "LastEventID"))
	}
	return out, nil
}

// describe gives a field that came without a comment the one in the table.
func (b *builder) describe(o object, f protoreflect.FieldDescriptor) {
	if text(o, "description") == "" {
		if d := b.comments[string(f.FullName())]; d != "" {
			o["description"] = d
		}
	}
}

func (b *builder) body(m method, op object) error {
	request := child(op, "requestBody")
	if request == nil {
		if m.body != "" {
			return fmt.Errorf("%w: there is no request body", errInput)
		}
		return nil
	}
	media := child(child(request, "content"), "application/json")
	switch {
	case m.body == "*":
		request["required"] = false
		schema := child(media, "schema")
		schema["additionalProperties"] = false
		if err := b.properties(schema, m.desc.Input()); err != nil {
			return err
		}
	case m.verb == "patch":
		f := m.desc.Input().Fields().ByName(protoreflect.Name(m.body))
		media["schema"] = b.patch(f.Message())
	}
	if e, ok := bodies[m.id()]; ok {
		media["example"] = e
	}
	return nil
}

// patch is the form of a message in which nothing is required: only what is sent is changed.
func (b *builder) patch(m protoreflect.MessageDescriptor) object {
	name := string(m.FullName()) + ".Patch"
	if _, ok := b.schemas[name]; !ok {
		whole := child(b.schemas, string(m.FullName()))
		part := object{}
		for k, v := range whole {
			part[k] = v
		}
		delete(part, "required")
		part["description"] = "The fields of " + string(m.Name()) + " to change; what is left out stays as it is."
		b.schemas[name] = part
	}
	return ref("schemas", name)
}

func (b *builder) responses(m method, op object) error {
	out := object{"default": ref("responses", "Problem")}
	ok := child(child(op, "responses"), "200")
	if ok == nil {
		return fmt.Errorf("%w: there is no answer 200", errInput)
	}
	headers := answered()
	if m.verb == "get" && m.desc.Output().Fields().ByName("etag") != nil {
		headers["ETag"] = ref("headers", "ETag")
		out["304"] = ref("responses", "NotModified")
	}
	ok["headers"] = headers
	if m.desc.Output().FullName() == operationMessage {
		ok["description"] = "The operation, which goes on after the answer."
		child(child(ok, "content"), "application/json")["schema"] = b.operationSchema(m)
	}
	if m.desc.IsStreamingServer() {
		b.stream(m, ok)
	}
	out["200"] = ok
	for status, reasons := range errorsOf(m, op) {
		slices.Sort(reasons)
		reasons = slices.Compact(reasons)
		headers := answered()
		if status == "429" {
			headers = later()
		}
		out[status] = object{
			"description":        problemTitles[status] + ": " + strings.Join(reasons, ", ") + ".",
			"content":            problemContent(),
			"headers":            headers,
			"x-lowlayer-reasons": reasons,
		}
	}
	out["503"] = ref("responses", "Unavailable")
	op["responses"] = out
	return nil
}

// stream describes the two forms of a stream: events, whose data is a message, and lines, each a message or the error that ended it.
func (*builder) stream(m method, ok object) {
	message := ref("schemas", string(m.desc.Output().FullName()))
	ok["content"] = object{
		"text/event-stream": object{"schema": object{"type": "string", "description": "Events `change` and `bookmark`, whose `data` is " +
			"a message and whose `id` is its resume token; `error`, whose `data` is a problem, ends the stream."}},
		"application/x-ndjson": object{"schema": object{"type": "object", "properties": object{
			"result": message, "error": ref("schemas", "Problem"),
		}}},
	}
}

var codeAndReasons = regexp.MustCompile("([A-Z][A-Z_]+[A-Z]) \\(((?:`[A-Z_]+`(?:,\\s+)?)+)\\)")

// errorsOf are the reasons by HTTP status: those the comment names, and those every method of the kind has.
func errorsOf(m method, op object) map[string][]string {
	out := map[string][]string{"400": {"INVALID_FIELDS"}, "429": {"RATE_LIMITED"}}
	all := text(op, "summary") + "\n" + text(op, "description")
	for _, match := range codeAndReasons.FindAllStringSubmatch(all, -1) {
		for _, reason := range strings.Split(match[2], ",") {
			reason = strings.Trim(strings.TrimSpace(reason), "`")
			status := statusOf(match[1], reason)
			out[status] = append(out[status], reason)
		}
	}
	if strings.Contains(m.template, "{") {
		out["404"] = append(out["404"], "ROUTE_NOT_FOUND")
	}
	if m.verb != "get" && m.etag() {
		out["412"] = append(out["412"], "ETAG_MISMATCH")
	}
	if m.rule.GetIdempotency() == authzv1.Idempotency_REQUEST_ID {
		out["409"] = append(out["409"], "REQUEST_ID_REUSED")
	}
	if m.body != "" {
		out["413"] = []string{"BODY_TOO_LARGE"}
		out["415"] = []string{"UNSUPPORTED_MEDIA_TYPE"}
	}
	return out
}

// operationSchema is the operation of one method: with the types of its metadata and of its response.
func (b *builder) operationSchema(m method) object {
	info, _ := proto.GetExtension(m.desc.Options(), longrunningpb.E_OperationInfo).(*longrunningpb.OperationInfo)
	if info.GetResponseType() == "" {
		return ref("schemas", operationMessage)
	}
	response := qualified(info.GetResponseType(), m.desc)
	short := response[strings.LastIndexByte(response, '.')+1:]
	name := short + "Operation"
	b.schemas[name] = object{
		"description": "An operation whose response is of the type " + short + ".",
		"allOf": []any{ref("schemas", operationMessage), object{"type": "object", "properties": object{
			"metadata": typed(qualified(info.GetMetadataType(), m.desc)),
			"response": typed(response),
		}}},
	}
	return ref("schemas", name)
}

// typed is a message inside of google.protobuf.Any.
func typed(message string) object {
	if message == "google.protobuf.Empty" {
		return object{"type": "object", "properties": object{"@type": object{"const": "type.googleapis.com/" + message}}}
	}
	return object{"allOf": []any{ref("schemas", message), object{
		"type": "object", "properties": object{"@type": object{"const": "type.googleapis.com/" + message}},
	}}}
}

func qualified(name string, d protoreflect.MethodDescriptor) string {
	if strings.Contains(name, ".") {
		return name
	}
	return string(d.ParentFile().Package()) + "." + name
}

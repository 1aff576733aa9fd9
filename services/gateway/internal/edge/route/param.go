package route

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxParamDepth bounds dotted parameters such as `a.b`; requests that need more take a body.
const maxParamDepth = 3

// Param is one query parameter.
type Param struct {
	// Path is the field it fills, for example `page_size`.
	Path string
	// Field is its declaration.
	Field protoreflect.FieldDescriptor
}

// params are the fields of a request that neither the path nor the body fills.
func params(input protoreflect.MessageDescriptor, taken []string) map[string]Param {
	out := make(map[string]Param)
	collect(input, "", "", taken, 1, out)
	return out
}

func collect(m protoreflect.MessageDescriptor, path, json string, taken []string, depth int, out map[string]Param) {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		p, j := path+string(f.Name()), json+f.JSONName()
		if slices.ContainsFunc(taken, func(t string) bool { return t == p || strings.HasPrefix(t, p+".") }) || f.IsMap() {
			continue
		}
		if f.Message() != nil && !simple(f.Message()) {
			if !f.IsList() && depth < maxParamDepth {
				collect(f.Message(), p+".", j+".", taken, depth+1, out)
			}
			continue
		}
		out[p], out[j] = Param{p, f}, Param{p, f}
	}
}

// simple is true for messages that one text value can hold.
func simple(m protoreflect.MessageDescriptor) bool {
	switch m.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask":
		return true
	default:
		return false
	}
}

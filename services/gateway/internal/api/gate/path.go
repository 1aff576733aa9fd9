package gate

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// path leads to the field of a request that names a resource; empty when none does.
type path []protoreflect.FieldDescriptor

func pathTo(m protoreflect.MessageDescriptor, field string) path {
	var p path
	for name := range strings.SplitSeq(field, ".") {
		if m == nil {
			return nil
		}
		f := m.Fields().ByName(protoreflect.Name(name))
		if f == nil {
			return nil
		}
		p, m = append(p, f), f.Message()
	}
	return p
}

// in is the tenant of a request.
func (p path) in(m protoreflect.Message) string {
	if len(p) == 0 || m.Descriptor() != p[0].ContainingMessage() {
		return ""
	}
	last := len(p) - 1
	for _, f := range p[:last] {
		m = m.Get(f).Message()
	}
	return tenantOf(m.Get(p[last]).String())
}

// inBytes is the tenant of a request as it came, which is walked and not decoded.
func (p path) inBytes(request []byte) string {
	name, _ := p.find(request)
	return tenantOf(string(name))
}

// find returns the last value at the path: later fields win, and parts of a message are merged. Malformed data ends the
// search; the service refuses it.
func (p path) find(data []byte) (found []byte, ok bool) {
	for len(p) > 0 && len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			break
		}
		data = data[n:]
		if kind != protowire.BytesType || number != p[0].Number() {
			if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
				break
			}
			data = data[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(data)
		if n < 0 {
			break
		}
		data = data[n:]
		if len(p) == 1 {
			found, ok = value, true
		} else if inner, is := p[1:].find(value); is {
			found, ok = inner, true
		}
	}
	return found, ok
}

// Package plaintext keeps text that is not plain out of the platform: bytes that are not UTF-8, and control characters but tab
// and line ends. Postgres refuses a NUL, and a terminal obeys an escape sequence.
//
// Check returns the fields at fault. Codec and Unmarshal accept a message with bytes that are not UTF-8 and replace each
// by a NUL, so that Check can name the field: gRPC alone returns INTERNAL for such a message, without a field.
package plaintext

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/encoding"
	codec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/low-layer/platform/libs/errs"
)

// Check returns a violation for each field of a message with text that is not plain.
func Check(m proto.Message) []errs.Violation {
	var out []errs.Violation
	check(m.ProtoReflect(), "", &out)
	slices.SortFunc(out, func(a, b errs.Violation) int { return strings.Compare(a.Field, b.Field) })
	return out
}

func check(m protoreflect.Message, path string, out *[]errs.Violation) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := path + string(f.Name())
		switch {
		case f.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, item protoreflect.Value) bool {
				key := at + "[" + strconv.Quote(k.String()) + "]"
				if f.MapKey().Kind() == protoreflect.StringKind {
					checkValue(f.MapKey(), k.Value(), key, out)
				}
				checkValue(f.MapValue(), item, key, out)
				return true
			})
		case f.IsList():
			for i := range v.List().Len() {
				checkValue(f, v.List().Get(i), at+"["+strconv.Itoa(i)+"]", out)
			}
		default:
			checkValue(f, v, at, out)
		}
		return true
	})
}

func checkValue(f protoreflect.FieldDescriptor, v protoreflect.Value, at string, out *[]errs.Violation) {
	if f.Message() != nil {
		check(v.Message(), at+".", out)
		return
	}
	if f.Kind() != protoreflect.StringKind {
		return
	}
	text := v.String()
	switch i := strings.IndexFunc(text, controls); {
	case !utf8.ValidString(text) || strings.Contains(text, "\x00"):
		*out = append(*out, errs.Field(at, "must be text in UTF-8 without NUL; remove the bytes that are not"))
	case i >= 0:
		r, _ := utf8.DecodeRuneInString(text[i:])
		*out = append(*out, errs.Field(at, "%s", fmt.Sprintf("must not hold the control character %U; remove it", r)))
	}
}

func controls(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// Unmarshal is proto.Unmarshal for messages of callers: it replaces bytes that are not UTF-8 by NUL, for Check to refuse.
func Unmarshal(data []byte, m proto.Message) error {
	err := proto.Unmarshal(data, m)
	if err == nil {
		return nil
	}
	data = slices.Clone(data)
	repair(data, m.ProtoReflect().Descriptor(), 0)
	if proto.Unmarshal(data, m) != nil {
		return err //nolint:wrapcheck // the caller names the message
	}
	return nil
}

// maxDepth bounds the messages within messages that repair follows: far more than any message of the API has.
const maxDepth = 100

// repair writes NUL over bytes of strings that are not UTF-8; the length of the message stays.
func repair(data []byte, d protoreflect.MessageDescriptor, depth int) {
	for len(data) > 0 && depth < maxDepth {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return
		}
		data = data[n:]
		if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
			return
		}
		if f := d.Fields().ByNumber(number); f != nil && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(data)
			switch {
			case f.Message() != nil:
				repair(value, f.Message(), depth+1)
			case f.Kind() == protoreflect.StringKind:
				blank(value)
			}
		}
		data = data[n:]
	}
}

func blank(text []byte) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			text[0] = 0
		}
		text = text[size:]
	}
}

type plainCodec struct{ encoding.CodecV2 }

// Codec is gRPC's codec of protobuf with Unmarshal, for servers.
func Codec() encoding.CodecV2 { return plainCodec{encoding.GetCodecV2(codec.Name)} }

func (c plainCodec) Unmarshal(data mem.BufferSlice, v any) error {
	err := c.CodecV2.Unmarshal(data, v)
	m, ok := v.(proto.Message)
	if err == nil || !ok {
		return err //nolint:wrapcheck // gRPC wraps it
	}
	return Unmarshal(data.Materialize(), m)
}

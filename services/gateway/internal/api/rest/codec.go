package rest

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"

	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
	"github.com/low-layer/platform/services/gateway/internal/edge/strict"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const mediaType = "application/json"

var errNotMessage = errors.New("the target is not a message")

// codec reads and writes the JSON form of messages. Reading is strict and one pass: unknown and repeated fields and deep
// nesting end it. Why it ended is found out afterwards, from the bytes.
type codec struct {
	runtime.JSONPb
	write protojson.MarshalOptions
	read  protojson.UnmarshalOptions
}

func newCodec() *codec {
	c := &codec{
		write: protojson.MarshalOptions{EmitDefaultValues: true},
		read:  protojson.UnmarshalOptions{RecursionLimit: strict.MaxDepth},
	}
	// For what is not a message: parts of a stream.
	c.JSONPb = runtime.JSONPb{MarshalOptions: c.write, UnmarshalOptions: c.read}
	return c
}

// StreamContentType is that of streams: one object a line.
func (*codec) StreamContentType(any) string { return "application/x-ndjson" }

// ContentType is that of every response but problems.
func (*codec) ContentType(any) string { return mediaType }

// Marshal writes a message, or a line of a stream.
func (c *codec) Marshal(v any) ([]byte, error) {
	if m, ok := v.(proto.Message); ok {
		return c.write.Marshal(m) //nolint:wrapcheck // the mux masks it
	}
	if p, ok := failureIn(v); ok {
		return json.Marshal(map[string]problem.Problem{"error": p}) //nolint:wrapcheck // the mux masks it
	}
	return c.JSONPb.Marshal(v) //nolint:wrapcheck // the mux masks it
}

// NewDecoder reads one message: all there is, so that nothing can follow it unseen.
func (c *codec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		var data []byte
		if b, ok := r.(*body); ok {
			data = b.data
		} else {
			var err error
			if data, err = io.ReadAll(r); err != nil {
				return err //nolint:wrapcheck // the mux masks it
			}
		}
		if len(data) == 0 {
			return io.EOF
		}
		m, err := target(v)
		if err != nil {
			return err
		}
		return c.read.Unmarshal(data, m) //nolint:wrapcheck // explained by the error handler
	})
}

// target is the message to fill: v itself, or a new one that v, a pointer to a pointer, is set to.
func target(v any) (proto.Message, error) {
	if m, ok := v.(proto.Message); ok {
		return m, nil
	}
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Kind() != reflect.Pointer {
		return nil, errNotMessage
	}
	if p.Elem().IsNil() {
		p.Elem().Set(reflect.New(p.Elem().Type().Elem()))
	}
	m, ok := p.Elem().Interface().(proto.Message)
	if !ok {
		return nil, errNotMessage
	}
	return m, nil
}

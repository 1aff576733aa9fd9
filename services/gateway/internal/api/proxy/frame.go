package proxy

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	encodingproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/plaintext"
)

// frame is a message that is passed on as it came. It holds one reference to its buffers, which sending gives away.
type frame struct{ data mem.BufferSlice }

// free gives the buffers back when the message was not sent.
func (f *frame) free() {
	f.data.Free()
	f.data = nil
}

// bytes are those of the message, to be looked at only until it is sent.
func (f *frame) bytes() []byte {
	if len(f.data) == 1 {
		return f.data[0].ReadOnlyData()
	}
	return f.data.Materialize()
}

// Receive receives a message and returns its size. It drops a message larger than limit unread.
func Receive(in grpc.ServerStream, m any, limit int) (size int, err error) {
	f, raw := m.(*frame)
	if !raw {
		f = &frame{}
	}
	if err := in.RecvMsg(f); err != nil {
		return 0, err //nolint:wrapcheck // a status already
	}
	size = f.data.Len()
	if raw && size <= limit {
		return size, nil
	}
	defer f.free()
	if size > limit {
		return size, nil
	}
	if err := NewCodec().messages.Unmarshal(f.data, m); err != nil {
		return size, status.Errorf(codes.Internal, "read the message: %v", err)
	}
	if request, ok := m.(proto.Message); ok {
		if fields := plaintext.Check(request); len(fields) > 0 {
			return size, errs.Invalid(fields...)
		}
	}
	return size, nil
}

// Codec passes frames on without looking into them and leaves messages to the codec of protobuf.
type Codec struct{ messages encoding.CodecV2 }

// NewCodec makes a codec.
func NewCodec() Codec { return Codec{messages: plaintext.Codec()} }

// Name is that of protobuf: what the frames hold.
func (Codec) Name() string { return encodingproto.Name }

// Marshal writes a message.
func (c Codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return c.messages.Marshal(v) //nolint:wrapcheck // gRPC wraps it
	}
	data := f.data
	// gRPC frees what it sends, and a call that is repeated marshals again.
	data.Ref()
	return data, nil
}

// Unmarshal reads a message.
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return c.messages.Unmarshal(data, v) //nolint:wrapcheck // gRPC wraps it
	}
	data.Ref()
	f.data = data
	return nil
}

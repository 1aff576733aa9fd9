package authztest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Answer is what came back, over whichever wire.
type Answer struct {
	// Reason is the error's; empty for none.
	Reason string
	// Text is everything that was said, but for what differs with every call.
	Text string
}

// OverGRPC makes the call over a connection and reads the response. For a stream that is every message up to
// `snapshot_done`.
func (c Call) OverGRPC(ctx context.Context, t testing.TB, conn grpc.ClientConnInterface, request proto.Message) Answer {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(c.Output())
	if err != nil {
		t.Fatal(err)
	}
	response := kind.New().Interface()
	if !c.Streams() {
		return OverGRPC(response, conn.Invoke(ctx, c.Full, request, response))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, c.Full)
	if err != nil {
		return OverGRPC(nil, err)
	}
	// If the call is refused meanwhile, the error is the response.
	_ = errors.Join(stream.SendMsg(request), stream.CloseSend())
	var all []string
	for {
		proto.Reset(response)
		if err := stream.RecvMsg(response); err != nil {
			return OverGRPC(nil, err)
		}
		all = append(all, OverGRPC(response, nil).Text)
		if done := response.ProtoReflect().Descriptor().Fields().ByName("snapshot_done"); response.ProtoReflect().Get(done).Bool() {
			return Answer{Text: strings.Join(all, "\n")}
		}
	}
}

// ReadStream reads of the body of a stream what there is when it begins, and of any other all.
func ReadStream(body io.Reader) ([]byte, error) {
	var all []byte
	lines := bufio.NewReader(body)
	for {
		line, err := lines.ReadBytes('\n')
		all = append(all, line...)
		if errors.Is(err, io.EOF) || strings.Contains(strings.ReplaceAll(string(line), " ", ""), `"snapshotDone":true`) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// OverGRPC reads a gRPC response.
func OverGRPC(response proto.Message, err error) Answer {
	if err == nil {
		text, e := protojson.Marshal(response)
		return Answer{Text: fmt.Sprint(string(text), e)}
	}
	st := status.Convert(err)
	out := Answer{Reason: st.Code().String(), Text: fmt.Sprintf("%s %s", st.Code(), st.Message())}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.RequestInfo: // differs with every call
		case *errdetails.ErrorInfo:
			out.Reason = d.GetReason()
			out.Text += fmt.Sprintf(" | %s %s %s", d.GetReason(), d.GetDomain(), flat(d.GetMetadata()))
		case proto.Message:
			out.Text += fmt.Sprintf(" | %s %s", d.ProtoReflect().Descriptor().Name(), flat(d))
		}
	}
	return out
}

// OverREST reads a REST response.
func OverREST(code int, body []byte) Answer {
	var fields map[string]any
	if lines := strings.Split(strings.TrimSpace(string(body)), "\n"); code < 400 && len(lines) > 1 && strings.Contains(lines[0], `"result"`) {
		return Answer{Text: fmt.Sprint(code, " ", string(body))}
	}
	if json.Unmarshal(body, &fields) != nil {
		return Answer{Reason: "NO_JSON", Text: fmt.Sprint(code, string(body))}
	}
	out := Answer{}
	if reason, ok := fields["reason"].(string); ok && code >= 400 {
		out.Reason = reason
	}
	delete(fields, "instance")
	delete(fields, "traceId")
	out.Text = fmt.Sprint(code, " ", flat(fields))
	return out
}

func flat(v any) string {
	if m, ok := v.(proto.Message); ok {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		return fmt.Sprintf("%x %v", text, err)
	}
	text, err := json.Marshal(v) // maps by their keys in order
	return fmt.Sprint(string(text), err)
}

// Alike returns the response with a world's ids replaced by the names of their collections, so that two worlds compare.
func (a Answer) Alike(w World) string {
	ids := make([]string, 0, len(w))
	for collection, id := range w {
		ids = append(ids, id+"\x00"+collection)
	}
	slices.SortFunc(ids, func(x, y string) int { return len(y) - len(x) })
	text := a.Text
	for _, pair := range ids {
		id, collection, _ := strings.Cut(pair, "\x00")
		text = strings.ReplaceAll(text, id, "<"+collection+">")
	}
	return text
}

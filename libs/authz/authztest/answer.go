package authztest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Answer is what came back, over whichever wire.
type Answer struct {
	// Reason is the error's; empty for none.
	Reason string
	// Text is everything that was said, but for what differs with every call.
	Text string
}

// OverGRPC reads an answer of gRPC.
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

// OverREST reads an answer of REST.
func OverREST(code int, body []byte) Answer {
	var fields map[string]any
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

// Alike is the answer with the ids of a world replaced by the names of their collections, so that two worlds compare.
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

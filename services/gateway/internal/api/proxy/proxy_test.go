package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/low-layer/platform/services/gateway/internal/api/proxy"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const serviceName = "lowlayer.echo.v1.EchoService"

type files struct{ f protoreflect.FileDescriptor }

func (f files) RangeFiles(yield func(protoreflect.FileDescriptor) bool) { yield(f.f) }

// declare makes an API with one method of each kind, and one for services only.
func declare(t *testing.T) files {
	t.Helper()
	method := func(name string, in, out bool, audience authzv1.Audience) *descriptorpb.MethodDescriptorProto {
		o := &descriptorpb.MethodOptions{}
		proto.SetExtension(o, authzv1.E_Rule, &authzv1.MethodRule{Audience: audience})
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: proto.String(".google.protobuf.StringValue"), OutputType: proto.String(".google.protobuf.StringValue"),
			ClientStreaming: &in, ServerStreaming: &out, Options: o,
		}
	}
	f, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("lowlayer/echo/v1/echo.proto"), Package: proto.String("lowlayer.echo.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("EchoService"), Method: []*descriptorpb.MethodDescriptorProto{
			method("Unary", false, false, authzv1.Audience_PUBLIC), method("Chat", true, true, authzv1.Audience_PUBLIC),
			method("Secret", false, false, authzv1.Audience_INTERNAL), method("Undeclared", false, false, authzv1.Audience_AUDIENCE_UNSPECIFIED),
		}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return files{f}
}

// echo returns its input; "fail" ends the call with a status with details, "hang" waits for the caller to go.
func echo(gone chan<- struct{}) grpc.StreamHandler {
	return func(_ any, s grpc.ServerStream) error {
		context.AfterFunc(s.Context(), func() { gone <- struct{}{} })
		md, _ := metadata.FromIncomingContext(s.Context())
		if err := s.SetHeader(metadata.Pairs("x-echo", strings.Join(md.Get("authorization"), ","), "x-bin", "b")); err != nil {
			return err //nolint:wrapcheck // a test
		}
		s.SetTrailer(metadata.Pairs("x-end", "t", "end-bin", "\x00\xff"))
		for {
			var m wrapperspb.StringValue
			err := s.RecvMsg(&m)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err //nolint:wrapcheck // a test
			}
			switch m.GetValue() {
			case "fail":
				st, _ := status.New(codes.FailedPrecondition, "own words").WithDetails(&errdetails.Help{Links: []*errdetails.Help_Link{{Url: "u"}}})
				return st.Err() //nolint:wrapcheck // a test
			case "hang":
				<-s.Context().Done()
				return s.Context().Err() //nolint:wrapcheck // a test
			}
			if err := s.SendMsg(&m); err != nil {
				return err //nolint:wrapcheck // a test
			}
		}
	}
}

type world struct {
	conn *grpc.ClientConn
	gone chan struct{}
}

type backends struct{ b client.Backend }

func (b backends) Find(name string) (client.Backend, bool) { return b.b, name == b.b.Name }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{gone: make(chan struct{}, 100)}
	behind := serve(t, grpc.UnknownServiceHandler(echo(w.gone)))
	routes, err := route.New(declare(t), []string{"echo"})
	if err != nil {
		t.Fatal(err)
	}
	p := proxy.New(routes, backends{client.Backend{Name: "echo", Conn: behind}}, nil)
	w.conn = serve(t, grpc.UnknownServiceHandler(p.Handle), grpc.ForceServerCodecV2(proxy.NewCodec()))
	return w
}

func serve(t *testing.T, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	s := grpc.NewServer(options...)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return conn
}

func (w *world) chat(ctx context.Context, t *testing.T) grpc.ClientStream {
	t.Helper()
	s, err := w.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/"+serviceName+"/Chat")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUnary(t *testing.T) {
	w := newWorld(t)
	for _, n := range []int{0, 1, 5000, 3 << 20} {
		text := strings.Repeat("x", n)
		var out wrapperspb.StringValue
		var header, trailer metadata.MD
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer t")
		if err := w.conn.Invoke(ctx, "/"+serviceName+"/Unary", wrapperspb.String(text), &out, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil || out.GetValue() != text {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if !slices.Equal(header.Get("x-echo"), []string{"Bearer t"}) || len(header.Get("x-request-id")) != 1 || !slices.Equal(trailer.Get("end-bin"), []string{"\x00\xff"}) {
			t.Errorf("header %v, trailer %v", header, trailer)
		}
	}
}

func TestProxy_status_keepsItsDetails(t *testing.T) {
	w := newWorld(t)
	var trailer metadata.MD
	err := w.conn.Invoke(t.Context(), "/"+serviceName+"/Unary", wrapperspb.String("fail"), &wrapperspb.StringValue{}, grpc.Trailer(&trailer))
	chat := w.chat(t.Context(), t)
	if e := chat.SendMsg(wrapperspb.String("fail")); e != nil {
		t.Fatal(e)
	}
	for kind, got := range map[string]error{"unary": err, "stream": chat.RecvMsg(&wrapperspb.StringValue{})} {
		st := status.Convert(got)
		if st.Code() != codes.FailedPrecondition || st.Message() != "own words" || len(st.Details()) != 1 {
			t.Errorf("%s: got %v with %v", kind, got, st.Details())
		}
	}
	if !slices.Equal(trailer.Get("x-end"), []string{"t"}) || !slices.Equal(chat.Trailer().Get("x-end"), []string{"t"}) {
		t.Errorf("trailers are %v and %v", trailer, chat.Trailer())
	}
}

func TestProxy_stream_passesBothWays(t *testing.T) {
	w := newWorld(t)
	s := w.chat(t.Context(), t)
	for i := range 100 {
		text := fmt.Sprint(i, strings.Repeat("y", i*100))
		if err := s.SendMsg(wrapperspb.String(text)); err != nil {
			t.Fatal(err)
		}
		var out wrapperspb.StringValue
		if err := s.RecvMsg(&out); err != nil || out.GetValue() != text {
			t.Fatalf("message %d: %q, %v", i, out.GetValue(), err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&wrapperspb.StringValue{}); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	if md, err := s.Header(); err != nil || !slices.Equal(md.Get("x-bin"), []string{"b"}) {
		t.Errorf("headers are %v, %v", md, err)
	}
}

func TestProxy_callerLeaves_endsTheCall(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := w.chat(ctx, t)
	if err := s.SendMsg(wrapperspb.String("echo")); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&wrapperspb.StringValue{}); err != nil {
		t.Fatal(err)
	}
	if err := s.SendMsg(wrapperspb.String("hang")); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-w.gone
}

func TestProxy_methodThatIsNotPublic_isUnimplemented(t *testing.T) {
	w := newWorld(t)
	for _, m := range []string{"Secret", "Undeclared", "Nothing"} {
		err := w.conn.Invoke(t.Context(), "/"+serviceName+"/"+m, wrapperspb.String("x"), &wrapperspb.StringValue{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", m, err)
		}
	}
}

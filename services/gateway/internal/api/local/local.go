package operation

import (
	"context"
	"errors"
	"fmt"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Local is a connection to the server in the same process, for REST: no network, the same code.
type Local struct {
	server  *Server
	methods map[string]grpc.MethodDesc
}

// NewLocal makes a connection to the server.
func NewLocal(s *Server) *Local {
	l := &Local{server: s, methods: make(map[string]grpc.MethodDesc)}
	d := operationv1.OperationService_ServiceDesc
	for _, m := range d.Methods {
		l.methods["/"+d.ServiceName+"/"+m.MethodName] = m
	}
	return l
}

var errNotMessages = errors.New("request and response must be messages")

// Invoke calls a method of the server.
func (l *Local) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	m, ok := l.methods[method]
	if !ok {
		return status.Errorf(codes.Unimplemented, "no method %s", method)
	}
	if md, ok := metadata.FromOutgoingContext(ctx); ok {
		ctx = metadata.NewIncomingContext(ctx, md)
	}
	answer, err := m.Handler(l.server, ctx, func(into any) error { return merged(into, args) }, nil)
	if err != nil {
		return err //nolint:wrapcheck // an error of the API
	}
	return merged(reply, answer)
}

// NewStream has nothing to open: no method of the server is a stream.
func (*Local) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Errorf(codes.Unimplemented, "no stream %s", method)
}

func merged(into, from any) error {
	to, ok1 := into.(proto.Message)
	m, ok2 := from.(proto.Message)
	if !ok1 || !ok2 {
		return fmt.Errorf("pass a message on: %w", errNotMessages)
	}
	proto.Merge(to, m)
	return nil
}

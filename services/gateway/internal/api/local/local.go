// Package local connects REST to the services of the edge itself: no network, the same code as over gRPC.
package local

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Conn is a connection to a server in the same process.
type Conn struct {
	server  any
	methods map[string]grpc.MethodDesc
	streams map[string]grpc.StreamDesc
}

// New makes a connection to a server of a generated service.
func New(d grpc.ServiceDesc, server any) *Conn {
	l := &Conn{server: server, methods: make(map[string]grpc.MethodDesc), streams: make(map[string]grpc.StreamDesc)}
	for _, s := range d.Streams {
		l.streams["/"+d.ServiceName+"/"+s.StreamName] = s
	}
	for _, m := range d.Methods {
		l.methods["/"+d.ServiceName+"/"+m.MethodName] = m
	}
	return l
}

var errNotMessages = errors.New("request and response must be messages")

// Invoke calls a method of the server.
func (l *Conn) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
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

func merged(into, from any) error {
	to, ok1 := into.(proto.Message)
	m, ok2 := from.(proto.Message)
	if !ok1 || !ok2 {
		return fmt.Errorf("pass a message on: %w", errNotMessages)
	}
	proto.Merge(to, m)
	return nil
}

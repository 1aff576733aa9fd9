package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/low-layer/platform/tools/stack"
)

// serveProxy passes every unary call on to target until it is told to stop: grpc-go on both sides and nothing between. No gateway in
// a process of its own is quicker.
func serveProxy(target string) error {
	conn, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(asIs{})))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the process ends with it
	return serve(grpc.NewServer(grpc.ForceServerCodecV2(asIs{}), grpc.UnknownServiceHandler(func(_ any, in grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(in)
		var request, response []byte
		if err := in.RecvMsg(&request); err != nil {
			return err
		}
		if err := conn.Invoke(in.Context(), method, &request, &response); err != nil {
			return err
		}
		return in.SendMsg(&response)
	})))
}

// startProxy runs a bare proxy to target with the processors that a gateway has.
func startProxy(ctx context.Context, target string) (address string, stop func() error, err error) {
	return startSelf(ctx, stack.Shared(), "proxy", target)
}

// asIs leaves messages as they are on the wire.
type asIs struct{}

func (asIs) Name() string { return proto.Name }

func (asIs) Marshal(v any) (mem.BufferSlice, error) {
	data, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("marshal a %T: only bytes pass", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*data)}, nil
}

func (asIs) Unmarshal(data mem.BufferSlice, v any) error {
	into, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("unmarshal a %T: only bytes pass", v)
	}
	*into = data.Materialize()
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	networkgw "github.com/low-layer/platform/gen/gateway/lowlayer/network/v1"
	"github.com/low-layer/platform/tools/stack"
)

// serveProxy forwards every unary call to target until it is stopped: grpc-go on both sides and nothing between. A gateway in a process
// of its own cannot be quicker.
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

// serveVanilla translates REST to gRPC for target until it is stopped: grpc-gateway as its documentation sets it up, with nothing on.
func serveVanilla(target string) error {
	mux := runtime.NewServeMux()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if err := networkgw.RegisterVpcServiceHandlerFromEndpoint(ctx, mux, target, options); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local bind does not wait
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: gatewayPatience}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-stop
		_ = server.Close() // the process ends with it
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// startVanilla runs a vanilla grpc-gateway to target with the processors that a gateway has.
func startVanilla(ctx context.Context, target string) (address string, stop func() error, err error) {
	return startSelf(ctx, stack.Shared(), "vanilla", target)
}

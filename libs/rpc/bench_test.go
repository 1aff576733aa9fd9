package rpc

import (
	"context"
	"log/slog"
	"net"
	"testing"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/telemetry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func echo(_ context.Context, r *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
	return &networkv1.Vpc{Name: r.GetName()}, nil
}

func repeat(b *testing.B, client networkv1.VpcServiceClient) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.GetVpc(b.Context(), &networkv1.GetVpcRequest{Name: vpcName}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCall is a call through everything this package adds, without an exporter, as a service runs by default.
func BenchmarkCall(b *testing.B) {
	tel, err := telemetry.Start(b.Context(), telemetry.Config{Service: "network"})
	if err != nil {
		b.Fatal(err)
	}
	server, err := NewServer(ServerConfig{
		Name: "network", Listen: "127.0.0.1:0", Telemetry: tel,
		Logger: telemetry.NewLogger(&logs{}, slog.LevelInfo, "network"),
	})
	if err != nil {
		b.Fatal(err)
	}
	networkv1.RegisterVpcServiceServer(server.Registrar(), &vpcs{get: echo})
	ctx, cancel := context.WithCancel(b.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	conn, err := Dial(ClientConfig{Target: server.Addr(), Name: "bench", Telemetry: tel})
	if err != nil {
		b.Fatal(err)
	}
	repeat(b, networkv1.NewVpcServiceClient(conn))
	if err := conn.Close(); err != nil {
		b.Error(err)
	}
	cancel()
	if err := <-served; err != nil {
		b.Error(err)
	}
	if err := tel.Shutdown(b.Context()); err != nil {
		b.Error(err)
	}
}

// BenchmarkBare is the same call over grpc-go alone.
func BenchmarkBare(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	networkv1.RegisterVpcServiceServer(server, &vpcs{get: echo})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	repeat(b, networkv1.NewVpcServiceClient(conn))
	if err := conn.Close(); err != nil {
		b.Error(err)
	}
	server.Stop()
	if err := <-served; err != nil {
		b.Error(err)
	}
}

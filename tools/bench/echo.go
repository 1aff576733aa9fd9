package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// echo is the peer: a bare grpc-go server that returns the same messages out of memory.
type echo struct {
	networkv1.UnimplementedVpcServiceServer
	vpc *networkv1.Vpc
}

func (e *echo) GetVpc(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
	return e.vpc, nil
}

func (e *echo) CreateVpc(context.Context, *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
	return &longrunningpb.Operation{Name: "tenants/bench/operations/op_network_00000000000000000000000000"}, nil
}

// serveEcho serves until it is stopped; tlsDir holds its certificate, empty for none.
func serveEcho(tlsDir string) error {
	secure, err := secureEcho(tlsDir)
	if err != nil {
		return err
	}
	server := grpc.NewServer(secure...)
	networkv1.RegisterVpcServiceServer(server, &echo{vpc: &networkv1.Vpc{
		Name: "tenants/bench/organisations/main/vpcs/read", Uid: "vpc_00000000000000000000000000", Mode: typev1.ResourceMode_MUTUALIZED,
		Cidr: "10.64.16.0/20", State: typev1.State_ACTIVE, Etag: "0123456789abcdef", CreateTime: timestamppb.Now(), UpdateTime: timestamppb.Now(),
		Cloud: &networkv1.VpcCloudRefs{
			ProjectId: "00000000000000000000000000000000", NetworkId: "00000000-0000-0000-0000-000000000000", SubnetId: "00000000-0000-0000-0000-000000000000",
			RouterId: "00000000-0000-0000-0000-000000000000", TransitNetworkId: "00000000-0000-0000-0000-000000000000", TransitCidr: "100.64.0.0/30",
			SecurityGroupId: "00000000-0000-0000-0000-000000000000",
		},
	}})
	return serve(server)
}

// serve prints the address of the server, and runs it until the process is stopped.
func serve(server *grpc.Server) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local bind does not wait
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-stop
		server.Stop()
	}()
	return server.Serve(listener)
}

// startEcho runs the peer as a process of its own, as the services are; tlsDir holds its certificate, empty for none.
func startEcho(ctx context.Context, tlsDir string) (address string, stop func() error, err error) {
	return startSelf(ctx, nil, "echo", tlsDir)
}

// startSelf runs this program as a server in a process of its own, with more of an environment, and returns its address.
func startSelf(ctx context.Context, env []string, args ...string) (address string, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, fmt.Errorf("start the %s server: %w", args[0], err)
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start the %s server: %w", args[0], err)
	}
	stop = func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("start the %s server: %w", args[0], err), stop())
	}
	return strings.TrimSpace(line), stop, nil
}

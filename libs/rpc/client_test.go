package rpc

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"google.golang.org/grpc"
)

func unaryInfo(method string) *grpc.UnaryServerInfo { return &grpc.UnaryServerInfo{FullMethod: method} }

func TestClient_retry_repeatsIdempotentCallsOnly(t *testing.T) {
	away := errs.New(errs.Unavailable, "DATABASE_AWAY", "the database is away; try again")
	gets, creates := 0, 0
	h := start(t, options{vpcs: &vpcs{
		get: func(context.Context, *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
			if gets++; gets < 3 {
				return nil, away
			}
			return &networkv1.Vpc{Name: vpcName}, nil
		},
		create: func(context.Context, *networkv1.CreateVpcRequest) (*longrunningpb.Operation, error) {
			creates++
			return nil, away
		},
	}})
	if _, err := h.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName}); err != nil || gets != 3 {
		t.Errorf("get: %d attempts, %v", gets, err)
	}
	_, err := h.vpcs.CreateVpc(t.Context(), &networkv1.CreateVpcRequest{
		Parent: "tenants/acme/organisations/core", VpcId: "dev", Vpc: &networkv1.Vpc{},
	})
	if e := grpcerr.FromError(err); creates != 1 || e.Reason != "DATABASE_AWAY" {
		t.Errorf("create: %d attempts, %v", creates, err)
	}
}

func TestClient_serviceAway_isAmbiguous(t *testing.T) {
	conn, err := Dial(ClientConfig{Target: "127.0.0.1:1", Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, err = networkv1.NewVpcServiceClient(conn).DeleteVpc(t.Context(), &networkv1.DeleteVpcRequest{Name: vpcName})
	if e := grpcerr.FromError(err); e.Code != errs.Unavailable || !e.Ambiguous {
		t.Errorf("got %+v", e)
	}
}

func TestClient_serviceConfig_isValid(t *testing.T) {
	text, err := serviceConfig(registeredPolicies())
	if err != nil {
		t.Fatal(err)
	}
	var config serviceConfigJSON
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Methods) != 1 || len(config.LoadBalancing) != 1 {
		t.Fatalf("got %s", text)
	}
	names := map[string]bool{}
	for _, name := range config.Methods[0].Names {
		names[name.Service+"/"+name.Method] = true
	}
	for name, want := range map[string]bool{
		vpcService + "/GetVpc": true, vpcService + "/ListVpcs": true, vpcService + "/CreateVpc": false,
		vpcService + "/DeleteVpc": false, "google.longrunning.Operations/GetOperation": true,
		"google.longrunning.Operations/DeleteOperation": false, "grpc.health.v1.Health/Watch": false,
	} {
		if names[name] != want {
			t.Errorf("%s repeated: %v", name, names[name])
		}
	}
	if _, err := Dial(ClientConfig{Target: "127.0.0.1:1\x00", Name: "test"}); err == nil || !strings.Contains(err.Error(), "make a client") {
		t.Errorf("a target that is none: %v", err)
	}
}

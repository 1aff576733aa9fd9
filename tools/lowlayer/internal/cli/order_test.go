package cli

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

// An order that was broken off before its answer says how to find out what became of it, and how to repeat it.
func TestOrder_noResponse_printsTheNextCommands(t *testing.T) {
	for method, args := range map[string][]string{
		"CreateTenant":       {"tenant", "create", "acme"},
		"CreateVpc":          {"vpc", "create", "acme/core/dev"},
		"UpdateVpc":          {"vpc", "update", "acme/core/dev", "--display-name", "Dev"},
		"CreateOrganisation": {"organisation", "create", "acme/core", "--mode", "MUTUALIZED", "--quota-cores", "8"},
		"DeleteTenant":       {"tenant", "delete", "acme", "--yes"},
	} {
		t.Run(method, func(t *testing.T) {
			f, address := newFake(t)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			f.interrupt = map[string]func(){method: interrupt}
			_, errs, code := cliRunCtx(ctx, address, args...)
			if code != exitInterrupted || !strings.Contains(errs, "interrupted before a response; the order may have been taken") {
				t.Fatalf("%d %s", code, errs)
			}
			id := requestID(t, errs)
			if !strings.Contains(errs, `lowlayer operation list acme --filter 'metadata.request_id = "`+id+`"'`) {
				t.Errorf("it does not say how to find out: %s", errs)
			}
			f.interrupt = nil
			_, _, _ = cliRun(t, address, append(args, "--request-id", id)...)
			if got := ordered(f, method); !slices.Equal(got, []string{id, id}) {
				t.Errorf("ordered with %q, then again with %q", id, got)
			}
		})
	}
}

// ordered are the request ids of the orders that a method got.
func ordered(f *fakePlatform, method string) (ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if m, ok := r.(interface {
			proto.Message
			GetRequestId() string
		}); ok && string(m.ProtoReflect().Descriptor().Name()) == method+"Request" {
			ids = append(ids, m.GetRequestId())
		}
	}
	return ids
}

func requestID(t *testing.T, errs string) string {
	t.Helper()
	m := regexp.MustCompile(`repeat the command with --request-id (order_[0-9a-z]{26}):`).FindStringSubmatch(errs)
	if m == nil {
		t.Fatalf("it names no request id: %s", errs)
	}
	return m[1]
}

// apply makes many orders, so that it takes no id: it finds out itself.
func TestApply_noResponse_canBeRepeated(t *testing.T) {
	f, address := newFake(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	f.interrupt = map[string]func(){"CreateOrganisation": interrupt}
	_, errs, code := cliRunCtx(ctx, address, "apply", "-f", startup)
	if code != exitInterrupted || !strings.Contains(errs, "the order may have been taken") || strings.Contains(errs, "--request-id") ||
		!strings.Contains(errs, "run the same command again") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestWait_interruption_reportsTheOrderAsTaken(t *testing.T) {
	f, address := newFake(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	f.interrupt = map[string]func(){"WaitOperation": interrupt}
	_, errs, code := cliRunCtx(ctx, address, "tenant", "create", "acme")
	if code != exitInterrupted || !strings.Contains(errs, "the order was taken") || !strings.Contains(errs, "lowlayer operation wait tenants/acme/operations/") {
		t.Errorf("%d %s", code, errs)
	}
}

// A connection that breaks says as little about the order as Ctrl-C; one that was never there says that it was not taken.
func TestOrder_brokenConnection_isAmbiguous(t *testing.T) {
	unsure, err := status.New(codes.Unavailable, "the service does not answer").WithDetails(
		&errdetails.ErrorInfo{Reason: "PEER_UNAVAILABLE", Metadata: map[string]string{"ambiguous": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		answer error
		taken  bool
	}{
		"it breaks":             {status.Error(codes.Unavailable, "error reading from server: EOF"), true},
		"the platform is sure":  {away(t), false},
		"the platform is not":   {unsure.Err(), true},
		"the order was refused": {status.Error(codes.FailedPrecondition, "no"), false},
	} {
		t.Run(name, func(t *testing.T) {
			f, address := newFake(t)
			f.refuse("CreateTenant", c.answer)
			_, errs, _ := cliRun(t, address, "tenant", "create", "acme")
			if strings.Contains(errs, "The order may have been taken.") != c.taken || strings.Contains(errs, "--request-id") != c.taken {
				t.Errorf("%s", errs)
			}
		})
	}
	_, errs, code := cliRun(t, "127.0.0.1:1", "tenant", "create", "acme")
	if code != exitUnavailable || strings.Contains(errs, "taken") {
		t.Errorf("nobody listens: %d %s", code, errs)
	}
}

// Every order of every command has an id, also those for which nobody gave one.
func TestOrder_request_hasAnId(t *testing.T) {
	f, address := newFake(t)
	if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
		t.Fatal(errs)
	}
	if a, b := last[*tenantv1.CreateTenantRequest](t, f).GetRequestId(), last[*tenantv1.CreateOrganisationRequest](t, f).GetRequestId(); a == "" || b == "" || a == b {
		t.Errorf("ordered with %q and %q", a, b)
	}
	if _, errs, code := cliRun(t, address, "vpc", "create", "acme/core/x", "--plan", "--request-id", "mine"); strings.Contains(errs, "unknown flag") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestTenantOf(t *testing.T) {
	for want, order := range map[string]proto.Message{
		"a": &tenantv1.CreateTenantRequest{TenantId: "a"},
		"b": &networkv1.CreateVpcRequest{Parent: "tenants/b/organisations/core"},
		"c": &networkv1.UpdateVpcRequest{Vpc: &networkv1.Vpc{Name: "tenants/c/organisations/core/vpcs/x"}},
		"d": &networkv1.DeletePeeringRequest{Name: "tenants/d/peerings/x"},
		"":  &networkv1.DeletePeeringRequest{},
	} {
		if got := tenantOf(order.ProtoReflect()); got != want {
			t.Errorf("%T: %q, want %q", order, got, want)
		}
	}
}

package app_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity/identitytest"
	"github.com/low-layer/platform/libs/rpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// noted is what the services behind the edge would put into their audit trails: the calls that failed.
type noted struct {
	mu    sync.Mutex
	calls []string
}

type notedKey struct{}

func (n *noted) Begin(ctx context.Context, method string, request proto.Message) context.Context {
	name := ""
	if r, ok := request.(interface{ GetName() string }); ok {
		name = r.GetName()
	}
	token := ""
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) == 1 && strings.HasPrefix(values[0], "Bearer ") {
		token = "with a token"
	}
	return context.WithValue(ctx, notedKey{}, fmt.Sprint(method[strings.LastIndexByte(method, '/')+1:], " ", name, " ", rpc.RequestID(ctx), " ", token))
}

func (n *noted) End(ctx context.Context, failure *errs.Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if said, ok := ctx.Value(notedKey{}).(string); ok && failure != nil {
		n.calls = append(n.calls, said)
	}
}

func (n *noted) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.calls
	n.calls = nil
	return out
}

// The service of a call records a refusal of the edge, and carries nothing out.
func TestRefusal_call_isRecorded(t *testing.T) {
	e, i := guarded(t)
	token := "Bearer " + i.Token(t, "v", []string{"/tenants/acme/viewer"}, identitytest.SteppedUp())
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", token, "x-request-id", "r1")
	rest := func(verb, path, body string) func() string {
		return func() string {
			got := e.do(verb, path, body, headers{"Authorization": token, "X-Request-Id": "r1"})
			if got.status == http.StatusOK {
				return ""
			}
			reason, _ := got.problem(t)["reason"].(string)
			return reason
		}
	}
	over := func(err error) string {
		if err == nil {
			return ""
		}
		return status.Code(err).String()
	}
	tenants, operations := tenantv1.NewTenantServiceClient(e.conn), operationv1.NewOperationServiceClient(e.conn)
	op := accepted("network").GetName()
	for _, c := range []struct {
		what   string
		call   func() string
		answer string
		noted  []string
	}{
		{"a change over REST", rest("POST", "/v1/tenants/acme:suspend", `{"reason":"x"}`), "PERMISSION_DENIED", []string{"SuspendTenant tenants/acme r1 with a token"}},
		{"somebody else's", rest("DELETE", "/v1/tenants/other", ""), "TENANT_NOT_FOUND", []string{"DeleteTenant tenants/other r1 with a token"}},
		{"cancelling over REST", rest("POST", "/v1/"+op+":cancel", "{}"), "PERMISSION_DENIED", []string{"CancelOperation " + op + " r1 with a token"}},
		{"a change over gRPC", func() string {
			_, err := tenants.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: "tenants/acme"})
			return over(err)
		}, codes.PermissionDenied.String(), []string{"SuspendTenant tenants/acme r1 with a token"}},
		{"cancelling over gRPC", func() string {
			_, err := operations.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: op})
			return over(err)
		}, codes.PermissionDenied.String(), []string{"CancelOperation " + op + " r1 with a token"}},
		{"a plan", rest("DELETE", "/v1/tenants/acme?validateOnly=true", ""), "PERMISSION_DENIED", nil},
		{"a read", rest("GET", "/v1/tenants/other", ""), "TENANT_NOT_FOUND", nil},
		{"a read that is allowed", rest("GET", "/v1/tenants/acme", ""), "", nil},
		{"an operation of no service", rest("POST", "/v1/"+accepted("catalog").GetName()+":cancel", "{}"), "PERMISSION_DENIED", nil},
	} {
		if got := c.call(); got != c.answer {
			t.Errorf("%s: answered %q", c.what, got)
		}
		if got := e.noted.take(); !slices.Equal(got, c.noted) {
			t.Errorf("%s: noted %q", c.what, got)
		}
	}
	if n := e.tenants.count(); n != 1 { // the read
		t.Errorf("%d calls were carried out", n)
	}
	// An unauthenticated call leaves no record, and a service that is away changes no response.
	if got := e.do("POST", "/v1/tenants/acme:suspend", `{"reason":"x"}`, nil); got.status != http.StatusUnauthorized || len(e.noted.take()) != 0 {
		t.Errorf("got %d", got.status)
	}
	e.network.end()
	_, err := networkv1.NewVpcServiceClient(e.conn).CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: "tenants/acme/organisations/core", VpcId: "dev"})
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("with the service away: %v", err)
	}
}

// A caller has no more recorded refusals than calls in its budget.
func TestRefusal_callBeyondARate_isNotRecorded(t *testing.T) {
	i := identitytest.Start(t)
	e := newEdge(t, "ISSUER="+i.URL, "RATE_CALLER_MUTATE=40")
	token := "Bearer " + i.Token(t, "v", []string{"/tenants/acme/viewer"}, identitytest.SteppedUp())
	denied, over := 0, 0
	for range 80 {
		got := e.do("POST", "/v1/tenants/acme:suspend", `{"reason":"x"}`, headers{"Authorization": token})
		switch got.problem(t)["reason"] {
		case "PERMISSION_DENIED":
			denied++
		case "RATE_LIMITED":
			over++
		}
	}
	if noted := len(e.noted.take()); denied+over != 80 || over == 0 || noted != denied {
		t.Errorf("%d denied, %d over, %d recorded", denied, over, noted)
	}
}

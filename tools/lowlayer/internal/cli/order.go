package cli

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/ids"
)

const requestIDFlag = "request-id"

// requestIDFlags gives --request-id to the commands of a group that send one order.
func (a *app) requestIDFlags(cmds ...*cobra.Command) {
	for _, cmd := range cmds {
		switch {
		case cmd.HasSubCommands():
			a.requestIDFlags(cmd.Commands()...)
		case cmd.Name() != "get" && cmd.Name() != "list":
			cmd.Flags().StringVar(&a.requestID, requestIDFlag, "", "id of the order: a repeated command with the same id orders nothing twice within 24 hours")
		}
	}
}

// giveID gives every order an id, so that an order without a response can be repeated. An interceptor does it, so that no
// command can forget it.
func (a *app) giveID(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	m, ok := req.(proto.Message)
	if !ok {
		return invoke(ctx, method, req, reply, conn, opts...)
	}
	order := m.ProtoReflect()
	field := order.Descriptor().Fields().ByName("request_id")
	if field == nil || a.plan {
		return invoke(ctx, method, req, reply, conn, opts...)
	}
	if order.Get(field).String() == "" {
		id := a.requestID
		if id == "" {
			id = ids.New("order")
		}
		order.Set(field, protoreflect.ValueOfString(id))
	}
	err := invoke(ctx, method, req, reply, conn, opts...)
	if err == nil || ctx.Err() == nil && !ambiguous(err) {
		return err
	}
	e := unansweredError{cause: err, interrupted: ctx.Err() != nil, id: order.Get(field).String(), repeats: a.repeats}
	switch reply.(type) {
	case *longrunningpb.Operation:
		e.tenant = tenantOf(order)
	case *tenantv1.ServiceAccount:
		e.secret = true
	}
	return e
}

// ambiguous is true when a failed call may have had its effect: the platform reports so, or the connection broke after the call.
func ambiguous(err error) bool {
	s := statusOf(err)
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetMetadata()["ambiguous"] == "true" {
			return true
		}
	}
	return s.Code() == codes.Unavailable && len(s.Details()) == 0 && !strings.HasPrefix(s.Message(), "connection error:")
}

// tenantOf returns the id of the tenant of an order; empty when it names none.
func tenantOf(order protoreflect.Message) string {
	fields := order.Descriptor().Fields()
	if f := fields.ByName("tenant_id"); f != nil {
		return order.Get(f).String()
	}
	for _, name := range []protoreflect.Name{"parent", "name"} {
		if f := fields.ByName(name); f != nil && f.Kind() == protoreflect.StringKind {
			if parts := strings.Split(order.Get(f).String(), "/"); len(parts) > 1 {
				return parts[1]
			}
		}
	}
	for i := range fields.Len() {
		if f := fields.Get(i); f.Message() != nil && !f.IsList() && !f.IsMap() && f.Message().Fields().ByName("name") != nil {
			return tenantOf(order.Get(f).Message())
		}
	}
	return ""
}

// unansweredError is an order without a response: the platform may have taken it.
type unansweredError struct {
	cause       error
	interrupted bool
	id, tenant  string
	// repeats is true when the command takes the id, secret when it creates a secret, which is shown once.
	repeats, secret bool
}

func (e unansweredError) Error() string {
	if e.interrupted {
		return "interrupted before a response; the order may have been taken"
	}
	return e.cause.Error()
}

func (e unansweredError) Unwrap() error { return e.cause }

// GRPCStatus is the status that explains the error.
func (e unansweredError) GRPCStatus() *status.Status { return statusOf(e.cause) }

// advice are the commands to find out, and to go on.
func (e unansweredError) advice() []string {
	var lines []string
	if !e.interrupted {
		lines = append(lines, "The order may have been taken.")
	}
	if e.tenant != "" {
		lines = append(lines, fmt.Sprintf(`Find out: lowlayer operation list %s --filter 'metadata.request_id = "%s"'`, e.tenant, e.id))
	}
	if !e.repeats {
		return append(lines, "Or run the same command again: it orders nothing twice.")
	}
	lines = append(lines, fmt.Sprintf("Or repeat the command with --%s %s: it orders nothing twice.", requestIDFlag, e.id))
	if e.secret {
		lines = append(lines, "A secret is shown only once; `lowlayer service-account rotate` creates another.")
	}
	return lines
}

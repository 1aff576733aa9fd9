package operationapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/watch/watchapi"
)

const watchedPage = 100

// Watched is how operations are watched. Those of an earlier tenant of the same id are not.
func (s *Server) Watched() watchapi.Kind {
	return watchapi.Kind{Type: "operation", Permission: "operation.operations.get", Get: s.watchedOperation, List: s.runningOperations, Fades: true}
}

func (s *Server) watchedOperation(ctx context.Context, name string) (proto.Message, error) {
	parsed, err := resourcename.ParseOperation(name)
	if err != nil {
		return nil, err
	}
	found, err := s.engine.List(ctx, provision.ListInput{Tenant: parsed.Tenant, Where: "o.id = $1", Args: []any{parsed.Operation}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errs.NotFound("operation", name)
	}
	return ToProto(found[0])
}

// runningOperations are those that are under way; what is done is in the list of operations. The token is where the page before
// ended: a time and an id.
func (s *Server) runningOperations(ctx context.Context, tenant, token string) ([]watchapi.Item, string, error) {
	in := provision.ListInput{Tenant: tenant, Where: "o.state = 'RUNNING'", Limit: watchedPage}
	if at, id, ok := strings.Cut(token, " "); ok {
		var err error
		if in.BeforeTime, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return nil, "", fmt.Errorf("page of running operations: %w", err)
		}
		in.BeforeID = id
	}
	ops, err := s.engine.List(ctx, in)
	if err != nil {
		return nil, "", err
	}
	items := make([]watchapi.Item, len(ops))
	for i, op := range ops {
		m, err := ToProto(op)
		if err != nil {
			return nil, "", err
		}
		items[i] = watchapi.Item{Name: op.Name, Subject: op.Resource, Message: m}
	}
	if len(ops) < watchedPage {
		return items, "", nil
	}
	last := ops[len(ops)-1]
	return items, last.CreateTime.Format(time.RFC3339Nano) + " " + last.ID, nil
}

package operationapi

import (
	"context"
	"fmt"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/provision"
)

// Operations are named under the tenant, but belong to those who hold a role on the resource they work on: a caller whose
// role is on an organisation sees the operations of what is in it.

// find returns an operation that the caller may see. One of an earlier tenant of the same id is for operators of the platform.
func (s *Server) find(ctx context.Context, name resourcename.Operation) (*provision.Operation, error) {
	where, args := narrow(authz.Narrowed(ctx), "o.id = $1", []any{name.Operation})
	found, err := s.engine.List(ctx, provision.ListInput{Tenant: name.Tenant, Where: where, Args: args, Limit: 1, Past: authz.Operates(ctx)})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errs.NotFound("operation", name.String())
	}
	return found[0], nil
}

// narrow adds to a condition that the caller may see the operation.
func narrow(places authz.Places, where string, args []any) (string, []any) {
	if places.All {
		return where, args
	}
	n := len(args) + 1
	covered := fmt.Sprintf("EXISTS (SELECT FROM unnest($%d::text[]) AS place WHERE o.resource = place OR starts_with(o.resource, place || '/'))", n)
	if where != "" {
		covered = "(" + where + ") AND " + covered
	}
	names := places.Names
	if names == nil {
		names = []string{}
	}
	return covered, append(args, names)
}

package operationapi

import (
	"context"
	"fmt"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resourcename"
)

// Operations are named under the tenant, but belong to those who hold a role on the resource they work on: a caller whose
// role is on an organisation sees the operations of what is in it.

// covered is nil for an operation that the caller may see. Only who holds his role below the tenant costs a look at it.
func (s *Server) covered(ctx context.Context, name resourcename.Operation) error {
	places := authz.Narrowed(ctx)
	if places.All {
		return nil
	}
	op, err := s.engine.Get(ctx, name.Tenant, name.Operation)
	if err != nil {
		return err
	}
	if !places.Covers(op.Resource) {
		return errs.NotFound("operation", name.String())
	}
	return nil
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

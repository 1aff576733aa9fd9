// Package serve serves the standard calls of a resource: it parses the name, calls the use case and converts the result. Errors
// pass through as they are.
package serve

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/operationapi"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
)

// Get serves a call that reads one resource.
func Get[N, T, M any](
	ctx context.Context, name string, parse func(string) (N, error), get func(context.Context, N) (T, error), message func(T) M,
) (M, error) {
	var none M
	n, err := parse(name)
	if err != nil {
		return none, err
	}
	found, err := get(ctx, n)
	if err != nil {
		return none, err
	}
	return message(found), nil
}

// List serves a call that reads a page of the resources of a parent. It returns their messages and the token of the next page.
func List[P, T, M any](
	ctx context.Context, parent string, in resource.List, parse func(string) (P, error),
	list func(context.Context, P, resource.List) (resource.Page[T], error), message func(T) M,
) ([]M, string, error) {
	p, err := parse(parent)
	if err != nil {
		return nil, "", err
	}
	page, err := list(ctx, p, in)
	if err != nil {
		return nil, "", err
	}
	return convert.All(page.Items, message), page.Next, nil
}

// Change serves a call that changes a resource, or makes one below the parent of that name.
func Change[N any](
	ctx context.Context, req convert.Repeatable, name string, parse func(string) (N, error),
	change func(context.Context, resource.Identity, N) (*provision.Operation, error),
) (*longrunningpb.Operation, error) {
	n, err := parse(name)
	if err != nil {
		return nil, err
	}
	id, err := convert.Identity(ctx, req)
	if err != nil {
		return nil, err
	}
	op, err := change(ctx, id, n)
	if err != nil {
		return nil, err
	}
	return operationapi.ToProto(op)
}

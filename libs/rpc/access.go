package rpc

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// access is the hooks that identify and authorize a caller.
type access struct {
	authenticate func(context.Context, string) (context.Context, error)
	authorize    func(context.Context, string, proto.Message) (context.Context, error)
}

// enter identifies the caller. On failure it returns the unchanged context, which the call is logged with.
func (a access) enter(ctx context.Context, method string) (context.Context, error) {
	if a.authenticate == nil {
		return ctx, nil
	}
	entered, err := a.authenticate(ctx, method)
	if err != nil {
		return ctx, err
	}
	return entered, nil
}

// admit decides about a valid request.
func (a access) admit(ctx context.Context, method string, message any) (context.Context, error) {
	if a.authorize == nil {
		return ctx, nil
	}
	request, ok := message.(proto.Message)
	if !ok {
		return ctx, fmt.Errorf("authorize %s: a %T is no message", method, message)
	}
	admitted, err := a.authorize(ctx, method, request)
	if err != nil {
		return ctx, err
	}
	return admitted, nil
}

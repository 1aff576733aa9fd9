package rpc

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/low-layer/platform/libs/errs"
)

// refusedKey marks a call that the edge has refused already. It is forwarded for the record alone: the server authorizes
// it like any other, and never carries it out. A caller who sends the mark harms no other.
const refusedKey = "x-lowlayer-refused"

// ReasonRefused is that of a marked call which the server would have let pass.
const ReasonRefused = "PERMISSION_DENIED"

// WithRefused marks the calls that are made with the context.
func WithRefused(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, refusedKey, "1")
}

// refused is the error of a marked call, nil for any other. A stream has no request yet.
func (s *Server) refused(ctx context.Context, method string, request any) error {
	if len(metadata.ValueFromIncomingContext(ctx, refusedKey)) == 0 {
		return nil
	}
	if request != nil {
		if _, err := s.access.admit(ctx, method, request); err != nil {
			return err
		}
	}
	return errs.New(errs.PermissionDenied, ReasonRefused, "the gateway refused this call; ask an owner of the tenant for the role you need")
}

//go:build unguarded

package access

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/identity"
)

// decide lets everybody who is somebody do everything, as if no method had a rule: a mutant, by which tests see what the rows'
// own wall is worth.
func (*Guard) decide(ctx context.Context, _ *identity.Principal, _ string, _ proto.Message) (context.Context, error) {
	return authz.Everywhere(ctx), nil
}

func (*Guard) sees(_ *identity.Principal, _, _ string) bool { return true }

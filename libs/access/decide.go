//go:build !unguarded

package access

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/identity"
)

func (g *Guard) decide(ctx context.Context, p *identity.Principal, method string, request proto.Message) (context.Context, error) {
	return g.authorizer.Authorize(ctx, p, method, request)
}

func (g *Guard) sees(p *identity.Principal, permission, resource string) bool {
	return g.authorizer.Sees(p, permission, resource)
}

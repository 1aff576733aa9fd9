package rpc

import (
	"context"

	"google.golang.org/grpc/peer"

	"github.com/low-layer/platform/libs/mtls"
)

// Peer is the service of the platform at the other end of the connection, by its certificate; false where none was shown.
// The gateway is one too, and passes calls of users on: what a peer may do by itself is not decided here.
func Peer(ctx context.Context) (service string, ok bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", false
	}
	return mtls.Service(p.AuthInfo)
}

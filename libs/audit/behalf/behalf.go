// Package behalf carries the person or program on whose behalf a service works in the background. The service sends it
// with its calls of other services. Their records then name both: the service as the actor, and the orderer.
//
// Only a service can set it. A server believes the header when the connection shows the certificate of a service that
// calls by itself. It ignores the header from the gateway, from operators and from callers without a certificate. No
// call forwards the header it received: Conn sends only what With put into the context.
package behalf

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/rpc"
)

const (
	// Key is that of the metadata in which a service says it.
	Key = "lowlayer-on-behalf-of-bin"
	// maxSize bounds it.
	maxSize = 4096
)

type contextKey struct{}

// With returns a context for work on behalf of the given orderer.
func With(ctx context.Context, a audit.Actor) context.Context {
	return context.WithValue(ctx, contextKey{}, a)
}

// Of returns the orderer of the work in a context: the orderer of the work under way, the calling user, or the orderer
// that a calling service names. It returns false without any.
func Of(ctx context.Context) (audit.Actor, bool) {
	if a, ok := ctx.Value(contextKey{}).(audit.Actor); ok {
		return a, true
	}
	if a, ok := User(ctx); ok {
		return a, true
	}
	return Said(ctx)
}

// User is the user or program that calls, false when none was identified.
func User(ctx context.Context) (audit.Actor, bool) {
	p, ok := identity.From(ctx)
	if !ok {
		return audit.Actor{}, false
	}
	kind := audit.User
	if p.ServiceAccount {
		kind = audit.ServiceAccount
	}
	return audit.Actor{Kind: kind, Subject: p.Subject, Name: p.Name, Email: p.Email, Issuer: p.Issuer, ACR: p.ACR}, true
}

// Service is the service of the platform that calls by itself, known by its certificate.
func Service(ctx context.Context) (string, bool) {
	if _, ok := identity.From(ctx); ok {
		return "", false
	}
	service, ok := rpc.Peer(ctx)
	return service, ok && service != access.Gateway && service != access.Operator
}

// Said returns the orderer that a calling service names. It returns false for every other caller.
func Said(ctx context.Context) (audit.Actor, bool) {
	if _, ok := Service(ctx); !ok {
		return audit.Actor{}, false
	}
	said := metadata.ValueFromIncomingContext(ctx, Key)
	if len(said) != 1 || len(said[0]) > maxSize {
		return audit.Actor{}, false
	}
	var a audit.Actor
	if err := json.Unmarshal([]byte(said[0]), &a); err != nil || a.Subject == "" || (a.Kind != audit.User && a.Kind != audit.ServiceAccount) {
		return audit.Actor{}, false
	}
	return a, true
}

// Conn adds the orderer of the context to each call.
func Conn(to grpc.ClientConnInterface) grpc.ClientConnInterface { return conn{to} }

type conn struct{ to grpc.ClientConnInterface }

func (c conn) Invoke(ctx context.Context, method string, request, response any, options ...grpc.CallOption) error {
	ctx, err := saying(ctx)
	if err != nil {
		return err
	}
	return c.to.Invoke(ctx, method, request, response, options...)
}

func (c conn) NewStream(ctx context.Context, d *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := saying(ctx)
	if err != nil {
		return nil, err
	}
	return c.to.NewStream(ctx, d, method, options...)
}

func saying(ctx context.Context) (context.Context, error) {
	a, ok := ctx.Value(contextKey{}).(audit.Actor)
	if !ok {
		return ctx, nil
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("say on whose behalf a call is: %w", err)
	}
	return metadata.AppendToOutgoingContext(ctx, Key, string(text)), nil
}

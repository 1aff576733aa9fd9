// Package behalf carries on whose behalf a service of the platform works: the person or program that ordered what it does in the
// background. A service says it with its calls of other services, whose records then name both: the service as the actor, and whom it
// worked for.
//
// It promises that only a service can say so. What a caller sends is believed when the connection shows the certificate of a service
// that calls by itself; the gateway, which passes calls of users on, operators, and callers without a certificate are not heard. In
// turn no call passes on what came in: Conn sends what With put into the context of the work, and nothing else.
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

// With is the context of work on behalf of somebody.
func With(ctx context.Context, a audit.Actor) context.Context {
	return context.WithValue(ctx, contextKey{}, a)
}

// Of is on whose behalf work is that is ordered in the context: of whom the work under way is, of the user who calls, or of whom the
// service that calls says. False when there is nobody.
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

// Said is on whose behalf the service that calls says it does. False when it says nothing, and whoever else says it.
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

// Conn says with each call on whose behalf the work of its context is.
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

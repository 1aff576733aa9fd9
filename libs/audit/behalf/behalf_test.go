package behalf_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/audit/behalf"
	"github.com/low-layer/platform/libs/identity"
)

var ada = audit.Actor{Kind: audit.User, Subject: "u1", Name: "ada", Email: "ada@acme.test", Issuer: "https://id", ACR: "2"}

const said = `{"kind":"USER","subject":"u1","name":"ada","email":"ada@acme.test","issuer":"https://id","acr":"2"}`

func incoming(ctx context.Context, said ...string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.MD{behalf.Key: said})
}

// from is a call over a connection that shows the certificate of a service.
func from(ctx context.Context, service string) context.Context {
	return peer.NewContext(ctx, &peer.Peer{AuthInfo: credentials.TLSInfo{SPIFFEID: &url.URL{Scheme: "spiffe", Host: "x.test", Path: "/" + service}}})
}

func TestBehalf_onlyServices_areTrusted(t *testing.T) {
	user := identity.With(t.Context(), &identity.Principal{Subject: "eve"})
	for name, c := range map[string]struct {
		ctx  context.Context
		want bool
	}{
		"a service":                        {incoming(from(t.Context(), "tenant"), said), true},
		"a service that says nothing":      {from(t.Context(), "tenant"), false},
		"the gateway":                      {incoming(from(t.Context(), access.Gateway), said), false},
		"an operator":                      {incoming(from(t.Context(), access.Operator), said), false},
		"without a certificate":            {incoming(t.Context(), said), false},
		"a user over no matter what":       {incoming(from(user, "tenant"), said), false},
		"a service, twice":                 {incoming(from(t.Context(), "tenant"), said, said), false},
		"a service, of a service":          {incoming(from(t.Context(), "tenant"), `{"kind":"SERVICE","subject":"network"}`), false},
		"a service, of nobody":             {incoming(from(t.Context(), "tenant"), `{"kind":"USER"}`), false},
		"a service, rubbish":               {incoming(from(t.Context(), "tenant"), `ada`), false},
		"a service, more than is believed": {incoming(from(t.Context(), "tenant"), `{"kind":"USER","subject":"`+strings.Repeat("x", 5000)+`"}`), false},
	} {
		a, ok := behalf.Said(c.ctx)
		if ok != c.want || (ok && a != ada) {
			t.Errorf("%s: %+v, %v", name, a, ok)
		}
	}
	if a, ok := behalf.Of(incoming(from(t.Context(), "tenant"), said)); !ok || a != ada {
		t.Errorf("what a service orders is on behalf of %+v, %v", a, ok)
	}
	if a, ok := behalf.Of(incoming(user, said)); !ok || a.Subject != "eve" {
		t.Errorf("what a user orders is on behalf of %+v, %v", a, ok)
	}
	if a, ok := behalf.Of(behalf.With(user, ada)); !ok || a != ada {
		t.Errorf("what work orders is on behalf of %+v, %v", a, ok)
	}
	if _, ok := behalf.Of(incoming(t.Context(), said)); ok {
		t.Error("anybody may say on whose behalf an order is")
	}
}

// calls keeps what calls say.
type calls struct{ said [][]string }

func (c *calls) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx)
	c.said = append(c.said, md.Get(behalf.Key))
	return nil
}

func (c *calls) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, c.Invoke(ctx, "", nil, nil)
}

func TestBehalf_connection_namesItsWork(t *testing.T) {
	to := &calls{}
	conn := behalf.Conn(to)
	// The received header is not forwarded: the work keeps its own record of the order.
	for _, ctx := range []context.Context{behalf.With(t.Context(), ada), incoming(from(t.Context(), "tenant"), said)} {
		if err := conn.Invoke(ctx, "", nil, nil); err != nil {
			t.Error(err)
		}
		if _, err := conn.NewStream(ctx, nil, ""); err != nil {
			t.Error(err)
		}
	}
	for i, got := range to.said {
		switch {
		case i < 2 && (len(got) != 1 || got[0] != said):
			t.Errorf("call %d says %q", i, got)
		case i >= 2 && len(got) > 0:
			t.Errorf("call %d passes %q on", i, got)
		}
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/low-layer/platform/libs/loopback"
	"github.com/low-layer/platform/libs/realm"
)

const (
	// tokenVariable gives a token to programs; it is used as it is and never renewed.
	tokenVariable = "LOWLAYER_TOKEN"
	// With these a program logs in as its service account, at the issuer.
	issuerVariable = "LOWLAYER_ISSUER"
	clientVariable = "LOWLAYER_CLIENT_ID"
	secretVariable = "LOWLAYER_CLIENT_SECRET"
)

// issuerPatience is the time limit of a program's login.
const issuerPatience = 15 * time.Second

// early is the time before its end at which a token is renewed.
const early = 30 * time.Second

// expiredError is an expired login.
type expiredError struct{ cause error }

func (e expiredError) Error() string {
	return "your login has ended: run `lowlayer login` again"
}

func (e expiredError) Unwrap() error { return e.cause }

// refusedAccountError is a service account that the issuer refuses.
type refusedAccountError struct {
	id    string
	cause error
}

func (e refusedAccountError) Error() string {
	return fmt.Sprintf("the service account %s of %s is refused: its secret is wrong or has expired; `lowlayer service-account rotate` creates a new one", e.id, clientVariable)
}

func (e refusedAccountError) Unwrap() error { return e.cause }

// tokens adds the bearer token to calls. Without one, calls carry none: a platform without an issuer needs none.
type tokens struct {
	address string

	mu      sync.Mutex
	loaded  bool
	held    credential
	account *clientcredentials.Config
	program *oauth2.Token
}

// current returns the token, renewed when it is near its end; empty without a login.
func (t *tokens) current(ctx context.Context) (string, error) {
	if token := os.Getenv(tokenVariable); token != "" {
		return token, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if id := os.Getenv(clientVariable); id != "" {
		return t.ofAccount(ctx, id)
	}
	if !t.loaded {
		c, _, err := loadCredential(t.address)
		if err != nil && !errors.Is(err, errNoCredential) {
			return "", err
		}
		t.held, t.loaded = c, true
	}
	if t.held.Access == "" || time.Until(t.held.Expiry) > early {
		return t.held.Access, nil
	}
	fresh, err := renew(ctx, t.held)
	if err != nil {
		return "", err
	}
	t.held = fresh
	_, err = storeCredential(t.address, fresh)
	return fresh.Access, err
}

// ofAccount returns the token of a service account. It is kept in memory only.
func (t *tokens) ofAccount(ctx context.Context, id string) (string, error) {
	if t.program.Valid() {
		return t.program.AccessToken, nil
	}
	ctx, cancel := context.WithTimeout(ctx, issuerPatience)
	defer cancel()
	if t.account == nil {
		issuer, secret := os.Getenv(issuerVariable), os.Getenv(secretVariable)
		if issuer == "" || secret == "" {
			return "", usageError{fmt.Errorf("%s is set without %s and %s: a service account logs in with all three", clientVariable, issuerVariable, secretVariable)}
		}
		p, err := discover(ctx, issuer)
		if err != nil {
			return "", err
		}
		t.account = &clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: p.Token, AuthStyle: oauth2.AuthStyleInParams}
	}
	token, err := t.account.Token(ctx)
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && (refused.ErrorCode == "invalid_client" || refused.ErrorCode == "unauthorized_client"):
		return "", refusedAccountError{id, err}
	case err != nil:
		return "", fmt.Errorf("log in as service account %s: %w", id, err)
	}
	t.program = token
	return token.AccessToken, nil
}

// renew uses the refresh token; roles are read anew with it.
func renew(ctx context.Context, c credential) (credential, error) {
	cfg := oauth2.Config{ClientID: realm.CLIClient, Endpoint: oauth2.Endpoint{TokenURL: c.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams}}
	token, err := cfg.TokenSource(ctx, &oauth2.Token{RefreshToken: c.Refresh}).Token()
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return c, expiredError{err}
	case err != nil:
		return c, fmt.Errorf("renew the login: %w", err)
	}
	c.Access, c.Expiry = token.AccessToken, token.Expiry
	if token.RefreshToken != "" {
		c.Refresh = token.RefreshToken
	}
	return c, nil
}

// bearer adds the token to unary calls. It is not sent in the clear to another machine.
func (t *tokens) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, err := t.with(ctx)
	if err != nil {
		return err
	}
	return invoke(ctx, method, req, reply, conn, opts...)
}

// stream is unary for streams.
func (t *tokens) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := t.with(ctx)
	if err != nil {
		return nil, err
	}
	return open(ctx, desc, conn, method, opts...)
}

func (t *tokens) with(ctx context.Context) (context.Context, error) {
	token, err := t.current(ctx)
	if err != nil || token == "" {
		return ctx, err
	}
	if !local(t.address) && os.Getenv("LOWLAYER_PLAINTEXT") == "" {
		return ctx, usageError{fmt.Errorf("the connection to %s is not encrypted, so your token is not sent: use a tunnel to loopback, or set LOWLAYER_PLAINTEXT=1 in a network you trust", t.address)}
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), nil
}

func local(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // a name of a socket or a test
	}
	return loopback.Host(host)
}

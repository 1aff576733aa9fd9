// Package identitytest is an issuer of access tokens for tests: it has its own keys, publishes them, and signs any
// claims, good or bad.
package identitytest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/low-layer/platform/libs/identity"
)

// Audience is what the tokens are for.
const Audience = "lowlayer-api"

// Claims are those of a token.
type Claims map[string]any

// Issuer signs tokens and serves its keys.
type Issuer struct {
	// URL is its name, as the claim `iss` has it.
	URL string
	// Now is its clock.
	Now func() time.Time

	fetches atomic.Int64
	down    atomic.Bool

	mu   sync.Mutex
	keys []Key
}

// Key is a key pair with its name.
type Key struct {
	ID      string
	Private *rsa.PrivateKey
}

// New makes an issuer with one key that is not served anywhere yet.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{URL: "https://id.example.test/realms/lowlayer", Now: time.Now}
	i.Rotate(t)
	return i
}

// Start makes an issuer and serves its keys until the test ends.
func Start(t testing.TB) *Issuer {
	t.Helper()
	i := New(t)
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.URL = server.URL + "/realms/lowlayer"
	return i
}

// NewKey makes a key pair.
func NewKey(t testing.TB, id string) Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return Key{ID: id, Private: private}
}

// Rotate adds a key, with which tokens are signed from now on; those before stay published.
func (i *Issuer) Rotate(t testing.TB) Key {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	k := NewKey(t, fmt.Sprintf("key-%d", len(i.keys)+1))
	i.keys = append(i.keys, k)
	return k
}

// Retire takes all keys back but the last.
func (i *Issuer) Retire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = i.keys[len(i.keys)-1:]
}

// Key is the one in use.
func (i *Issuer) Key() Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// Fetches counts how often the keys were asked for.
func (i *Issuer) Fetches() int64 { return i.fetches.Load() }

// SetDown makes the issuer respond with errors only.
func (i *Issuer) SetDown(down bool) { i.down.Store(down) }

// ServeHTTP publishes the keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	i.fetches.Add(1)
	if i.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	i.mu.Lock()
	set := jose.JSONWebKeySet{}
	for _, k := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Use: "sig", Algorithm: "RS256"})
	}
	i.mu.Unlock()
	_ = json.NewEncoder(w).Encode(set)
}

// RoundTrip is the issuer as an HTTP client's transport, for tests without a network.
func (i *Issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w.Result(), nil
}

// Claims are those of a good token of a user; changes replace some, and a nil value takes one away.
func (i *Issuer) Claims(user string, groups []string, changes ...Claims) Claims {
	now := i.Now()
	c := Claims{
		"iss": i.URL, "sub": user, "aud": Audience, "typ": "Bearer", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"auth_time": now.Unix(), "jti": "onrtro:" + user, "azp": "lowlayer-cli", "acr": "1", "amr": []string{"pwd"}, "sid": "s-" + user,
		"preferred_username": user, "email": user + "@example.test", "email_verified": true, "scope": "openid email profile",
	}
	if len(groups) > 0 {
		c["groups"] = groups
	}
	for _, change := range changes {
		maps.Copy(c, change)
	}
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// Token is a good token of a user.
func (i *Issuer) Token(t testing.TB, user string, groups []string, changes ...Claims) string {
	t.Helper()
	return Sign(t, i.Key(), i.Claims(user, groups, changes...))
}

// SteppedUp are the claims of a login with a second factor.
func SteppedUp() Claims { return Claims{"acr": "2", "amr": []string{"pwd", "otp"}} }

// Sign signs claims with a key, as the issuer does.
func Sign(t testing.TB, k Key, c Claims) string {
	t.Helper()
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return SignBytes(t, k, payload, nil)
}

// SignBytes signs any payload; extra is put into the header.
func SignBytes(t testing.TB, k Key, payload []byte, extra map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range extra {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: k.Private, KeyID: k.ID}}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Verifier is one that believes the issuer and has its keys.
func (i *Issuer) Verifier(t testing.TB, change ...func(*identity.Config)) *identity.Verifier {
	t.Helper()
	cfg := identity.Config{Issuer: i.URL, Audience: Audience, Client: &http.Client{Transport: i}, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&cfg)
	}
	v := identity.NewVerifier(cfg)
	if _, err := v.Verify(context.WithoutCancel(t.Context()), i.Token(t, "warm-up", nil)); err != nil {
		t.Fatalf("the verifier does not take a good token: %v", err)
	}
	return v
}

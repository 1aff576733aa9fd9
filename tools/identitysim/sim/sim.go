package sim

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/low-layer/platform/libs/clock"
)

// Options say what to simulate. The zero value is a usable identity provider.
type Options struct {
	Clock  clock.Clock
	Logger *slog.Logger
	// AdminPassword is that of the user admin of the realm master, by default labpass.
	AdminPassword string
	// ShowCodes makes the page that asks for a one-time password tell it: a sandbox has no authenticator app.
	ShowCodes bool
}

// Sim is one simulated identity provider. It is safe for use by many goroutines.
type Sim struct {
	opts Options
	base string

	mu   sync.Mutex
	st   *state
	mux  *http.ServeMux
	down atomic.Bool
	set  atomic.Bool
	hits atomic.Int64
}

// New makes a provider with an administrator and no realm but master; base is its address, without a trailing slash.
func New(base string, opts Options) (*Sim, error) {
	if opts.Clock == nil {
		opts.Clock = clock.Real()
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.AdminPassword == "" {
		opts.AdminPassword = "labpass"
	}
	s := &Sim{opts: opts, base: base, st: &state{Realms: map[string]*realm{}}, mux: http.NewServeMux()}
	master, err := s.newRealm(object{"realm": "master", "enabled": true, "accessTokenLifespan": float64(60)})
	if err != nil {
		return nil, err
	}
	cli := &client{ID: newID(), Rep: object{
		"clientId": "admin-cli", "enabled": true, "publicClient": true, "directAccessGrantsEnabled": true,
	}, Roles: map[string]object{}}
	master.Clients[cli.ID] = cli
	admin := newUser(object{"username": "admin", "enabled": true})
	admin.Password, admin.RealmRoles["admin"] = opts.AdminPassword, true
	master.Users[admin.ID] = admin
	s.st.Realms["master"] = master
	s.routes()
	return s, nil
}

// SetDown makes every response a 503 while it is true, as a Keycloak that is being restarted.
func (s *Sim) SetDown(down bool) { s.down.Store(down) }

// SetReady makes GET /_sim/ready answer 200: its realm and users are there.
func (s *Sim) SetReady() { s.set.Store(true) }

func (s *Sim) ready(w http.ResponseWriter, _ *http.Request) {
	if !s.set.Load() {
		http.Error(w, "the realm is being made", http.StatusServiceUnavailable)
	}
}

// Calls is how many requests came in so far.
func (s *Sim) Calls() int64 { return s.hits.Load() }

// ServeHTTP serves one request.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.hits.Add(1)
	if s.down.Load() {
		http.Error(w, "the identity provider is down", http.StatusServiceUnavailable)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Sim) now() time.Time { return s.opts.Clock.Now() }

func (s *Sim) issuer(r *realm) string { return s.base + "/realms/" + r.Name }

// Server is a provider listening on an address.
type Server struct {
	*Sim
	URL string // without a trailing slash

	http *http.Server
	done chan error
}

// Start serves a new provider on a free port of the loopback interface until Close.
func Start(ctx context.Context, opts Options) (*Server, error) {
	return Serve(ctx, "127.0.0.1:0", opts)
}

// Serve serves a new provider on the address until Close.
func Serve(ctx context.Context, address string, opts Options) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	url := "http://" + l.Addr().String()
	s, err := New(url, opts)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	srv := &Server{Sim: s, URL: url, http: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}, done: make(chan error, 1)}
	go func() { srv.done <- srv.http.Serve(l) }()
	return srv, nil
}

// Close lets running calls end for as long as ctx allows, then cuts them.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Failed reports when serving ended by itself; it never sends after Close.
func (s *Server) Failed() <-chan error { return s.done }

// newID is an opaque id in the form of Keycloak's.
func newID() string {
	b := random(16)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func newSecret() string { return base64.RawURLEncoding.EncodeToString(random(24)) }

// fault is a response that is no success.
type fault struct {
	status int
	body   object
}

func failed(status int, body object) *fault { return &fault{status, body} }

// deny is the body of admin errors that name a kind of object.
func deny(status int, text string) *fault { return failed(status, object{"error": text}) }

// conflict is the body of a name that is taken.
func conflict(format string, args ...any) *fault {
	return failed(http.StatusConflict, object{"errorMessage": fmt.Sprintf(format, args...)})
}

// oauthError is the body of errors of the token endpoint and its like.
func oauthError(status int, code, description string) *fault {
	return failed(status, object{"error": code, "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller went away
}

func (f *fault) write(w http.ResponseWriter) { writeJSON(w, f.status, f.body) }

const maxBody = 1 << 20

// decode reads a JSON body: an object or a list.
func decode[T any](r *http.Request) (T, *fault) {
	var v T
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		return v, failed(http.StatusBadRequest, object{"error": "unknown_error", "error_description": "Cannot parse the JSON"})
	}
	return v, nil
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return token
}

package openstack_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/openstack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const tokenLife = time.Hour

// fakeCloud is a Keystone that counts its tokens and a Neutron that does what the test says.
type fakeCloud struct {
	*httptest.Server
	clock *clock.Fake

	mu      sync.Mutex
	issued  []authRequest
	revoked map[string]bool
	// onToken runs before a token is issued; a status other than 0 is the response instead.
	onToken func(n int) int
	// onCall responds to calls with a good token.
	onCall func(w http.ResponseWriter, r *http.Request)
	calls  []*http.Request
	// lacksNetwork leaves Neutron out of the catalogue.
	lacksNetwork bool
	// expiryForm is how the end of a token is written; RFC 3339 when empty.
	expiryForm string
}

type authRequest struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password struct {
				User struct {
					ID, Name, Password string
					Domain             struct{ ID string }
				}
			} `json:"password"`
			ApplicationCredential struct{ ID, Secret string } `json:"application_credential"`
		} `json:"identity"`
		Scope json.RawMessage `json:"scope"`
	} `json:"auth"`
}

func newFakeCloud(t *testing.T) *fakeCloud {
	t.Helper()
	f := &fakeCloud{clock: clock.NewFake(epoch), revoked: map[string]bool{}}
	f.onCall = func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, `{}`) }
	mux := http.NewServeMux()
	mux.HandleFunc("POST /identity/v3/auth/tokens", f.token)
	mux.HandleFunc("/", f.call)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeCloud) token(w http.ResponseWriter, r *http.Request) {
	var asked authRequest
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	f.issued = append(f.issued, asked)
	n, onToken, neutron := len(f.issued), f.onToken, "network"
	if f.lacksNetwork {
		neutron = "removed"
	}
	f.mu.Unlock()
	if onToken != nil {
		if status := onToken(n); status != 0 {
			answer(w, status, `{"error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}}`)
			return
		}
	}
	w.Header().Set("X-Subject-Token", fmt.Sprintf("token-%d", n))
	now := f.clock.Now()
	answer(w, http.StatusCreated, fmt.Sprintf(`{"token": {
		"issued_at": %q, "expires_at": %q,
		"user": {"id": "u1", "name": "admin", "domain": {"id": "default", "name": "Default"}},
		"project": {"id": "p1", "name": "admin", "domain": {"id": "d1", "name": "One"}},
		"roles": [{"id": "r1", "name": "admin"}],
		"catalog": [
			{"type": "identity", "id": "1", "name": "keystone", "endpoints": [%s]},
			{"type": %q, "id": "2", "name": "neutron", "endpoints": [%s]},
			{"type": "compute", "id": "3", "name": "nova", "endpoints": [%s]},
			{"type": "image", "id": "4", "name": "glance", "endpoints": [%s]},
			{"type": "placement", "id": "5", "name": "placement", "endpoints": [%s]}]}}`,
		now.Format(time.RFC3339), now.Add(tokenLife).Format(cmp.Or(f.expiryForm, time.RFC3339)),
		f.endpoint("/identity"), neutron, f.endpoint("/network"), f.endpoint("/compute/v2.1"), f.endpoint("/image"), f.endpoint("/placement")))
}

func (f *fakeCloud) endpoint(path string) string {
	return fmt.Sprintf(`{"id": "e", "interface": "public", "region": "One", "region_id": "One", "url": "%s%s"}`, f.URL, path)
}

func (f *fakeCloud) call(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.calls = append(f.calls, r)
	refused := f.revoked[r.Header.Get("X-Auth-Token")]
	onCall := f.onCall
	f.mu.Unlock()
	if refused || r.Header.Get("X-Auth-Token") == "" {
		answer(w, http.StatusUnauthorized, `{"error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}}`)
		return
	}
	onCall(w, r)
}

func (f *fakeCloud) revoke(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked[token] = true
}

func (f *fakeCloud) tokens() []authRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]authRequest(nil), f.issued...)
}

// seen are the calls so far, as `METHOD path?query`.
func (f *fakeCloud) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, r := range f.calls {
		all = append(all, r.Method+" "+r.URL.RequestURI())
	}
	return all
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Openstack-Request-Id", "req-of-the-cloud")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client sees what is missing
}

// client is one of the fake cloud. The clouds.yaml is written as operators write it.
func (f *fakeCloud) client(t *testing.T, change ...func(*openstack.Config)) *openstack.Client {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	text := strings.ReplaceAll(`clouds:
  test:
    auth:
      auth_url: URL/identity/v3
      username: admin
      password: s3cret
      user_domain_id: default
      project_name: admin
      project_domain_id: default
    region_name: One
`, "URL", f.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := openstack.Config{CloudsFile: file, Cloud: "test", Clock: f.clock, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range change {
		fn(&cfg)
	}
	c, err := openstack.New(cfg)
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/realm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is the program in a goroutine; stop ends it as SIGTERM would.
type running struct {
	issuer string
	stop   func() error
}

func begin(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), in, io.Discard)
		_ = in.Close()
	}()
	buf := make([]byte, 512)
	n, err := out.Read(buf)
	if err != nil {
		cancel()
		t.Fatalf("no address was printed: %v, %v", err, <-done)
	}
	found := regexp.MustCompile(`issuer (\S+)`).FindSubmatch(buf[:n])
	if found == nil {
		cancel()
		t.Fatalf("printed %q", buf[:n])
	}
	return &running{issuer: string(found[1]), stop: func() error {
		cancel()
		_ = out.Close()
		return <-done
	}}
}

// service logs the tenant service in and returns the subject of its token.
func (r *running) service(t *testing.T, secret string) int {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.issuer+"/protocol/openid-connect/token", strings.NewReader(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {realm.TenantClient}, "client_secret": {secret},
	}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := errors.Join(json.NewDecoder(resp.Body).Decode(&body), resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

func TestState_restart_isKept(t *testing.T) {
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "identity.json"), filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("first-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := begin(t, "--state", file, "--tenant-secret-file", secret, "--user", "operator@lowlayer.test=/platform/operator")
	if got := first.service(t, "first-secret"); got != http.StatusOK {
		t.Errorf("the tenant service logs in: %d", got)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	// Without a secret the one of before is kept, and the operator that was made before is one still.
	second := begin(t, "--state", file, "--user", "operator@lowlayer.test=/platform/operator")
	if got := second.service(t, "first-secret"); got != http.StatusOK {
		t.Errorf("the tenant service logs in again: %d", got)
	}
	if err := second.stop(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(file + ".*"); err != nil || len(left) > 0 {
		t.Fatalf("files left: %v %v", left, err)
	}
}

func TestStartFailures(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "no such command"},
		{[]string{"dance"}, "no such command"},
		{[]string{"serve", "--colour"}, "read flags"},
		{[]string{"serve", "extra"}, `unexpected argument "extra"`},
		{[]string{"serve", "--user", "nobody"}, "is no e-mail address"},
		{[]string{"serve", "--listen", "0.0.0.0:0"}, "give an address of loopback"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--state", broken}, "load state from"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--tenant-secret-file", filepath.Join(dir, "none")}, "read the secret"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), c.args, &out, &out)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: want %q, got %v", c.args, c.want, err)
		}
	}
}

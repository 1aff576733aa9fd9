package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is the program in a goroutine; stop ends it as SIGTERM would.
type running struct {
	authURL string
	stop    func() error
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
	found := regexp.MustCompile(`auth_url (\S+)`).FindSubmatch(buf[:n])
	if found == nil {
		cancel()
		t.Fatalf("printed %q", buf[:n])
	}
	return &running{authURL: string(found[1]), stop: func() error {
		cancel()
		_ = out.Close()
		return <-done
	}}
}

func (r *running) identity(t *testing.T) *gophercloud.ServiceClient {
	t.Helper()
	p, err := openstack.NewClient(r.authURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	p.HTTPClient = http.Client{Transport: transport}
	if err := openstack.Authenticate(t.Context(), p, gophercloud.AuthOptions{
		IdentityEndpoint: r.authURL, Username: "admin", Password: "labpass", DomainID: "default", TenantName: "admin",
	}); err != nil {
		t.Fatal(err)
	}
	c, err := openstack.NewIdentityV3(p, gophercloud.EndpointOpts{Region: "RegionOne"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestState_restart_isKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cloud.json")
	first := begin(t, "--state", file)
	d, err := domains.Create(t.Context(), first.identity(t), domains.CreateOpts{Name: "kept"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := begin(t, "--state", file)
	got, err := domains.Get(t.Context(), second.identity(t), d.ID).Extract()
	if err := errors.Join(err, second.stop()); err != nil {
		t.Fatal(err)
	}
	if got.Name != "kept" {
		t.Fatalf("domain: %+v", got)
	}
	if left, err := filepath.Glob(file + ".*"); err != nil || len(left) > 0 {
		t.Fatalf("files left: %v %v", left, err)
	}
}

func TestStartFailures(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := begin(t)
	taken := strings.TrimSuffix(strings.TrimPrefix(other.authURL, "http://"), "/identity/v3")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "no such command"},
		{[]string{"dance"}, "no such command"},
		{[]string{"serve", "--colour"}, "read flags"},
		{[]string{"serve", "extra"}, `unexpected argument "extra"`},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--state", broken}, "load state from"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--state", dir}, "load state from"},
		{[]string{"serve", "--listen", taken}, "listen on " + taken},
	} {
		var out bytes.Buffer
		err := run(t.Context(), c.args, &out, &out)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: want %q, got %v", c.args, c.want, err)
		}
	}
	if err := other.stop(); err != nil {
		t.Fatal(err)
	}
}

package cloudtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// Simulator starts a simulated cloud for the test, and returns it with the clouds.yaml that names it `sim`.
func Simulator(t testing.TB, o sim.Options) (*sim.Server, string) {
	t.Helper()
	s, err := sim.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("start simulator: %v", err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("stop simulator: %v", err)
		}
	})
	path := filepath.Join(t.TempDir(), "clouds.yaml")
	text := fmt.Sprintf(`clouds:
  sim:
    auth:
      auth_url: %s
      username: admin
      password: labpass
      project_name: admin
      user_domain_id: default
      project_domain_id: default
    region_name: RegionOne
`, s.AuthURL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("write clouds.yaml: %v", err)
	}
	return s, path
}

// Client is a client of a cloud in a clouds.yaml, closed with the test.
func Client(t testing.TB, cloudsFile, cloud string) *openstack.Client {
	t.Helper()
	c, err := openstack.New(openstack.Config{CloudsFile: cloudsFile, Cloud: cloud, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("read %s: %v", cloudsFile, err)
	}
	t.Cleanup(c.Close)
	return c
}

package stacktest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// WithFailpoints builds a service into a folder so that it kills itself where LOWLAYER_FAILPOINT says; without that variable
// it is as always.
func WithFailpoints(t testing.TB, dir, service string) string {
	t.Helper()
	return variant(t, dir, service, "failpoint")
}

// Unguarded builds a service into a folder so that it lets everybody who is somebody do everything.
func Unguarded(t testing.TB, dir, service string) string {
	t.Helper()
	return variant(t, dir, service, "unguarded")
}

func variant(t testing.TB, dir, service, tag string) string {
	t.Helper()
	repo, err := findRepo()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, service)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", tag, "-o", out, "./services/"+service+"/cmd/"+service)
	cmd.Dir = repo
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s with %s: %v\n%s", service, tag, err, text)
	}
	return out
}

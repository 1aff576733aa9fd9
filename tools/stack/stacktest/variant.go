package stacktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// WithFailpoints returns the program of a service that kills itself at the point LOWLAYER_FAILPOINT. Without that variable it behaves
// like the usual one.
func WithFailpoints(t testing.TB, service string) string {
	t.Helper()
	return variant(t, "failpoint", service)
}

// Unguarded returns the program of a service that allows every authenticated caller everything.
func Unguarded(t testing.TB, service string) string {
	t.Helper()
	return variant(t, "unguarded", service)
}

// variant returns a program of LOWLAYER_BIN, or has make build it.
func variant(t testing.TB, tag, service string) string {
	t.Helper()
	name := filepath.Join(tag, service)
	if bin := os.Getenv("LOWLAYER_BIN"); bin != "" {
		return filepath.Join(bin, name)
	}
	repo, err := findRepo()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "make", filepath.Join("bin", name))
	cmd.Dir = repo
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, text)
	}
	return filepath.Join(repo, "bin", name)
}

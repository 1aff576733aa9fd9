package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/low-layer/platform/tools/stack"
)

// clone makes a folder that looks like a checkout.
func clone(t *testing.T, path ...string) string {
	t.Helper()
	dir := filepath.Join(append([]string{t.TempDir()}, path...)...)
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.work", "bin/gateway"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEachCloneHasItsOwnState(t *testing.T) {
	t.Setenv("LOWLAYER_SANDBOX_DIR", "")
	a, b := clone(t, "one", "platform"), clone(t, "two", "platform")
	if first, second := defaultDir(a), defaultDir(b); first == second || !strings.Contains(first, "/lowlayer/sandboxes/platform-") {
		t.Errorf("%s and %s", first, second)
	}
	t.Setenv("LOWLAYER_SANDBOX_DIR", "/elsewhere")
	if got := defaultDir(a); got != "/elsewhere" {
		t.Errorf("got %s", got)
	}
}

func TestACheckoutIsFoundFromInsideAndThroughLinks(t *testing.T) {
	top := clone(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(top, link); err != nil {
		t.Fatal(err)
	}
	want, err := filepath.EvalSymlinks(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range []string{top, filepath.Join(top, "bin"), filepath.Join(link, "bin")} {
		if got, ok := topOf(start); !ok || got != want {
			t.Errorf("%s: got %s", start, got)
		}
	}
	if got, ok := topOf(t.TempDir()); ok {
		t.Errorf("found %s outside of a checkout", got)
	}
}

func TestMovedPortsAreRemembered(t *testing.T) {
	top := clone(t)
	set := settings{checkout: top, dir: filepath.Join(top, "state"), bin: filepath.Join(top, "bin"), offset: 20, moved: true}
	s, err := set.openKept()
	if err != nil {
		t.Fatal(err)
	}
	forget, err := set.keepOffset(s)
	if err != nil {
		t.Fatal(err)
	}
	later := settings{checkout: top, dir: set.dir, bin: set.bin}
	if s, err = later.openKept(); err != nil || s.Addresses().Gateway != "127.0.0.1:8100" {
		t.Errorf("%v %+v", err, s.Addresses())
	}
	if err := forget(); err != nil {
		t.Fatal(err)
	}
	if s, err = later.openKept(); err != nil || s.Addresses() != stack.Defaults() {
		t.Errorf("%v %+v", err, s.Addresses())
	}
}

// TestUpNamesPortsInUse holds one port: nothing may be started, and the person must learn which it is, who has it and what to do.
func TestUpNamesPortsInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	top := clone(t)
	gateway := l.Addr().(*net.TCPAddr).Port
	set := settings{checkout: top, dir: filepath.Join(top, "state"), bin: filepath.Join(top, "bin"), offset: gateway - 8080, moved: true}
	err = up(t.Context(), set, t.Output())
	if err == nil {
		t.Fatal("it started")
	}
	for _, says := range []string{l.Addr().String() + " of gateway: held by sandbox.test, pid ", "make down", offsetVariable + "=", "--port-offset "} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in %v", says, err)
		}
	}
	if offset, err := readOffset(set.dir); offset != 0 || err != nil {
		t.Errorf("%d is remembered, %v", offset, err)
	}
}

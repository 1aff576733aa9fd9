package main

import (
	"fmt"
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

func TestState_clones_areApart(t *testing.T) {
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

func TestState_checkout_isFound(t *testing.T) {
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

func TestState_settings_areStored(t *testing.T) {
	top := clone(t)
	set := settings{checkout: top, dir: filepath.Join(top, "state"), bin: filepath.Join(top, "bin"), offset: 20, moved: true, identity: true, decided: true}
	s, err := set.openKept()
	if err != nil {
		t.Fatal(err)
	}
	if !set.durable {
		t.Error("the database of a platform that stays does not wait for the disk")
	}
	forget, err := set.keep(s)
	if err != nil {
		t.Fatal(err)
	}
	later := settings{checkout: top, dir: set.dir, bin: set.bin}
	if s, err = later.openKept(); err != nil || s.Addresses().Gateway != "127.0.0.1:8100" || s.Issuer() != "http://127.0.0.1:5220/realms/lowlayer" {
		t.Errorf("%v %+v %s", err, s.Addresses(), s.Issuer())
	}
	if err := forget(); err != nil {
		t.Fatal(err)
	}
	if s, err = later.openKept(); err != nil || s.Addresses().Gateway != stack.Defaults().Gateway || s.Issuer() != "" {
		t.Errorf("%v %+v %s", err, s.Addresses(), s.Issuer())
	}
	if err := os.WriteFile(identityFile(set.dir), []byte("perhaps\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := later.openKept(); err == nil || !strings.Contains(err.Error(), identityFile(set.dir)+" cannot be understood, remove it") {
		t.Errorf("got %v", err)
	}
}

func TestUp_runningPlatform_isNotChanged(t *testing.T) {
	for name, want := range map[string]struct {
		before, asked kept
		says          []string
	}{
		"login":   {kept{}, kept{identity: true}, []string{"runs without identity", "make down", "before you start it with it"}},
		"none":    {kept{identity: true}, kept{}, []string{"runs with identity", "make down", "before you start it without it"}},
		"by 20":   {kept{}, kept{offset: 20}, []string{"moved by 0", "make down", "by 20"}},
		"at once": {kept{}, kept{offset: 20, identity: true}, []string{"moved by 0", "runs without identity"}},
	} {
		t.Run(name, func(t *testing.T) {
			top := clone(t)
			set := settings{checkout: top, dir: filepath.Join(top, "state"), bin: filepath.Join(top, "bin")}
			if err := writeKept(set.dir, want.before); err != nil {
				t.Fatal(err)
			}
			asked := set
			asked.offset, asked.moved, asked.identity, asked.decided = want.asked.offset, true, want.asked.identity, true
			s, err := asked.openKept()
			if err != nil {
				t.Fatal(err)
			}
			runAs(t, set.dir, "gateway")
			_, err = asked.keep(s)
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, says := range want.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%q is not in %v", says, err)
				}
			}
			if now, err := readKept(set.dir); now != want.before || err != nil {
				t.Errorf("%+v is remembered, %v", now, err)
			}
			// Without a wish it is as it runs.
			if s, err = set.openKept(); err != nil || (s.Issuer() != "") != want.before.identity {
				t.Errorf("%v %s", err, s.Issuer())
			}
		})
	}
}

// TestUp_portsInUse_areNamed holds one port: nothing may be started, and the person must learn which it is, who has it and what to do.
func TestUp_portsInUse_areNamed(t *testing.T) {
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
	if now, err := readKept(set.dir); now.offset != 0 || err != nil {
		t.Errorf("%+v is remembered, %v", now, err)
	}
}

// runAs has this program stand for a part of a platform that runs.
func runAs(t *testing.T, dir, part string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	started := strings.Fields(rest)[19]
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "log", part+".pid"), fmt.Appendf(nil, "%d %s\n", os.Getpid(), started), 0o644); err != nil {
		t.Fatal(err)
	}
}

package stack

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// kept is a keeping of programs by name and command, quick for the test, and its log once it has ended.
func kept(t *testing.T, programs map[string][]string) (parts map[string]*keptPart, end func() string) {
	t.Helper()
	var log bytes.Buffer
	k := &keeping{
		log:  slog.New(slog.NewTextHandler(&log, nil)),
		look: time.Millisecond, first: time.Millisecond, longest: 4 * time.Millisecond, calm: time.Hour,
	}
	parts = make(map[string]*keptPart)
	dir := t.TempDir()
	for name, command := range programs {
		parts[name] = &keptPart{process: &process{name: name, dir: dir, path: command[0], args: command[1:], stop: syscall.SIGTERM, grace: time.Minute}}
		k.parts = append(k.parts, parts[name])
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.run(ctx) }()
	end = sync.OnceValue(func() string {
		cancel()
		<-ended
		return log.String()
	})
	t.Cleanup(func() {
		end()
		for _, p := range parts {
			if err := p.kill(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}
	})
	return parts, end
}

// eventually waits for a condition for as long as a busy machine may take.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := poll(ctx, holds); err != nil {
		t.Fatalf("waited for %s: %v", what, err)
	}
}

func TestKeeper_endedPart_isRestarted(t *testing.T) {
	parts, end := kept(t, map[string][]string{"sleeper": {"sleep", "3600"}})
	p := parts["sleeper"]
	running := func() bool { _, alive := p.pid(); return alive }
	eventually(t, "its first start", running)
	first, _ := p.pid()
	if err := p.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its next start", func() bool { pid, alive := p.pid(); return alive && pid != first })
	second, _ := p.pid()
	log := end()
	if strings.Count(log, "it is started again") != 2 || !strings.Contains(log, "program=sleeper") || !strings.Contains(log, p.logFile()) {
		t.Errorf("it logs %s", log)
	}
	// A part that ends from here on stays ended.
	if now, alive := p.pid(); !alive || now != second {
		t.Errorf("it runs %t as %d, not as %d", alive, now, second)
	}
}

// A part that cannot run is retried, and does not delay the others.
func TestKeeper_brokenPart_waitsLonger(t *testing.T) {
	parts, end := kept(t, map[string][]string{"broken": {"false"}, "missing": {"/no/such/program"}, "sleeper": {"sleep", "3600"}})
	eventually(t, "the sleeper", func() bool { _, alive := parts["sleeper"].pid(); return alive })
	logged := func() int {
		text, _ := os.ReadFile(parts["broken"].logFile()) // none yet is no line
		return strings.Count(string(text), "exit status 1")
	}
	eventually(t, "four starts", func() bool { return logged() >= 4 })
	log := end()
	for _, says := range []string{"program=broken in=1ms", "program=broken in=2ms", "program=broken in=4ms", `could not be started again" program=missing`} {
		if !strings.Contains(log, says) {
			t.Errorf("%q is not in %s", says, log)
		}
	}
	if strings.Contains(log, "in=8ms") {
		t.Errorf("it waits for longer than it should: %s", log)
	}
}

func TestKeeper_longLivedPart_isRestartedAtOnce(t *testing.T) {
	k := &keeping{first: time.Second, longest: 4 * time.Second, calm: time.Minute}
	for name, c := range map[string]struct{ last, ran, want time.Duration }{
		"the first time": {0, time.Hour, time.Second}, "again": {time.Second, time.Second, 2 * time.Second},
		"at most": {4 * time.Second, 0, 4 * time.Second}, "after it was well": {4 * time.Second, time.Minute, time.Second},
	} {
		if got := k.pause(c.last, c.ran); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestKeeper_noFolder_ends(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	k := &keeping{log: slog.New(slog.DiscardHandler), look: time.Millisecond, parts: []*keptPart{{process: &process{name: "x", dir: dir, path: "false"}}}}
	k.run(t.Context())
	if t.Context().Err() != nil {
		t.Error("it went on")
	}
}

// Stop ends the keeper before what it keeps.
func TestStop_keeper_ends(t *testing.T) {
	s := &Stack{opts: Options{Dir: t.TempDir(), Addresses: Defaults(), Cloud: simulatorCloud}}
	if err := os.Mkdir(filepath.Join(s.Dir(), "log"), 0o750); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second takes the place of the first
		if err := s.StartKeeper(t.Context(), "sleep", "3600"); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Kept() {
		t.Error("there is no keeper")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Kept() {
		t.Error("the keeper outlives the stack")
	}
}

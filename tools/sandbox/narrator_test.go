package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/low-layer/platform/tools/stack"
)

// telling is a narrator whose CLI is a script.
func telling(t *testing.T, script string) (*narrator, *bytes.Buffer) {
	t.Helper()
	top := clone(t)
	if err := os.WriteFile(filepath.Join(top, "bin", "lowlayer"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	set := settings{checkout: top, dir: filepath.Join(top, "state"), bin: filepath.Join(top, "bin"), identity: true}
	s, err := set.open()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n := &narrator{set: set, stack: s, out: &out, folder: filepath.Join(top, "logins")}
	n.as(n.meet("ada@acme.test", "", ""))
	return n, &out
}

func TestNarrator_step_mustEndAsDeclared(t *testing.T) {
	for name, c := range map[string]struct {
		script       string
		done, denied bool
	}{
		"well":           {"echo made", true, false},
		"refused":        {"echo 'Error: ask an owner' >&2; exit 9", false, true},
		"other words":    {"echo 'Error: no' >&2; exit 9", false, false},
		"another code":   {"echo 'Error: ask an owner' >&2; exit 3", false, false},
		"words and done": {"echo 'ask an owner'", true, false},
		"killed":         {"kill -9 $$", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := telling(t, c.script)
			if _, err := n.does(t.Context(), "vpc", "create", "acme/core/dev"); (err == nil) != c.done {
				t.Errorf("what must succeed: %v", err)
			}
			if _, err := n.refused(t.Context(), 9, "ask an owner", "vpc", "create", "acme/core/dev"); (err == nil) != c.denied {
				t.Errorf("what must be refused: %v", err)
			}
		})
	}
}

func TestNarrator_steps_areShownAsTyped(t *testing.T) {
	n, out := telling(t, `echo "$LOWLAYER_ADDRESS $LOWLAYER_CREDENTIALS"; echo "progress of $1" >&2`)
	if _, err := n.does(t.Context(), "receipt", "list", "--filter", `kind = "vpc"`); err != nil {
		t.Fatal(err)
	}
	login := filepath.Join(n.folder, "ada.json")
	want := "$ export LOWLAYER_CREDENTIALS=" + login + "   # ada@acme.test from here on\n" +
		"$ bin/lowlayer receipt list --filter 'kind = \"vpc\"'\n127.0.0.1:8080 " + login + "\nprogress of receipt\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	out.Reset()
	file := filepath.Join(t.TempDir(), "answer")
	if err := n.writes(t.Context(), file, "receipt", "keys"); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(file)
	if err != nil || string(kept) != "127.0.0.1:8080 "+login+"\n" || out.String() != "$ bin/lowlayer receipt keys > "+file+"\nprogress of receipt\n" {
		t.Errorf("%v %q %q", err, kept, out)
	}
}

func TestStory_report_isAwaited(t *testing.T) {
	const pairs = " pairs of networks, 0 reach one another, 0 violated; observed 1s ago"
	for name, c := range map[string]struct {
		later string
		good  bool
	}{
		"pairs":   {"VERIFIED: as asked for\n6" + pairs, true},
		"none":    {"VERIFIED: as asked for\n0" + pairs, false},
		"nothing": {"EMPTY: there is no network\n0" + pairs, false},
		"wrong":   {"VIOLATED: 1 pair\n6" + pairs, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := filepath.Join(t.TempDir(), "asked")
			n, out := telling(t, `if [ -e `+asked+` ]; then echo '`+c.later+`'; else touch `+asked+`; echo 'UNSETTLED: not yet
0`+pairs+`'; fi`)
			out.Reset()
			if err := n.waitsFor(t.Context(), proven, "isolation", "report", "acme"); (err == nil) != c.good {
				t.Errorf("got %v", err)
			}
			if want := "$ bin/lowlayer isolation report acme\n" + c.later + "\n"; out.String() != want {
				t.Errorf("got\n%swant\n%s", out, want)
			}
		})
	}
}

func TestPlaces_login_isShown(t *testing.T) {
	n, out := telling(t, "")
	out.Reset()
	n.set.printPlaces(out, n.stack, nil)
	for _, says := range []string{
		"http://127.0.0.1:5200/realms/lowlayer\n", stack.OperatorEmail + ", password " + stack.Password,
		"bin/lowlayer login --mfa --issuer http://127.0.0.1:5200/realms/lowlayer\n",
		`curl -H "Authorization: Bearer $(bin/lowlayer token)" http://127.0.0.1:8080/v1/`,
	} {
		if !strings.Contains(out.String(), says) {
			t.Errorf("%q is not in\n%s", says, out)
		}
	}
	open := n.set
	open.identity, open.offset = false, 10
	s, err := open.open()
	if err != nil {
		t.Fatal(err)
	}
	out.Reset()
	open.printPlaces(out, s, addressExport(s))
	for says, want := range map[string]bool{
		"export LOWLAYER_ADDRESS=127.0.0.1:8090\n": true, "curl http://127.0.0.1:8090/v1/": true, "It runs without logins": true,
		"LOWLAYER_SANDBOX_IDENTITY=1": true, "password": false, "Bearer": false,
	} {
		if strings.Contains(out.String(), says) != want {
			t.Errorf("%q: want %t in\n%s", says, want, out)
		}
	}
}

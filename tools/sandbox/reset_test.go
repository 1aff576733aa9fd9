package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stopped is a checkout with the state of a platform that does not run.
func stopped(t *testing.T) settings {
	t.Helper()
	top := clone(t)
	set := settings{checkout: top, dir: filepath.Join(top, "state"), bin: filepath.Join(top, "bin")}
	if err := os.Mkdir(set.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"seal.url", "clouds.yaml"} {
		if err := os.WriteFile(filepath.Join(set.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

func TestReset_question_namesTheFolders(t *testing.T) {
	for answer, gone := range map[string]bool{"yes\n": true, "no\n": false, "\n": false, "": false} {
		set := stopped(t)
		var out bytes.Buffer
		err := reset(t.Context(), set, strings.NewReader(answer), &out)
		if _, statErr := os.Stat(set.dir); os.IsNotExist(statErr) != gone || (err == nil) != gone {
			t.Errorf("%q: %v %v", answer, err, statErr)
		}
		for _, says := range []string{set.checkout, set.dir + ": databases", "Type yes"} {
			if !strings.Contains(out.String(), says) {
				t.Errorf("%q is not in %s", says, out.String())
			}
		}
	}
}

func TestReset_noTerminal_goesOn(t *testing.T) {
	set := stopped(t)
	if err := reset(t.Context(), set, nil, t.Output()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(set.dir); !os.IsNotExist(err) {
		t.Error("the data is still there")
	}
	var out bytes.Buffer
	if err := reset(t.Context(), set, nil, &out); err != nil || !strings.Contains(out.String(), "nothing to delete") {
		t.Errorf("%v %s", err, out.String())
	}
}

func TestReset_demo_isForgotten(t *testing.T) {
	set := stopped(t)
	demo := set.ofDemo().dir
	if err := os.Rename(set.dir, demo); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := reset(t.Context(), set, nil, &out); err != nil || !strings.Contains(out.String(), demo+": databases") {
		t.Errorf("%v %s", err, out.String())
	}
	if _, err := os.Stat(demo); !os.IsNotExist(err) {
		t.Error("the data is still there")
	}
}

func TestReset_interrupted_keepsAll(t *testing.T) {
	set := stopped(t)
	silent, person := io.Pipe()
	defer func() { _ = person.Close() }() // ends the read
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	err := reset(ctx, set, silent, t.Output())
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(set.dir); err != nil {
		t.Error(err)
	}
}

func TestReset_realCloud_warns(t *testing.T) {
	set := stopped(t)
	if err := os.Remove(filepath.Join(set.dir, "clouds.yaml")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := reset(t.Context(), set, nil, &out); err != nil || !strings.Contains(out.String(), "stay there") {
		t.Errorf("%v %s", err, out.String())
	}
}

func TestReset_foreignFolder_isKept(t *testing.T) {
	set := stopped(t)
	set.dir = t.TempDir()
	if err := reset(t.Context(), set, nil, t.Output()); err == nil {
		t.Error("it was deleted")
	}
	if _, err := os.Stat(set.dir); err != nil {
		t.Error(err)
	}
}

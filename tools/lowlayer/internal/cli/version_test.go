package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	const nowhere = "127.0.0.1:1" // it needs no platform
	said, errs, code := cliRun(t, nowhere, "version")
	if code != 0 || !strings.HasPrefix(said, "lowlayer ") || !strings.Contains(said, runtime.Version()) {
		t.Errorf("%d %s%s", code, said, errs)
	}
	if flag, errs, code := cliRun(t, nowhere, "--version"); code != 0 || flag != said {
		t.Errorf("--version: %d %q%s, want %q", code, flag, errs, said)
	}
	var b build
	out, errs, code := cliRun(t, nowhere, "version", "-o", "json")
	if err := json.Unmarshal([]byte(out), &b); err != nil || code != 0 || b.Go != runtime.Version() || b.Version == "" {
		t.Errorf("%d %v %s%s", code, err, out, errs)
	}
	if _, _, code := cliRun(t, nowhere, "version", "x"); code != exitUsage {
		t.Errorf("an argument: %d", code)
	}
}

func TestVersion_recordedBuild_isShown(t *testing.T) {
	settings := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{
			{Key: "GOOS", Value: "linux"},
			{Key: "GOARCH", Value: "amd64"},
			{Key: "vcs.revision", Value: "abc"},
			{Key: "vcs.time", Value: "2026-11-27T09:00:00Z"},
			{Key: "vcs.modified", Value: modified},
		}
	}
	for want, info := range map[string]*debug.BuildInfo{
		"lowlayer v1.2.3, commit abc of 2026-11-27T09:00:00Z, go1.26.0 linux/amd64": {
			GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"}, Settings: settings("false"),
		},
		"lowlayer unreleased, commit abc of 2026-11-27T09:00:00Z, with changes, go1.26.0 linux/amd64": {
			GoVersion: "go1.26.0", Main: debug.Module{Version: "(devel)"}, Settings: settings("true"),
		},
		"lowlayer unreleased, go1.26.0": {GoVersion: "go1.26.0"},
	} {
		if got := buildOf(info).String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestVersion_stamp_isShown(t *testing.T) {
	b := build{Version: "unreleased", Go: "go1.26.0"}
	const hash = "0123456789abcdef0123456789abcdef01234567"
	for stamp, want := range map[string]string{
		"":                                      "lowlayer unreleased, go1.26.0",
		hash + ",2026-11-27T09:00:00Z":          "lowlayer unreleased, commit 0123456789ab of 2026-11-27T09:00:00Z, go1.26.0",
		hash + ",2026-11-27T09:00:00Z,modified": "lowlayer unreleased, commit 0123456789ab of 2026-11-27T09:00:00Z, with changes, go1.26.0",
	} {
		if got := b.stamped(stamp).String(); got != want {
			t.Errorf("%q: got %q, want %q", stamp, got, want)
		}
	}
}

// The stamp is of the tree it lies in, and nothing where git cannot tell.
func TestStamp_tree_namesItsCommit(t *testing.T) {
	const git = "git"
	script, err := os.ReadFile("../../../build/stamp")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(tree, path)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, path), []byte(text), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = tree
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CEILING_DIRECTORIES="+filepath.Dir(tree),
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b", "GIT_COMMITTER_DATE=2026-11-27T10:00:00+01:00")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %v: %v", name, args, err)
		}
		return strings.TrimSpace(string(out))
	}
	write("tools/build/stamp", string(script))
	if got := run("tools/build/stamp"); got != "" {
		t.Errorf("without a history: %q", got)
	}
	run(git, "init", "-q")
	if got := run("tools/build/stamp"); got != "" {
		t.Errorf("without a commit: %q", got)
	}
	run(git, "add", ".")
	run(git, "commit", "-qm", "first")
	want := run(git, "rev-parse", "HEAD") + ",2026-11-27T09:00:00Z"
	if got := run("tools/build/stamp"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	write("more", "")
	if got := run("tools/build/stamp"); got != want+",modified" {
		t.Errorf("with changes: %q", got)
	}
	write("inner/tools/build/stamp", string(script))
	if got := run("inner/tools/build/stamp"); got != "" {
		t.Errorf("unpacked inside of another tree: %q", got)
	}
	if got := run("env", "PATH="+onlyDirname(t), "tools/build/stamp"); got != "" {
		t.Errorf("without git: %q", got)
	}
}

// onlyDirname is a folder with all that the stamp needs but git.
func onlyDirname(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	dirname, err := exec.LookPath("dirname")
	if err == nil {
		err = os.Symlink(dirname, filepath.Join(dir, "dirname"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// The Makefile must set a variable of this package: the linker does not report an unknown one.
func TestMakefile_build_setsTheStamp(t *testing.T) {
	makefile, err := os.ReadFile("../../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if name := reflect.TypeFor[build]().PkgPath() + ".stamp"; !strings.Contains(string(makefile), "-X "+name+"=") {
		t.Errorf("the Makefile does not set %s", name)
	}
}

package cli

import (
	"encoding/json"
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

func TestVersionTellsWhatTheBuildRecorded(t *testing.T) {
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

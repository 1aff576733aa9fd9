package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The keeper reads the parts from `up`, and ends without any.
func TestKeeper_up_passesItsParts(t *testing.T) {
	set := stopped(t)
	set.offset, set.identity, set.cloud = 20, true, "mycloud"
	set.clouds = filepath.Join(set.dir, "clouds.yaml")
	t.Chdir(set.checkout)
	root, err := command()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	root.SetErr(&log)
	root.SetArgs(set.keeperArgs())
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "nothing to keep") {
		t.Errorf("it logs %s", log.String())
	}
	got := root.PersistentFlags()
	for flag, want := range map[string]string{"dir": set.dir, "bin": set.bin, "clouds-file": set.clouds, "cloud": "mycloud", "port-offset": "20"} {
		if value := got.Lookup(flag).Value.String(); value != want {
			t.Errorf("--%s is %q, not %q", flag, value, want)
		}
	}
	keeper, _, err := root.Find([]string{"keeper"})
	if err != nil || keeper.Flags().Lookup("identity").Value.String() != "true" {
		t.Errorf("the keeper has no identity provider: %v", err)
	}
	if _, err := os.Stat(filepath.Join(set.dir, "port-offset")); err == nil {
		t.Error("the keeper changes what is remembered")
	}
}

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/low-layer/platform/tools/stack"
)

// findCheckout is the top of the repository this program was built in, or is run in.
func findCheckout() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the current folder: %w", err)
	}
	for _, start := range []string{filepath.Dir(program), here} {
		if top, ok := topOf(start); ok {
			return top, nil
		}
	}
	return "", errors.New("this is no checkout of LOW-LAYER: run bin/sandbox in its top folder")
}

func topOf(dir string) (string, bool) {
	dir, err := filepath.EvalSymlinks(dir) // one checkout has one state, however it is reached
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.work")); statErr == nil {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	return "", false
}

// defaultDir is the folder of a checkout's state: /var/lib/lowlayer/sandboxes/NAME-HASH for root, below ~/.local/state for
// others. The hash is of the checkout's path, so clones never share a platform.
func defaultDir(checkout string) string {
	if dir := os.Getenv("LOWLAYER_SANDBOX_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(stateHome(), "lowlayer", "sandboxes", stateName(checkout))
}

func stateHome() string {
	if os.Geteuid() == 0 { // another account runs the database and must be able to walk there
		return "/var/lib"
	}
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return state
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return os.TempDir()
	}
	return filepath.Join(home, ".local", "state")
}

func stateName(checkout string) string {
	sum := sha256.Sum256([]byte(checkout))
	return filepath.Base(checkout) + "-" + hex.EncodeToString(sum[:4])
}

func runs(s *stack.Stack) bool {
	return slices.Contains(slices.Collect(maps.Values(s.Running())), true)
}

const (
	offsetStep = 10
	maxOffset  = 90 // further up the ports of one platform would meet those of another that is stopped
)

// freeOffset is the least offset at which all ports are free.
func freeOffset(ctx context.Context) (int, bool) {
	for offset := 0; offset <= maxOffset; offset += offsetStep {
		if a, err := stack.Defaults().Shift(offset); err == nil && a.AllFree(ctx) {
			return offset, true
		}
	}
	return 0, false
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/low-layer/platform/tools/stack"
)

// kept are the settings a platform was started with, so that `down`, `status` and the next `up` find it as it is.
type kept struct {
	offset   int
	identity bool
}

// Each is in a file of its own; one that is missing is the default.
func offsetFile(dir string) string { return filepath.Join(dir, "port-offset") }

func identityFile(dir string) string { return filepath.Join(dir, "identity") }

func readKept(dir string) (k kept, err error) {
	var offsetErr, identityErr error
	k.offset, offsetErr = readSetting(offsetFile(dir), strconv.Atoi)
	k.identity, identityErr = readSetting(identityFile(dir), strconv.ParseBool)
	return k, errors.Join(offsetErr, identityErr)
}

func readSetting[T any](file string, parse func(string) (T, error)) (T, error) {
	var none T
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read a setting of the platform: %w", err)
	}
	value, err := parse(strings.TrimSpace(string(text)))
	if err != nil {
		return none, fmt.Errorf("%s cannot be understood, remove it: %w", file, err)
	}
	return value, nil
}

func writeKept(dir string, k kept) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of the state: %w", err)
	}
	for file, value := range map[string]string{offsetFile(dir): strconv.Itoa(k.offset), identityFile(dir): strconv.FormatBool(k.identity)} {
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return fmt.Errorf("remember how the platform was started: %w", err)
		}
	}
	return nil
}

// asked is the platform as the person wants it: what was not asked for stays as it was.
func (set settings) asked(before kept) kept {
	if set.moved {
		before.offset = set.offset
	}
	if set.decided {
		before.identity = set.identity
	}
	return before
}

// keep stores the settings of the command, and returns a function that restores the former ones. A running platform
// stays unchanged.
func (set settings) keep(s *stack.Stack) (forget func() error, err error) {
	before, err := readKept(set.dir)
	want := set.asked(before)
	if err != nil || want == before {
		return func() error { return nil }, err
	}
	if runs(s) {
		return nil, differs(before, want)
	}
	return func() error { return writeKept(set.dir, before) }, writeKept(set.dir, want)
}

// differs returns the settings that a running platform cannot change to.
func differs(before, want kept) error {
	var err error
	if before.offset != want.offset {
		err = fmt.Errorf("the platform of this checkout runs with its ports moved by %d: stop it with `make down` before you move them by %d", before.offset, want.offset)
	}
	if before.identity == want.identity {
		return err
	}
	now, next := "without identity", "with it"
	if before.identity {
		now, next = "with identity", "without it"
	}
	return errors.Join(err, fmt.Errorf("the platform of this checkout runs %s: stop it with `make down` before you start it %s; its data stays", now, next))
}

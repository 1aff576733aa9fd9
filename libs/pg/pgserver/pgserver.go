// Package pgserver finds the Postgres programs of a machine and the account to run a server as, for the sandbox and for
// tests that start one of their own. It fails with what to install when there is none.
package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
)

var versionText = regexp.MustCompile(`\d+(\.\d+)+`)

// Tools are the programs of one installed Postgres.
type Tools struct{ Initdb, Postgres, Version string }

// Find looks on PATH, then where Debian keeps the server's programs, the newest first.
func Find() (Tools, error) {
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return Tools{}, fmt.Errorf("look for postgres: %w", err)
	}
	slices.Sort(debian)
	slices.Reverse(debian)
	for _, dir := range append(dirs, debian...) {
		found := Tools{Initdb: filepath.Join(dir, "initdb"), Postgres: filepath.Join(dir, "postgres")}
		out, err := exec.Command(found.Postgres, "--version").Output() //nolint:noctx // answers at once
		if err != nil {
			continue
		}
		if _, err := os.Stat(found.Initdb); err != nil {
			continue
		}
		found.Version = versionText.FindString(string(out))
		return found, nil
	}
	return Tools{}, errors.New("postgres is not installed: run `make deps`, or install the package postgresql")
}

// Account is who a server runs as; nil is ourselves.
type Account struct{ UID, GID int }

// Unprivileged picks the account, because Postgres refuses to run as root: nil when we are not root ourselves.
func Unprivileged() (*Account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(found.Uid)
		gid, gidErr := strconv.Atoi(found.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("read ids of user %s: %w", name, err)
		}
		return &Account{UID: uid, GID: gid}, nil
	}
	return nil, errors.New("postgres refuses to run as root and neither user postgres nor user nobody exists")
}

// Attributes start a process as the account, in a process group of its own.
func (a *Account) Attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(a.UID), Gid: uint32(a.GID), Groups: []uint32{uint32(a.GID)}}
	}
	return attr
}

// Own gives a path to the account.
func (a *Account) Own(path string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(path, a.UID, a.GID)
}

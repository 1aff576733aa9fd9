package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgserver"
)

// Restorable is a server of one test alone, with one database that can be put back to a backup: what was written since is lost, and
// the server goes on on another timeline, as after a point-in-time restore or the failover to a replica that was behind.
type Restorable struct {
	tools     pgserver.Tools
	who       *pgserver.Account
	home      string
	port, pid int
	runs      int
	server    *server
	// URL is the application role's.
	URL string
}

// NewRestorable starts a server with a database that is migrated with the sets. Both go with the test.
func NewRestorable(t testing.TB, sets ...pg.Migrations) *Restorable {
	t.Helper()
	s := &Restorable{}
	if err := s.begin(t, sets); err != nil {
		t.Fatalf("start a postgres that can be restored: %v", err)
	}
	return s
}

func (s *Restorable) begin(t testing.TB, sets []pg.Migrations) (err error) {
	t.Helper()
	if s.tools, err = pgserver.Find(); err != nil {
		return err
	}
	if s.who, err = pgserver.Unprivileged(); err != nil {
		return err
	}
	if s.home, err = runDir(s.who); err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := errors.Join(s.stop(), os.RemoveAll(s.home)); err != nil {
			t.Errorf("end a postgres that can be restored: %v", err)
		}
	})
	if err := prepareData(s.tools, s.who, s.home); err != nil {
		return err
	}
	if s.port, err = freePort(); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	if s.server, err = newServer(adminURLOf(s.port)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	template, err := s.server.template(ctx, sets)
	if err != nil {
		return err
	}
	const name = "lowlayer_test"
	s.URL = s.server.url(name, appRole)
	return s.server.create(ctx, name, template)
}

// Backup keeps the database as it is. The server is stopped and started for it: connections break.
func (s *Restorable) Backup(t testing.TB) {
	t.Helper()
	if err := errors.Join(s.stop(), copyTree(s.data(), s.backup(), s.who), s.start()); err != nil {
		t.Fatalf("back up a postgres: %v", err)
	}
}

// Restore puts the database back to the backup. Connections break.
func (s *Restorable) Restore(t testing.TB) {
	t.Helper()
	signal := filepath.Join(s.data(), "recovery.signal")
	err := errors.Join(s.stop(), os.RemoveAll(s.data()), copyTree(s.backup(), s.data(), s.who), os.WriteFile(signal, nil, 0o600), s.who.Own(signal), s.start())
	if err != nil {
		t.Fatalf("restore a postgres: %v", err)
	}
}

func (s *Restorable) data() string   { return filepath.Join(s.home, "data") }
func (s *Restorable) backup() string { return filepath.Join(s.home, "backup") }

func (s *Restorable) start() error {
	s.runs++
	run := filepath.Join(s.home, "run"+strconv.Itoa(s.runs))
	if err := os.Mkdir(run, 0o755); err != nil {
		return fmt.Errorf("make run directory: %w", err)
	}
	// There is no archive: a recovery ends with the log that the backup holds, before anybody may connect.
	pid, err := spawn(s.tools, s.who, run, s.data(), s.port, "wal_level=replica", "restore_command=/bin/false", "hot_standby=off")
	if err != nil {
		return err
	}
	s.pid = pid
	if err := awaitReady(adminURLOf(s.port), pid); err != nil {
		return fmt.Errorf("%w\n%s", err, tail(filepath.Join(run, "log")))
	}
	return nil
}

// stop ends the server in order, and waits until its guard has ended.
func (s *Restorable) stop() error {
	if s.pid == 0 {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("find the server: %w", err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	postmaster, err := strconv.Atoi(string(first))
	if err != nil {
		return fmt.Errorf("find the server: %w", err)
	}
	if err := syscall.Kill(postmaster, syscall.SIGINT); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	if _, err := syscall.Wait4(s.pid, nil, 0, nil); err != nil {
		return fmt.Errorf("wait for the server's end: %w", err)
	}
	s.pid = 0
	return nil
}

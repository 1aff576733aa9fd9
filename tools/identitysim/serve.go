package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/realm"
	"github.com/low-layer/platform/tools/identitysim/sim"
)

// drainTime is how long running calls may take once the program is told to stop.
const drainTime = 5 * time.Second

const adminPassword = "labpass"

func serve(ctx context.Context, cfg config, out io.Writer, log *slog.Logger) (err error) {
	srv, err := sim.Serve(ctx, cfg.listen, sim.Options{Logger: log, AdminPassword: adminPassword, ShowCodes: true})
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		err = errors.Join(err, srv.Close(stop))
	}()
	if err := load(srv.Sim, cfg.state); err != nil {
		return err
	}
	if err := populate(ctx, srv.URL, cfg); err != nil {
		return err
	}
	srv.SetReady()
	if err := announce(out, srv.URL, cfg); err != nil {
		log.Warn("print the address", "error", err)
	}
	select {
	case failed := <-srv.Failed():
		return fmt.Errorf("serve: %w", failed)
	case <-ctx.Done():
	}
	return save(srv.Sim, cfg.state)
}

// populate makes realm and users over HTTP, by the code that makes those of a real Keycloak.
func populate(ctx context.Context, url string, cfg config) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	rc := realm.Config{
		URL: url, AdminUser: "admin", AdminPassword: adminPassword, PollInterval: cfg.poll, HTTP: &http.Client{Transport: transport},
	}
	if cfg.secretFile != "" {
		secret, err := os.ReadFile(cfg.secretFile)
		if err != nil {
			return fmt.Errorf("read the secret: %w", err)
		}
		rc.TenantSecret = strings.TrimSpace(string(secret))
	}
	if err := realm.Setup(ctx, rc); err != nil {
		return err
	}
	for _, u := range cfg.users {
		u.Password = cfg.password
		if _, err := realm.EnsureUser(ctx, rc, u); err != nil {
			return err
		}
	}
	return nil
}

func announce(out io.Writer, url string, cfg config) error {
	var b strings.Builder
	fmt.Fprintf(&b, "issuer %s\n", realm.Issuer(url, realm.Name))
	for _, u := range cfg.users {
		fmt.Fprintf(&b, "user %s password %s\n", u.Email, cfg.password)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// load starts from the saved state when there is any.
func load(s *sim.Sim, path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	if err := errors.Join(s.Restore(f), f.Close()); err != nil {
		return fmt.Errorf("load state from %s: %w", path, err)
	}
	return nil
}

// save replaces the file as a whole, so that a crash leaves the old state or the new.
func save(s *sim.Sim, path string) error {
	if path == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	if err = errors.Join(s.Snapshot(f), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save state to %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

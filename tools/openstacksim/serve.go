package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// drainTime is how long running calls may take once the program is told to stop.
const drainTime = 5 * time.Second

type config struct {
	listen string
	state  string
	level  slog.Level
	opts   sim.Options
}

var errUsage = errors.New("no such command")

func serve(ctx context.Context, cfg config, out io.Writer, log *slog.Logger) error {
	cfg.opts.Logger = log
	cloud := sim.New(cfg.opts)
	if err := load(cloud, cfg.state); err != nil {
		return err
	}
	srv, err := sim.Serve(ctx, cloud, cfg.listen)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "auth_url %s\nregion RegionOne user admin project admin\n", srv.AuthURL); err != nil {
		log.Warn("print the address", "error", err)
	}
	var failed error
	select {
	case failed = <-srv.Failed():
		return fmt.Errorf("serve: %w", failed)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return errors.Join(srv.Close(stop), save(cloud, cfg.state))
}

// load starts from the saved state when there is any.
func load(cloud *sim.Cloud, path string) error {
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
	err = cloud.Restore(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("load state from %s: %w", path, err)
	}
	return nil
}

// save replaces the file as a whole, so that a crash leaves the old state or the new.
func save(cloud *sim.Cloud, path string) error {
	if path == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	err = cloud.Snapshot(f)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save state to %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

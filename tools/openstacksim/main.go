// Command openstacksim serves a simulated OpenStack cloud, which promises to behave as a
// real one does towards an API client and forgets everything when it stops, unless it is
// given a file to keep its state in. It fails to start when the address is taken or the
// state file cannot be read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "openstacksim:", err)
		stop()
		os.Exit(1)
	}
}

const usage = `usage: openstacksim serve [flags]

Serves a simulated OpenStack (Keystone, Neutron, Nova, Placement, Glance, Cinder) on one port.
`

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) == 0 || args[0] != "serve" {
		_, err := fmt.Fprint(errOut, usage)
		return errors.Join(err, errUsage)
	}
	cfg, err := parseFlags(args[1:], errOut)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: cfg.level}))
	return serve(ctx, cfg, out, log)
}

var errEndpoint = errors.New("it must be type=address, for example network=http://127.0.0.1:9696")

func parseFlags(args []string, errOut io.Writer) (config, error) {
	var cfg config
	fs := flag.NewFlagSet("openstacksim serve", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.StringVar(&cfg.listen, "listen", "127.0.0.1:5000", "address to serve on")
	fs.DurationVar(&cfg.opts.Latency, "latency", 0, "time added to every call")
	fs.StringVar(&cfg.state, "state", "", "file to load at start and to save at the end")
	fs.StringVar(&cfg.opts.AdminPassword, "password", "labpass", "password of the user admin")
	fs.DurationVar(&cfg.opts.TokenTTL, "token-ttl", 0, "life of a token (default 1h)")
	fs.DurationVar(&cfg.opts.BuildDelay, "build-delay", 0, "how long a server stays in BUILD")
	fs.IntVar(&cfg.opts.Hosts, "hosts", 0, "number of hypervisors (default 4)")
	fs.Func("endpoint", "where the catalog has a service, as type=address, for example network=http://127.0.0.1:9696", func(text string) error {
		kind, address, ok := strings.Cut(text, "=")
		if !ok || kind == "" || address == "" {
			return errEndpoint
		}
		if cfg.opts.Endpoints == nil {
			cfg.opts.Endpoints = map[string]string{}
		}
		cfg.opts.Endpoints[kind] = address
		return nil
	})
	fs.TextVar(&cfg.level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	if err := fs.Parse(args); err != nil {
		return cfg, fmt.Errorf("read flags: %w", err)
	}
	if fs.NArg() > 0 {
		return cfg, fmt.Errorf("read flags: unexpected argument %q", fs.Arg(0))
	}
	return cfg, nil
}

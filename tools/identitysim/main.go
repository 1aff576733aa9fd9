// Command identitysim serves a simulated identity provider with the platform's realm in it: what the sandbox uses in the place
// of Keycloak. It forgets everything when it stops, unless it is given a file to keep its state in. It listens on loopback
// only, because its passwords are known. It fails to start when the address is taken or the state file cannot be read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/low-layer/platform/libs/realm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "identitysim:", err)
		stop()
		os.Exit(1)
	}
}

const usage = `usage: identitysim serve [flags]

Serves a simulated identity provider (OpenID Connect, and the admin API of Keycloak as far as it is called) on one port.
`

var errUsage = errors.New("no such command")

type config struct {
	listen, state, password string
	secretFile              string
	poll                    time.Duration
	users                   []realm.User
	level                   slog.Level
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) == 0 || args[0] != "serve" {
		_, err := fmt.Fprint(errOut, usage)
		return errors.Join(err, errUsage)
	}
	cfg, err := parseFlags(args[1:], errOut)
	if err != nil {
		return err
	}
	return serve(ctx, cfg, out, slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: cfg.level})))
}

func parseFlags(args []string, errOut io.Writer) (config, error) {
	var cfg config
	fs := flag.NewFlagSet("identitysim serve", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.StringVar(&cfg.listen, "listen", "127.0.0.1:5200", "address to serve on, of the loopback interface")
	fs.StringVar(&cfg.state, "state", "", "file to load at start and to save at the end")
	fs.StringVar(&cfg.password, "password", "sandbox-password", "password of the users")
	fs.StringVar(&cfg.secretFile, "tenant-secret-file", "", "file with the secret of the client lowlayer-tenant")
	fs.DurationVar(&cfg.poll, "poll-interval", time.Second, "how often a device may ask whether its login is done")
	fs.TextVar(&cfg.level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	fs.Func("user", "user to make, as e-mail or e-mail=/group,/group; may be repeated", func(s string) error {
		email, groups, _ := strings.Cut(s, "=")
		if !strings.Contains(email, "@") {
			return fmt.Errorf("%q is no e-mail address", email)
		}
		u := realm.User{Email: email}
		if groups != "" {
			u.Groups = strings.Split(groups, ",")
		}
		cfg.users = append(cfg.users, u)
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return cfg, fmt.Errorf("read flags: %w", err)
	}
	if fs.NArg() > 0 {
		return cfg, fmt.Errorf("read flags: unexpected argument %q", fs.Arg(0))
	}
	host, _, err := net.SplitHostPort(cfg.listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return cfg, fmt.Errorf("listen on %q: give an address of loopback such as 127.0.0.1:5200, the passwords are known to everybody", cfg.listen)
	}
	return cfg, nil
}

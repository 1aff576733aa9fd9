package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/low-layer/platform/tools/stack"
)

const blueprint = "deploy/blueprints/startup.yaml"

// demo shows the main job on a platform that nobody has used before. It serves until Ctrl-C when somebody sits before it.
func demo(ctx context.Context, set settings, out io.Writer) (err error) {
	set.dir += "-demo"
	s, err := set.open()
	if err != nil {
		return err
	}
	if err := refuseTaken(ctx, s, set); err != nil {
		return err
	}
	if err := os.RemoveAll(set.dir); err != nil {
		return fmt.Errorf("forget the last demo: %w", err)
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, s.Stop(stopping))
	}()
	say(out, "Starting Postgres, Redis, an OpenStack and the services…")
	begin := time.Now()
	if err := s.Start(ctx); err != nil {
		return unlessInterrupted(ctx, err)
	}
	say(out, "The platform is up after %.1f s.\n", time.Since(begin).Seconds())
	story := [][]string{
		{"apply", "-f", blueprint},
		{"tree", "tenants/acme"},
		{"vpc", "list", "tenants/acme/organisations/core"},
	}
	for _, args := range story {
		if err := lowlayer(ctx, set, s, out, args...); err != nil {
			return unlessInterrupted(ctx, err)
		}
	}
	printAddresses(out, s)
	if !terminal(os.Stdin) {
		say(out, "\nNobody is at the terminal, so the demo ends here. `make up` starts a platform that stays.")
		return nil
	}
	say(out, "\nServing. Press Ctrl-C to stop.")
	<-ctx.Done()
	say(out, "\nStopping…")
	return nil
}

// unlessInterrupted turns the failure that a Ctrl-C causes into a clean end.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// refuseTaken tells when a platform started by `make up` holds the addresses.
func refuseTaken(ctx context.Context, s *stack.Stack, set settings) error {
	if slices.Contains(slices.Collect(maps.Values(s.Running())), true) { // an earlier demo that was killed
		if err := s.Stop(ctx); err != nil {
			return err
		}
	}
	other, err := (settings{dir: defaultDir(), bin: set.bin}).open()
	if err != nil {
		return err
	}
	if slices.Contains(slices.Collect(maps.Values(other.Running())), true) {
		return errors.New("a platform runs already at these addresses: stop it with `make down` first")
	}
	return nil
}

// lowlayer runs the CLI as a user would, after showing the command.
func lowlayer(ctx context.Context, set settings, s *stack.Stack, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(set.bin, "lowlayer"), args...)
	cmd.Env = append(os.Environ(), "LOWLAYER_ADDRESS="+s.Addresses().Gateway)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.WaitDelay = 5 * time.Second
	text := "$ lowlayer"
	for _, a := range args {
		text += " " + a
	}
	say(out, "%s", text)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", text[2:], err)
	}
	say(out, "")
	return nil
}

func printAddresses(out io.Writer, s *stack.Stack) {
	a := s.Addresses()
	file, cloud := s.Clouds()
	say(out, `Where to look
  REST and gRPC   http://%[1]s          the whole API on one port
  API explorer    http://%[1]s/docs     try every call in the browser
  OpenAPI         http://%[1]s/openapi.json
  CLI             bin/lowlayer tree tenants/acme
  curl            curl http://%[1]s/v1/tenants/acme/organisations/core/vpcs
  grpcurl         .bin/grpcurl/grpcurl -plaintext %[1]s list
  services        tenant %[2]s, network %[3]s (gRPC with reflection)
  metrics, pprof  http://%[4]s/metrics  and the same of tenant %[5]s, network %[6]s
  OpenStack       OS_CLIENT_CONFIG_FILE=%[7]s OS_CLOUD=%[8]s
  logs and data   %[9]s`,
		a.Gateway, a.Tenant, a.Network, a.GatewayAdmin, a.TenantAdmin, a.NetworkAdmin, file, cloud, s.Dir())
}

// say prints a line; a terminal that has gone away is no reason to stop.
func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull && !isNull(info)
}

// isNull tells /dev/null, a character device too, from a terminal.
func isNull(info os.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}

func sortedNames(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

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
	if err := set.endLastDemo(ctx); err != nil {
		return err
	}
	set.makeRoom(ctx, out)
	s, err := set.open()
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, s.Stop(stopping))
	}()
	say(out, "Starting Postgres, Redis, an OpenStack and the services…")
	begin := time.Now()
	if err := s.Start(ctx); err != nil {
		return unlessInterrupted(ctx, set.advise(ctx, err))
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

// endLastDemo stops a demo that was killed before it could stop itself, and forgets its data.
func (set settings) endLastDemo(ctx context.Context) error {
	s, err := set.open()
	if err != nil {
		return err
	}
	if err := s.Stop(ctx); err != nil {
		return fmt.Errorf("stop the last demo: %w", err)
	}
	if err := os.RemoveAll(set.dir); err != nil {
		return fmt.Errorf("forget the last demo: %w", err)
	}
	return nil
}

// makeRoom moves the demo's ports when a platform is at the usual ones: nobody relies on where a demo is.
func (set *settings) makeRoom(ctx context.Context, out io.Writer) {
	if set.moved {
		return
	}
	if offset, ok := freeOffset(ctx); ok && offset != set.offset {
		set.offset = offset
		say(out, "The usual ports are in use, so the demo takes those %d higher.", offset)
	}
}

// lowlayer runs the CLI as a user would, after showing the command.
func lowlayer(ctx context.Context, set settings, s *stack.Stack, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(set.bin, "lowlayer"), args...)
	cmd.Env, cmd.Dir = append(os.Environ(), "LOWLAYER_ADDRESS="+s.Addresses().Gateway), set.checkout
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
	cli := "bin/lowlayer tree tenants/acme"
	if a.Gateway != stack.Defaults().Gateway {
		cli = "LOWLAYER_ADDRESS=" + a.Gateway + " " + cli
	}
	say(out, `Where to look
  REST and gRPC   http://%[1]s          the whole API on one port
  API explorer    http://%[1]s/docs     try every call in the browser
  OpenAPI         http://%[1]s/openapi.json
  CLI             %[10]s
  curl            curl http://%[1]s/v1/tenants/acme/organisations/core/vpcs
  grpcurl         .bin/grpcurl/grpcurl -plaintext %[1]s list
  services        tenant %[2]s, network %[3]s (gRPC with reflection)
  metrics, pprof  http://%[4]s/metrics  and the same of tenant %[5]s, network %[6]s
  OpenStack       OS_CLIENT_CONFIG_FILE=%[7]s OS_CLOUD=%[8]s
  logs and data   %[9]s`,
		a.Gateway, a.Tenant, a.Network, a.GatewayAdmin, a.TenantAdmin, a.NetworkAdmin, file, cloud, s.Dir(), cli)
}

func sortedNames(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

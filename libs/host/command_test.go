package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/low-layer/platform/libs/config"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("os/signal.loop")) }

func command() Command {
	return Command{
		Name:        "network",
		Serve:       func(context.Context) error { return nil },
		Migrate:     func(context.Context) error { return nil },
		CheckConfig: func() error { return nil },
	}
}

func try(t *testing.T, c Command, level string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = run(t.Context(), c, args, level, &out, &errOut)
	return code, out.String(), errOut.String()
}

func TestRun_outcome_decidesExitStatus(t *testing.T) {
	wrong := &config.Error{Problems: []config.Problem{{Variable: "LOWLAYER_NETWORK_CLOUD", Text: "is not set: set it"}}}
	for name, c := range map[string]struct {
		change func(*Command)
		level  string
		args   []string
		code   int
		says   string
	}{
		"serves":              {args: []string{"serve"}, code: exitOK},
		"migrates":            {args: []string{"migrate"}, code: exitOK},
		"checks":              {args: []string{"check-config"}, code: exitOK, says: "the configuration is good"},
		"helps":               {args: []string{"help"}, code: exitOK, says: "usage: network VERB"},
		"helps as flag":       {args: []string{"--help"}, code: exitOK, says: "78"},
		"nothing":             {code: exitUsage, says: "say what to do"},
		"unknown":             {args: []string{"fly"}, code: exitUsage, says: `"fly" is not something it can do`},
		"arguments":           {args: []string{"serve", "now"}, code: exitUsage, says: "takes no arguments"},
		"a verb it lacks":     {change: func(c *Command) { c.Migrate = nil }, args: []string{"migrate"}, code: exitUsage, says: "migrate"},
		"no serve":            {change: func(c *Command) { c.Serve = nil }, args: []string{"serve"}, code: exitUsage},
		"no check":            {change: func(c *Command) { c.CheckConfig = nil }, args: []string{"check-config"}, code: exitUsage},
		"bad level":           {level: "loud", args: []string{"serve"}, code: exitConfiguration, says: levelVariable},
		"failure":             {change: func(c *Command) { c.Serve = fails(errors.New("port taken")) }, args: []string{"serve"}, code: exitFailure, says: `"error":"port taken"`},
		"migration failure":   {change: func(c *Command) { c.Migrate = fails(errors.New("no database")) }, args: []string{"migrate"}, code: exitFailure, says: "migrate failed"},
		"wrong configuration": {change: func(c *Command) { c.Serve = fails(fmt.Errorf("load: %w", wrong)) }, args: []string{"serve"}, code: exitConfiguration, says: "LOWLAYER_NETWORK_CLOUD: is not set: set it"},
		"check finds":         {change: func(c *Command) { c.CheckConfig = func() error { return wrong } }, args: []string{"check-config"}, code: exitConfiguration, says: "1 problem(s)"},
		"check fails":         {change: func(c *Command) { c.CheckConfig = func() error { return errors.New("clouds.yaml: no such cloud") } }, args: []string{"check-config"}, code: exitConfiguration, says: "no such cloud"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command()
			if c.change != nil {
				c.change(&cmd)
			}
			code, stdout, stderr := try(t, cmd, c.level, c.args...)
			if code != c.code || !strings.Contains(stdout+stderr, c.says) {
				t.Errorf("status %d, want %d; printed %q %q", code, c.code, stdout, stderr)
			}
			if code == exitOK && stderr != "" {
				t.Errorf("a good end complains: %s", stderr)
			}
		})
	}
}

func fails(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func TestUsage_missingVerbs_areNotShown(t *testing.T) {
	_, stdout, _ := try(t, Command{Name: "gateway", Serve: fails(nil)}, "", "help")
	if strings.Contains(stdout, "migrate") || strings.Contains(stdout, "check-config") || !strings.Contains(stdout, "serve") {
		t.Errorf("got %s", stdout)
	}
	_, stdout, _ = try(t, command(), "", "help")
	if !strings.Contains(stdout, "migrate") || !strings.Contains(stdout, "check-config") {
		t.Errorf("got %s", stdout)
	}
}

func TestRun_signal_endsWorkGracefully(t *testing.T) {
	for _, sent := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		cmd := command()
		cmd.Serve = func(ctx context.Context) error {
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				return err
			}
			if err := self.Signal(sent); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}
		if code, _, stderr := try(t, cmd, "debug", "serve"); code != exitOK {
			t.Errorf("%s: status %d, %s", sent, code, stderr)
		}
	}
}

// Package stack runs the whole platform on one machine as the processes it is made of: Postgres, Redis, an OpenStack (the
// simulator, unless a clouds.yaml names a real one) and the services. The sandbox, the end-to-end tests and the benchmarks
// use it. Every process is recorded by pid and start time under Options.Dir, so a stack is found again by another process.
//
// Start starts the missing parts in order and waits until each is ready and, without identity, every service can be
// called through the gateway, so that the caller's next call succeeds. Stop ends the running parts, last started first.
// A part that ends otherwise stays ended without a keeper. A part that cannot start is reported with the tail of its
// log; ports in use are a PortError, before anything is started.
package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/low-layer/platform/libs/pg/pgserver"
)

// Options say what to run and where.
type Options struct {
	// Dir keeps data, logs and pid files.
	Dir string
	// Bin is the folder of the built programs.
	Bin string
	// Addresses are where the parts listen.
	Addresses Addresses
	// CloudsFile and Cloud name a real OpenStack; empty runs the simulator.
	CloudsFile, Cloud string
	// Latency is how long the simulator takes for each call.
	Latency time.Duration
	// Simulator are more flags of the simulator.
	Simulator []string
	// Programs replaces the program of a service, by service name, for example by one built with a failpoint.
	Programs map[string]string
	// Env is given to the services in addition to their own settings.
	Env []string
	// Identity runs the identity simulator: people log in, members can be managed, and whoever has no token is nobody.
	Identity bool
	// Users are its users beside the operator, as e-mail or e-mail=/group,/group; their password is Password.
	Users []string
	// Durable makes Postgres wait for the disk on commit, as in production.
	Durable bool
}

// Stack is a running platform.
type Stack struct {
	opts    Options
	account *pgserver.Account
	tools   pgserver.Tools
	extra   map[string][]string
}

const (
	startTimeout   = 90 * time.Second
	serviceGrace   = 20 * time.Second
	databaseGrace  = 10 * time.Second
	simulatorCloud = "sandbox"
)

// New prepares a stack; nothing is started.
func New(opts Options) (*Stack, error) {
	tools, err := pgserver.Find()
	if err != nil {
		return nil, err
	}
	account, err := pgserver.Unprivileged()
	if err != nil {
		return nil, err
	}
	if opts.CloudsFile == "" {
		opts.CloudsFile, opts.Cloud = filepath.Join(opts.Dir, "clouds.yaml"), simulatorCloud
	}
	return &Stack{opts: opts, account: account, tools: tools, extra: make(map[string][]string)}, nil
}

// Addresses are where the parts listen.
func (s *Stack) Addresses() Addresses { return s.opts.Addresses }

// Dir is where data and logs are.
func (s *Stack) Dir() string { return s.opts.Dir }

// Clouds are the clouds.yaml and the cloud in it that the services use.
func (s *Stack) Clouds() (file, cloud string) { return s.opts.CloudsFile, s.opts.Cloud }

// simulated is true when the OpenStack is the simulator.
func (s *Stack) simulated() bool { return s.opts.Cloud == simulatorCloud }

// Start starts the missing parts and waits until all are ready and respond through the gateway.
func (s *Stack) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.checkPorts(ctx); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	for _, stage := range [][]*part{s.foundations(), s.services()} {
		for _, p := range stage {
			if err := p.process.start(); err != nil {
				return err
			}
		}
		for _, p := range stage {
			if err := p.process.waitReady(ctx, p.ready); err != nil {
				return err
			}
		}
		if stage[0].name == "postgres" {
			if err := s.migrate(ctx); err != nil {
				return err
			}
		}
	}
	return waitReachable(ctx, s.opts.Addresses.Gateway)
}

// Stop ends every process of the stack, services first but for a keeper.
func (s *Stack) Stop(ctx context.Context) error {
	if err := s.StopKeeper(ctx); err != nil {
		return err
	}
	parts := append(s.foundations(), s.services()...)
	slices.Reverse(parts)
	var err error
	for _, p := range parts {
		err = errors.Join(err, p.process.end(ctx))
	}
	return err
}

// Kill ends one part by SIGKILL, as a crash would.
func (s *Stack) Kill(ctx context.Context, name string) error {
	p, err := s.part(name)
	if err != nil {
		return err
	}
	return p.process.kill(ctx)
}

// Signal sends a signal to one part, for example SIGSTOP.
func (s *Stack) Signal(name string, sig syscall.Signal) error {
	p, err := s.part(name)
	if err != nil {
		return err
	}
	return p.process.signal(sig)
}

// Restart starts one part that has ended and waits until it is ready.
func (s *Stack) Restart(ctx context.Context, name string) error {
	p, err := s.part(name)
	if err != nil {
		return err
	}
	if err := p.process.start(); err != nil {
		return err
	}
	return p.process.waitReady(ctx, p.ready)
}

// SetEnv gives one service variables from its next start on; they replace those of an earlier call.
func (s *Stack) SetEnv(service string, env ...string) { s.extra[service] = env }

// WaitEnd waits until one part has ended by itself.
func (s *Stack) WaitEnd(ctx context.Context, name string) error {
	p, err := s.part(name)
	if err != nil {
		return err
	}
	return poll(ctx, func() bool { _, alive := p.process.pid(); return !alive })
}

// Running maps each part to whether it runs.
func (s *Stack) Running() map[string]bool {
	running := make(map[string]bool)
	for _, p := range append(s.foundations(), s.services()...) {
		_, running[p.name] = p.process.pid()
	}
	return running
}

// Pid is the process id of one part that runs.
func (s *Stack) Pid(name string) (int, error) {
	p, err := s.part(name)
	if err != nil {
		return 0, err
	}
	pid, alive := p.process.pid()
	if !alive {
		return 0, fmt.Errorf("%s does not run", name)
	}
	return pid, nil
}

// Log is the path of the log of one part.
func (s *Stack) Log(name string) string { return filepath.Join(s.opts.Dir, "log", name+".log") }

func (s *Stack) part(name string) (*part, error) {
	for _, p := range append(s.foundations(), s.services()...) {
		if p.name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("the stack has no part %q", name)
}

// prepare makes folders, the database cluster, the keys that secrets are sealed and receipts signed with, and the simulator's clouds.yaml.
func (s *Stack) prepare(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(s.opts.Dir, "log"), 0o755); err != nil {
		return fmt.Errorf("make the folder of the stack: %w", err)
	}
	if s.account != nil { // the database's account must be able to walk to its data
		if err := s.account.Own(filepath.Join(s.opts.Dir, "log")); err != nil {
			return fmt.Errorf("hand over the log folder: %w", err)
		}
	}
	if err := errors.Join(s.writeKey(), s.writeReceiptKeys(), s.writePriceBooks()); err != nil {
		return err
	}
	if s.opts.Identity {
		if err := s.writeSecrets(); err != nil {
			return err
		}
	}
	if s.simulated() {
		if err := s.writeClouds(); err != nil {
			return err
		}
	}
	return s.initDatabase(ctx)
}

// Command sandbox runs the whole platform on one machine, on the OpenStack simulator or on a real OpenStack.
//
//	sandbox demo     start a fresh platform, follow a client through it, serve until Ctrl-C
//	sandbox up       start the platform and leave it running; what runs already is left alone, what ends later is started again
//	sandbox down     stop it; its data stays
//	sandbox status   tell what runs and where
//	sandbox reset    stop it and delete its data
//
// `make demo`, `make up` and so on call it. Each checkout of the repository has a platform of its own: its state is kept outside
// the tree, in a folder named after the checkout (see state.go), and LOWLAYER_SANDBOX_DIR puts it elsewhere. Two of them run
// side by side when one has its ports moved: LOWLAYER_SANDBOX_PORT_OFFSET, or --port-offset.
//
// The demo's platform has an identity provider, the simulator of tools/identitysim: people log in, and roles say what they may
// do. `up` runs without one unless it is asked to by LOWLAYER_SANDBOX_IDENTITY=1 or --identity, and remembers it: then whoever
// reaches loopback may do everything.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/low-layer/platform/tools/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd, err := command()
	if err == nil {
		err = cmd.ExecuteContext(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// settings are what all subcommands share.
type settings struct {
	checkout, dir, bin string
	clouds, cloud      string
	// offset moves every port; moved is true when the person set it.
	offset int
	moved  bool
	// identity requires logins; decided is true when the person set it.
	identity bool
	decided  bool
	// durable has the database wait for the disk on each commit: for a platform that stays.
	durable bool
}

const (
	offsetVariable   = "LOWLAYER_SANDBOX_PORT_OFFSET"
	identityVariable = "LOWLAYER_SANDBOX_IDENTITY"
)

func command() (*cobra.Command, error) {
	var set settings
	var err error
	if set.checkout, err = findCheckout(); err != nil {
		return nil, err
	}
	offset := 0
	text, moved := os.LookupEnv(offsetVariable)
	if moved {
		if offset, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("%s=%s is not a number of ports, like 10", offsetVariable, text)
		}
	}
	root := &cobra.Command{Use: "sandbox", Short: "Run the whole platform on one machine", SilenceUsage: true, SilenceErrors: true}
	flags := root.PersistentFlags()
	flags.StringVar(&set.dir, "dir", defaultDir(set.checkout), "where data and logs are kept (LOWLAYER_SANDBOX_DIR)")
	flags.StringVar(&set.bin, "bin", filepath.Join(set.checkout, "bin"), "folder of the built programs")
	flags.StringVar(&set.clouds, "clouds-file", "", "clouds.yaml of a real OpenStack, instead of the simulator")
	flags.StringVar(&set.cloud, "cloud", "lab", "cloud of --clouds-file")
	flags.IntVar(&set.offset, "port-offset", offset, "move every port up by this much, to run beside another platform; remembered by `up` ("+offsetVariable+")")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		set.moved = moved || cmd.Flags().Changed("port-offset")
		return set.makeAbsolute()
	}
	add := func(use, short string, run func(context.Context, settings, io.Writer) error) {
		root.AddCommand(&cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), set, cmd.OutOrStdout())
		}})
	}
	add("demo", "Start a fresh platform, follow a client through it, serve until Ctrl-C", demo)
	upCmd, err := upCommand(&set)
	if err != nil {
		return nil, err
	}
	root.AddCommand(upCmd)
	add("down", "Stop the platform; its data stays", down)
	add("status", "Tell what runs and where", status)
	root.AddCommand(resetCommand(&set), keeperCommand(&set))
	return root, nil
}

func upCommand(set *settings) (*cobra.Command, error) {
	identity := false
	text, decided := os.LookupEnv(identityVariable)
	if decided {
		var err error
		if identity, err = strconv.ParseBool(text); err != nil {
			return nil, fmt.Errorf("%s=%s is neither 1 nor 0", identityVariable, text)
		}
	}
	cmd := &cobra.Command{
		Use: "up", Short: "Start the platform and leave it running", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set.identity, set.decided = identity, decided || cmd.Flags().Changed("identity")
			return up(cmd.Context(), *set, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&identity, "identity", identity,
		"run an identity provider, so that callers log in; --identity=false goes back to none; remembered ("+identityVariable+")")
	return cmd, nil
}

// makeAbsolute has paths mean the same to the programs that are started, which run elsewhere.
func (set *settings) makeAbsolute() error {
	for _, path := range []*string{&set.dir, &set.bin, &set.clouds} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("find %s: %w", *path, err)
		}
		*path = absolute
	}
	return nil
}

// open prepares the stack of the settings.
func (set settings) open() (*stack.Stack, error) {
	if _, err := os.Stat(filepath.Join(set.bin, "gateway")); err != nil {
		return nil, fmt.Errorf("the programs are not built: run `make build` first: %w", err)
	}
	addresses, err := stack.Defaults().Shift(set.offset)
	if err != nil {
		return nil, fmt.Errorf("--port-offset %d: %w", set.offset, err)
	}
	opts := stack.Options{Dir: set.dir, Bin: set.bin, Addresses: addresses, CloudsFile: set.clouds, Identity: set.identity, Durable: set.durable}
	if set.clouds != "" {
		opts.Cloud = set.cloud
	}
	return stack.New(opts)
}

// openKept is open for a platform that stays: it is as it was started, but for what the person asks for.
func (set *settings) openKept() (*stack.Stack, error) {
	before, err := readKept(set.dir)
	if err != nil {
		return nil, err
	}
	want := set.asked(before)
	set.offset, set.identity, set.durable = want.offset, want.identity, true
	return set.open()
}

func up(ctx context.Context, set settings, out io.Writer) error {
	s, err := set.openKept()
	if err != nil {
		return err
	}
	forget, err := set.keep(s)
	if err != nil {
		return err
	}
	if err := s.StopKeeper(ctx); err != nil { // two who start the same program start it twice
		return err
	}
	if err := s.Start(ctx); err != nil {
		var taken *stack.PortError
		if errors.As(err, &taken) { // nothing was started
			err = errors.Join(set.advise(ctx, err), forget())
		}
		return err
	}
	if err := set.startKeeper(ctx, s); err != nil {
		return err
	}
	set.printPlaces(out, s, addressExport(s))
	say(out, "\nThe platform runs. The keeper starts again what ends; a change that was accepted survives a crash. `make down` stops it.")
	return nil
}

// advise adds the remedy for ports in use.
func (set settings) advise(ctx context.Context, err error) error {
	var taken *stack.PortError
	if !errors.As(err, &taken) {
		return err
	}
	free, ok := freeOffset(ctx)
	if !ok {
		return fmt.Errorf("%w\nStop what holds them; a platform of another checkout stops by `make down` there", err)
	}
	return fmt.Errorf("%w\nStop what holds them (a platform of another checkout stops by `make down` there), or run beside it with all ports moved:\n"+
		"  %s=%d make up      or      bin/sandbox up --port-offset %d", err, offsetVariable, free, free)
}

func down(ctx context.Context, set settings, out io.Writer) error {
	s, err := set.openKept()
	if err != nil {
		return err
	}
	if err := s.Stop(ctx); err != nil {
		return err
	}
	say(out, "The platform is stopped; its data is kept in %s", s.Dir())
	return nil
}

func status(_ context.Context, set settings, out io.Writer) error {
	s, err := set.openKept()
	if err != nil {
		return err
	}
	running := s.Running()
	var missing []error
	for _, name := range sortedNames(running) {
		word := "runs"
		if !running[name] {
			word = "is stopped"
			missing = append(missing, fmt.Errorf("%s does not run", name))
		}
		say(out, "%-14s %s", name, word)
	}
	if len(missing) == len(running) {
		return errors.New("nothing runs; `make up` starts the platform")
	}
	if !s.Kept() {
		say(out, "%-14s %s", "keeper", "is stopped: what ends is not started again before the next `make up`")
	}
	set.printPlaces(out, s, addressExport(s))
	return errors.Join(missing...)
}

func terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func sortedNames(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

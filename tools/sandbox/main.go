// Command sandbox runs the whole platform on one machine, on the OpenStack simulator or on a real OpenStack.
//
//	sandbox demo     start a fresh platform, order a client's infrastructure, show it, serve until Ctrl-C
//	sandbox up       start the platform and leave it running; what runs already is left alone
//	sandbox down     stop it; its data stays
//	sandbox status   tell what runs and where
//	sandbox reset    stop it and delete its data
//
// `make demo`, `make up` and so on call it. Each checkout of the repository has a platform of its own: its state is kept outside
// the tree, in a folder named after the checkout (see state.go), and LOWLAYER_SANDBOX_DIR puts it elsewhere. Two of them run
// side by side when one has its ports moved: LOWLAYER_SANDBOX_PORT_OFFSET, or --port-offset.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
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
	// offset moves every port; moved tells that the person has asked for it.
	offset int
	moved  bool
}

const offsetVariable = "LOWLAYER_SANDBOX_PORT_OFFSET"

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
	add("demo", "Start a fresh platform, order a client's infrastructure, show it, serve until Ctrl-C", demo)
	add("up", "Start the platform and leave it running", up)
	add("down", "Stop the platform; its data stays", down)
	add("status", "Tell what runs and where", status)
	root.AddCommand(resetCommand(&set))
	return root, nil
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
	opts := stack.Options{Dir: set.dir, Bin: set.bin, Addresses: addresses, CloudsFile: set.clouds}
	if set.clouds != "" {
		opts.Cloud = set.cloud
	}
	return stack.New(opts)
}

// openKept is open for a platform that stays: it keeps the ports it was started with, unless the person moves them.
func (set settings) openKept() (*stack.Stack, error) {
	if !set.moved {
		offset, err := readOffset(set.dir)
		if err != nil {
			return nil, err
		}
		set.offset = offset
	}
	return set.open()
}

func up(ctx context.Context, set settings, out io.Writer) error {
	s, err := set.openKept()
	if err != nil {
		return err
	}
	forget, err := set.keepOffset(s)
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		var taken *stack.PortError
		if errors.As(err, &taken) { // nothing was started
			err = errors.Join(set.advise(ctx, err), forget())
		}
		return err
	}
	printAddresses(out, s)
	say(out, "\nThe platform runs. `make down` stops it.")
	return nil
}

// advise tells what to do about ports in use.
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
	printAddresses(out, s)
	return errors.Join(missing...)
}

// say prints a line; a terminal that has gone away is no reason to stop.
func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}

func terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

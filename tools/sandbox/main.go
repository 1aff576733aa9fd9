// Command sandbox runs the whole platform on one machine, on the OpenStack simulator or on a real OpenStack.
//
//	sandbox demo     start a fresh platform, order a client's infrastructure, show it, serve until Ctrl-C
//	sandbox up       start the platform and leave it running; what runs already is left alone
//	sandbox down     stop it; its data stays
//	sandbox status   tell what runs and where
//	sandbox reset    stop it and forget its data
//
// `make demo`, `make up` and `make down` call it. State is kept outside the tree: LOWLAYER_SANDBOX_DIR, by default
// /var/lib/lowlayer/sandbox for root and ~/.local/state/lowlayer/sandbox for others.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/low-layer/platform/tools/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// settings are what all subcommands share.
type settings struct {
	dir, bin      string
	clouds, cloud string
}

func command() *cobra.Command {
	var set settings
	root := &cobra.Command{Use: "sandbox", Short: "Run the whole platform on one machine", SilenceUsage: true, SilenceErrors: true}
	flags := root.PersistentFlags()
	flags.StringVar(&set.dir, "dir", defaultDir(), "where data and logs are kept")
	flags.StringVar(&set.bin, "bin", "bin", "folder of the built programs")
	flags.StringVar(&set.clouds, "clouds-file", "", "clouds.yaml of a real OpenStack, instead of the simulator")
	flags.StringVar(&set.cloud, "cloud", "lab", "cloud of --clouds-file")
	add := func(use, short string, run func(context.Context, settings, io.Writer) error) {
		root.AddCommand(&cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), set, cmd.OutOrStdout())
		}})
	}
	add("demo", "Start a fresh platform, order a client's infrastructure, show it, serve until Ctrl-C", demo)
	add("up", "Start the platform and leave it running", up)
	add("down", "Stop the platform; its data stays", down)
	add("status", "Tell what runs and where", status)
	add("reset", "Stop the platform and forget its data", reset)
	return root
}

func defaultDir() string {
	if dir := os.Getenv("LOWLAYER_SANDBOX_DIR"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 { // another account runs the database and must be able to walk there
		return "/var/lib/lowlayer/sandbox"
	}
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "lowlayer", "sandbox")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "lowlayer-sandbox")
	}
	return filepath.Join(home, ".local", "state", "lowlayer", "sandbox")
}

// open prepares the stack of the settings at the default addresses.
func (set settings) open() (*stack.Stack, error) {
	bin, err := filepath.Abs(set.bin)
	if err != nil {
		return nil, fmt.Errorf("find the programs: %w", err)
	}
	if _, err := os.Stat(filepath.Join(bin, "gateway")); err != nil {
		return nil, fmt.Errorf("the programs are not built: run `make build` first: %w", err)
	}
	opts := stack.Options{Dir: set.dir, Bin: bin, Addresses: stack.Defaults(), CloudsFile: set.clouds}
	if set.clouds != "" {
		opts.Cloud = set.cloud
	}
	return stack.New(opts)
}

func up(ctx context.Context, set settings, out io.Writer) error {
	s, err := set.open()
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	printAddresses(out, s)
	_, err = fmt.Fprintln(out, "\nThe platform runs. `make down` stops it.")
	return err
}

func down(ctx context.Context, set settings, out io.Writer) error {
	s, err := set.open()
	if err != nil {
		return err
	}
	if err := s.Stop(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "The platform is stopped; its data is kept in", s.Dir())
	return err
}

func reset(ctx context.Context, set settings, out io.Writer) error {
	s, err := set.open()
	if err != nil {
		return err
	}
	if err := s.Stop(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(s.Dir()); err != nil {
		return fmt.Errorf("forget the data: %w", err)
	}
	_, err = fmt.Fprintln(out, "The platform is stopped and its data is gone")
	return err
}

func status(_ context.Context, set settings, out io.Writer) error {
	s, err := set.open()
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
		if _, err := fmt.Fprintf(out, "%-14s %s\n", name, word); err != nil {
			return err
		}
	}
	printAddresses(out, s)
	return errors.Join(missing...)
}

// Package cli is the lowlayer command: cobra commands over the gRPC API of the gateway.
//
// It writes what was asked for to standard output and everything else (progress, questions, errors) to standard error.
// An error names what was being done, the field at fault and the remedy, and ends the program with the exit code of its class.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/grpc/codes"
)

// Streams are the program's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run runs one command line and returns the exit code.
func Run(ctx context.Context, args []string, streams Streams) int {
	out := &screen{to: streams.Out}
	a := &app{streams: Streams{In: streams.In, Out: out, Err: &screen{to: streams.Err}}, out: out, raw: streams.Err}
	defer a.close()
	root := a.command()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("write the output: %w", out.err)
	}
	if err == nil {
		return exitOK
	}
	if s := statusOf(err); ctx.Err() != nil && s.Code() == codes.Canceled && !errors.As(err, &unansweredError{}) {
		err = interruptedError{}
	}
	return report(a.streams.Err, a.ofSandbox(withFlags(cmd, err)))
}

// app is the state that all commands share.
type app struct {
	streams Streams
	out     *screen   // streams.Out, with the first error of writing
	raw     io.Writer // standard error without escapes, for the control codes of the progress bar
	address string
	output  string
	timeout time.Duration
	async   bool
	quiet   bool
	yes     bool
	plan    bool
	// requestID is the id of the order; repeats is true when the command takes one.
	requestID string
	repeats   bool
	api       *client
}

const defaultAddress = "127.0.0.1:8080"

// badFlag matches cobra's error for the value of a flag, with the words of strconv in it.
var badFlag = regexp.MustCompile(`^invalid argument (".*") for "(?:-\w, )?(--[\w-]+)" flag: (?:strconv\.\w+: parsing ".*": |time: |[\w.]+: )?(.*)$`)

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "lowlayer",
		Short: "Isolated, production-ready infrastructure on OpenStack",
		Long: `lowlayer orders tenants, organisations and VPC environments, follows the work and shows resources.

Names may be written in full (tenants/acme/organisations/core/vpcs/dev) or short (acme/core/dev).`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.Version = thisBuild().String()
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetOut(a.streams.Out)
	root.SetErr(a.streams.Err)
	root.SetIn(a.streams.In)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		text := badFlag.ReplaceAllString(err.Error(), `$2 $1: $3`)
		return usageError{fmt.Errorf("%s; see `%s --help`", text, cmd.CommandPath())}
	})
	address := os.Getenv("LOWLAYER_ADDRESS")
	if address == "" {
		address = defaultAddress
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.address, "address", address, "host:port of the gateway (LOWLAYER_ADDRESS)")
	flags.StringVarP(&a.output, "output", "o", "table", "table, json, yaml or name")
	flags.DurationVar(&a.timeout, "timeout", 30*time.Minute, "how long to wait for an operation")
	flags.BoolVar(&a.async, "async", false, "do not wait: print the name of the operation and end")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress on standard error")
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp) // only apply takes files
	fixed(root, "output", "table", "json", "yaml", "name")
	changing := []*cobra.Command{a.tenantCommand(), a.organisationCommand(), a.vpcCommand(), a.peeringCommand(), a.memberCommand(), a.serviceAccountCommand(), a.quotaCommand()}
	a.requestIDFlags(changing...)
	changing = append(changing, a.applyCommand()) // it makes many orders and may be repeated unchanged
	a.planFlag(changing...)
	root.AddCommand(changing...)
	root.AddCommand(a.hubCommand(), a.operationCommand(), a.receiptCommand(), a.auditCommand(), a.driftCommand(), a.isolationCommand(), a.treeCommand(), a.watchCommand(), a.usageCommand(), a.costCommand(), a.quoteCommand(), a.versionCommand(), exitCodesTopic())
	root.AddCommand(a.platformCommand())
	root.AddCommand(a.loginCommand(), a.logoutCommand(), a.whoamiCommand(), a.tokenCommand())
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		a.repeats = cmd.Flags().Lookup(requestIDFlag) != nil
		switch a.output {
		case "table", "json", "yaml", "name":
			return nil
		}
		return usageError{fmt.Errorf("-o %s is not one of table, json, yaml, name", a.output)}
	}
	return root
}

// dial connects on first use, so that help and completion of words work without a platform.
func (a *app) dial() (*client, error) {
	if a.api == nil {
		if _, _, err := net.SplitHostPort(a.address); err != nil {
			return nil, usageError{fmt.Errorf("--address %q is not HOST:PORT, like %s (LOWLAYER_ADDRESS sets it too)", a.address, defaultAddress)}
		}
		api, err := newClient(a.address, a.note, a.onlyPlan, a.giveID)
		if err != nil {
			return nil, err
		}
		a.api = api
	}
	return a.api, nil
}

func (a *app) close() {
	if a.api != nil {
		_ = a.api.conn.Close() // the program ends
	}
}

// note writes to the person, not into the output.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		_, _ = fmt.Fprintf(a.streams.Err, format+"\n", args...)
	}
}

// terminal is true when standard error is a terminal.
func (a *app) terminal() bool {
	f, ok := a.raw.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// confirm asks a person before a loss; a program must give --yes.
func (a *app) confirm(ctx context.Context, what string) error {
	if a.yes || a.plan {
		return nil
	}
	in, ok := a.streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usageError{fmt.Errorf("%s needs confirmation: add --yes without a terminal", what)}
	}
	_, _ = fmt.Fprintf(a.streams.Err, "%s? Type yes to go on: ", what)
	answer := make(chan string, 1)
	go func() { // ends with the line, or with the program: a read of a terminal cannot be cancelled
		var word string
		_, _ = fmt.Fscanln(a.streams.In, &word) // an empty line is a no
		answer <- word
	}()
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(a.streams.Err) // leaves the line of the question
		return interruptedError{}
	case word := <-answer:
		if word != "yes" {
			return errors.New("not confirmed, nothing was changed")
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, aliases []string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Aliases: aliases, Args: knownCommand, RunE: func(cmd *cobra.Command, _ []string) error {
		return cmd.Help()
	}}
	cmd.AddCommand(subs...)
	return cmd
}

// knownCommand refuses an unknown command of a group and suggests similar ones.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	meant := cmd.SuggestionsFor(args[0])
	for i, name := range meant {
		meant[i] = "`" + cmd.CommandPath() + " " + name + "`"
	}
	advice := "see `" + cmd.CommandPath() + " --help`"
	if len(meant) > 0 {
		advice = "did you mean " + strings.Join(meant, " or ") + "?"
	}
	return usageError{fmt.Errorf("unknown command %q for %q; %s", args[0], cmd.CommandPath(), advice)}
}

// exactly is cobra.ExactArgs with the usage error class.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s takes %s, not %d: usage: %s", cmd.Name(), counted(n, "argument"), len(args), cmd.UseLine())}
		}
		return nil
	}
}

func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError{fmt.Errorf("%s takes at most %s, not %d: usage: %s", cmd.Name(), counted(n, "argument"), len(args), cmd.UseLine())}
		}
		return nil
	}
}

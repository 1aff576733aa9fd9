package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/telemetry"
)

// Exit statuses; that of a wrong configuration is EX_CONFIG of sysexits.
const (
	exitOK            = 0
	exitFailure       = 1
	exitUsage         = 2
	exitConfiguration = 78
)

// levelVariable sets how much is logged.
const levelVariable = "LOWLAYER_LOG_LEVEL"

// Command is the verbs of a service. A nil function means that the service has no such verb.
type Command struct {
	// Name of the service, for example `network`.
	Name string
	// Serve runs until ctx ends, then drains and returns nil.
	Serve func(ctx context.Context) error
	// Migrate brings the service's database to the version of this program.
	Migrate func(ctx context.Context) error
	// CheckConfig reports what is wrong with the settings without touching anything.
	CheckConfig func() error
}

// Main runs the verb on the command line and ends the process.
func Main(c Command) {
	os.Exit(run(context.Background(), c, os.Args[1:], os.Getenv(levelVariable), os.Stdout, os.Stderr))
}

func run(ctx context.Context, c Command, args []string, level string, stdout, stderr io.Writer) int {
	verb, err := c.choose(args)
	if err != nil {
		printf(stderr, "%s: %v\n\n%s", c.Name, err, c.usage())
		return exitUsage
	}
	if verb == "help" {
		printf(stdout, "%s", c.usage())
		return exitOK
	}
	logger, err := newLogger(c.Name, level, stderr)
	if err != nil {
		printf(stderr, "%s: %v\n", c.Name, err)
		return exitConfiguration
	}
	slog.SetDefault(logger)

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the default action is back: a second one kills at once.
	defer context.AfterFunc(ctx, stop)()

	return c.finish(verb, c.execute(ctx, verb), logger, stdout, stderr)
}

// choose returns the verb. Settings come from the environment, so a verb has no arguments.
func (c Command) choose(args []string) (string, error) {
	switch {
	case len(args) == 0:
		return "", errors.New("say what to do")
	case len(args) > 1:
		return "", fmt.Errorf("%q takes no arguments; settings come from the environment", args[0])
	}
	verb := args[0]
	switch verb {
	case "help", "-h", "--help":
		return "help", nil
	case "serve":
		if c.Serve != nil {
			return verb, nil
		}
	case "migrate":
		if c.Migrate != nil {
			return verb, nil
		}
	case "check-config":
		if c.CheckConfig != nil {
			return verb, nil
		}
	}
	return "", fmt.Errorf("%q is not something it can do", verb)
}

func (c Command) execute(ctx context.Context, verb string) error {
	switch verb {
	case "serve":
		return c.Serve(ctx)
	case "migrate":
		return c.Migrate(ctx)
	default:
		return c.CheckConfig()
	}
}

// finish reports the outcome. The problems of a configuration are for a person at a terminal, so they are plain text.
func (c Command) finish(verb string, err error, logger *slog.Logger, stdout, stderr io.Writer) int {
	if problems, ok := errors.AsType[*config.Error](err); ok {
		printf(stderr, "%s: %v\n", c.Name, problems)
		return exitConfiguration
	}
	switch {
	case err == nil && verb == "check-config":
		printf(stdout, "%s: the configuration is good\n", c.Name)
		return exitOK
	case err == nil:
		return exitOK
	case verb == "check-config":
		printf(stderr, "%s: %v\n", c.Name, err)
		return exitConfiguration
	default:
		logger.Error(verb+" failed", "error", err)
		return exitFailure
	}
}

func (c Command) usage() string {
	text := "usage: " + c.Name + " VERB\n\n"
	if c.Serve != nil {
		text += "  serve         run the service until SIGINT or SIGTERM, then drain\n"
	}
	if c.Migrate != nil {
		text += "  migrate       bring the database to this version\n"
	}
	if c.CheckConfig != nil {
		text += "  check-config  list every problem of the settings and exit\n"
	}
	return text + "  help          print this\n\n" +
		"Settings come from the environment; " + levelVariable + " is debug, info, warn or error.\n" +
		"Exit status: 0 done, 1 failed, 2 called wrongly, 78 the configuration is wrong.\n"
}

func newLogger(name, level string, w io.Writer) (*slog.Logger, error) {
	var at slog.Level
	if level != "" {
		if err := at.UnmarshalText([]byte(level)); err != nil {
			return nil, fmt.Errorf("%s is %q: set it to debug, info, warn or error", levelVariable, level)
		}
	}
	return telemetry.NewLogger(w, at, name), nil
}

// printf writes to a standard stream, and ignores a failure to.
func printf(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/low-layer/platform/tools/stack"
)

// keeperCommand is what `up` leaves running beside the platform: it starts again what ends, until `down`.
func keeperCommand(set *settings) *cobra.Command {
	var identity bool
	cmd := &cobra.Command{
		Use: "keeper", Short: "Start again what ends of the platform", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set.moved, set.identity, set.decided = true, identity, true // the settings `up` started with, not those remembered since
			return keep(cmd.Context(), *set, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&identity, "identity", false, "the platform has an identity provider")
	return cmd
}

func keep(ctx context.Context, set settings, log io.Writer) error {
	s, err := set.openKept()
	if err != nil {
		return err
	}
	s.Keep(ctx, slog.New(slog.NewTextHandler(log, nil)))
	return nil
}

// startKeeper leaves a keeper of the platform behind. openKept has settled what the settings say.
func (set settings) startKeeper(ctx context.Context, s *stack.Stack) error {
	program, err := os.Executable()
	if err == nil {
		err = s.StartKeeper(ctx, program, set.keeperArgs()...)
	}
	if err != nil {
		return fmt.Errorf("start what keeps the platform running: %w", err)
	}
	return nil
}

func (set settings) keeperArgs() []string {
	return []string{
		"keeper", "--dir", set.dir, "--bin", set.bin, "--clouds-file", set.clouds, "--cloud", set.cloud,
		"--port-offset", strconv.Itoa(set.offset), "--identity=" + strconv.FormatBool(set.identity),
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/low-layer/platform/tools/stack"
)

func resetCommand(set *settings) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "reset", Short: "Stop the platform and delete its data", Args: cobra.NoArgs,
		Long: "reset stops the platform of this checkout and deletes its data. It asks first when somebody is at the terminal.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask := cmd.InOrStdin()
			if in, ok := ask.(*os.File); yes || !ok || !terminal(in) {
				ask = nil
			}
			return reset(cmd.Context(), *set, ask, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// reset deletes the state of the checkout's platform and of its last demo, after a yes from ask unless that is nil.
func reset(ctx context.Context, set settings, ask io.Reader, out io.Writer) error {
	var kept []settings
	for _, one := range []settings{set, set.ofDemo()} {
		if _, err := os.Stat(one.dir); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if !holdsState(one.dir) {
			return fmt.Errorf("%s does not look like the state of a sandbox: nothing was deleted; --dir or LOWLAYER_SANDBOX_DIR says where the state is", one.dir)
		}
		kept = append(kept, one)
	}
	if len(kept) == 0 {
		say(out, "There is nothing to delete: %s does not exist", set.dir)
		return nil
	}
	var stacks []*stack.Stack
	for _, one := range kept {
		s, err := one.openKept()
		if err != nil {
			return err
		}
		word := "is stopped"
		if runs(s) {
			word = "runs and is stopped first"
		}
		say(out, "This deletes the platform of %s (it %s):\n  %s: databases, events, keys, logs and the simulated OpenStack", one.checkout, word, one.dir)
		if !simulated(one.dir) {
			say(out, "Its objects in a real OpenStack stay there: delete the tenants with bin/lowlayer first to remove it.")
		}
		stacks = append(stacks, s)
	}
	if err := confirm(ctx, ask, out); err != nil {
		return err
	}
	for i, s := range stacks {
		if err := s.Stop(ctx); err != nil {
			return err
		}
		if err := os.RemoveAll(kept[i].dir); err != nil {
			return fmt.Errorf("delete the data: %w", err)
		}
	}
	say(out, "The platform is stopped and its data is gone")
	return nil
}

// confirm waits for a yes; nobody to ask is one.
func confirm(ctx context.Context, ask io.Reader, out io.Writer) error {
	if ask == nil {
		return nil
	}
	_, _ = fmt.Fprint(out, "Type yes to go on: ")
	answer := make(chan string, 1)
	go func() { // ends with the line, or with the program: a read of a terminal cannot be called off
		var word string
		_, _ = fmt.Fscanln(ask, &word) // no answer is a no
		answer <- word
	}()
	select {
	case <-ctx.Done():
		return errors.New("interrupted, nothing was deleted")
	case word := <-answer:
		if word != "yes" {
			return errors.New("not confirmed, nothing was deleted")
		}
		return nil
	}
}

// holdsState guards against deleting a folder that was named by mistake.
func holdsState(dir string) bool {
	for _, name := range []string{"seal.url", "port-offset"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// simulated is true when the OpenStack was the simulator, whose clouds.yaml is part of the state.
func simulated(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "clouds.yaml"))
	return err == nil
}

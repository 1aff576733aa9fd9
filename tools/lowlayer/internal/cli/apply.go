package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
)

func (a *app) applyCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Make what a blueprint describes and is not there yet", Args: exactly(0),
		Long: `apply makes what a blueprint describes: the tenant, the organisation with its VPCs in one order, and peerings.
What exists already is brought to the blueprint where it can change (display names, labels, quota, ingress rules, deletion
protection) and is an error where it cannot (mode, CIDR). What the blueprint does not name is left alone.

The whole blueprint is checked before anything is ordered, also against what exists. A tenant that was made for an organisation which the platform then
refuses is removed again; whatever else goes wrong, what was made stays, and applying the blueprint again goes on from there.

With --plan nothing is changed: the plan of each resource is shown, as far as what it stands on is there; -o json writes one
document each.`,
		Example: "  lowlayer apply -f deploy/blueprints/startup.yaml\n  lowlayer apply -f - -o json <blueprint.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.async {
				return usageError{errors.New("apply orders one thing after the other, so it cannot be --async")}
			}
			if file == "" {
				return usageError{errors.New("which blueprint? Name it with -f FILE, for example -f deploy/blueprints/startup.yaml; - reads standard input")}
			}
			text, err := a.readFile(file)
			if err != nil {
				return err
			}
			b, err := blueprint.Parse(text)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			p := &applier{app: a, api: api, b: b, ordered: make(map[string]bool)}
			err = p.run(cmd.Context())
			if a.plan && (a.output != "table" || len(p.changes) == 0) {
				return err // plans are the whole output
			}
			return errors.Join(err, a.printChanges(p.changes))
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "blueprint to apply; - reads standard input")
	cobra.CheckErr(cmd.MarkFlagFilename("file", "yaml", "yml")) // fails only for a flag that is not defined
	return cmd
}

func (a *app) readFile(file string) ([]byte, error) {
	in := a.streams.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the blueprint: %w", err)}
		}
		defer func() { _ = f.Close() }() // only read
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, blueprint.MaxSize+1))
	if err != nil {
		return nil, usageError{fmt.Errorf("read the blueprint: %w", err)}
	}
	return text, nil
}

// result is what apply did to a resource.
type result string

const (
	created   result = "created"
	updated   result = "updated"
	unchanged result = "unchanged"
)

// change is one resource of the blueprint and what this apply did to it. Operation is the work, empty when there was none of
// its own.
type change struct {
	Name      string `json:"name"`
	Result    result `json:"result"`
	Operation string `json:"operation,omitempty"`
}

// printChanges writes what was done, also that of an apply that failed later on.
func (a *app) printChanges(changes []change) error {
	switch a.output {
	case "name":
		for _, c := range changes {
			if err := a.println(c.Name); err != nil {
				return err
			}
		}
		return nil
	case "table":
		if len(changes) == 0 {
			return nil
		}
		rows := make([][]string, len(changes))
		for i, c := range changes {
			rows[i] = []string{c.Name, string(c.Result)}
		}
		return printTable(a.streams.Out, []string{"RESOURCE", "RESULT"}, rows)
	}
	data, err := json.Marshal(map[string]any{"resources": append([]change{}, changes...)})
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.printData(data)
}

// partialError is an apply that failed after it had made something.
type partialError struct{ error }

func (e partialError) Unwrap() error { return e.error }

const partialHint = "What was made before stays. Applying the blueprint again goes on from there."

// undoneError is an apply whose organisation was refused and whose tenant was removed again.
type undoneError struct {
	error
	tenant string
}

func (e undoneError) Unwrap() error { return e.error }

func (e undoneError) hint() string {
	return e.tenant + ", which was made for it, is removed again: nothing is left. Correct the blueprint and apply it again."
}

package cli

import (
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
		Use: "apply -f FILE", Short: "Create and update the resources of a blueprint", Args: exactly(0),
		Long: `apply creates the resources of a blueprint: the tenant, the organisation with its VPCs in one order, and peerings.
Fields of existing resources are updated where they can change (display names, labels, quota, ingress rules, deletion
protection); a difference elsewhere (mode, CIDR) is an error. Resources that the blueprint does not name stay unchanged.

apply checks the whole blueprint, also against existing resources, before it orders anything. When the platform refuses the
organisation, a tenant created for it is removed again. After any other failure created resources stay: apply it again to go on.

With --plan nothing is changed: apply shows the plan of each resource whose parent exists; -o json writes one document each.`,
		Example: "  lowlayer apply -f deploy/blueprints/startup.yaml\n  lowlayer apply -f - -o json <blueprint.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.async {
				return usageError{errors.New("apply waits for each order in turn, so it cannot be --async")}
			}
			if file == "" {
				return usageError{errors.New("name the blueprint: -f FILE, for example -f deploy/blueprints/startup.yaml; - reads standard input")}
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

// printChanges writes the results, also those of an apply that failed later on.
func (a *app) printChanges(changes []change) error {
	names, rows := make([]string, len(changes)), make([][]string, len(changes))
	for i, c := range changes {
		names[i], rows[i] = c.Name, []string{c.Name, string(c.Result)}
	}
	return a.show(names, func() {
		if len(rows) > 0 {
			a.table([]string{"RESOURCE", "RESULT"}, rows)
		}
	}, map[string]any{"resources": append([]change{}, changes...)})
}

// partialError is an apply that failed after its first change.
type partialError struct{ error }

func (e partialError) Unwrap() error { return e.error }

const partialHint = "Created resources stay. Apply the blueprint again to go on."

// undoneError is an apply whose organisation was refused and whose tenant was removed again.
type undoneError struct {
	error
	tenant string
}

func (e undoneError) Unwrap() error { return e.error }

func (e undoneError) hint() string {
	return e.tenant + ", created for it, is removed again: nothing is left. Correct the blueprint and apply it again."
}

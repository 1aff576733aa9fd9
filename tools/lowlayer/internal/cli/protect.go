package cli

import "github.com/spf13/cobra"

// protectFlags are --protect and --no-protect, which set or lift the protection of a resource against deletion.
func protectFlags(cmd *cobra.Command, protected *bool) {
	cmd.Flags().BoolVar(protected, "protect", false, "protect it, and what it lies in, against deletion")
	cmd.Flags().Bool("no-protect", false, "lift the protection against deletion")
	cmd.MarkFlagsMutuallyExclusive("protect", "no-protect")
}

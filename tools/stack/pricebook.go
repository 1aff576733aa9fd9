package stack

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed pricebooks
var priceBooks embed.FS

func (s *Stack) priceBooks() string { return filepath.Join(s.opts.Dir, "pricebooks") }

// writePriceBooks writes the price list of the sandbox where the metering service reads it.
func (s *Stack) writePriceBooks() error {
	if err := os.RemoveAll(s.priceBooks()); err != nil {
		return fmt.Errorf("write the price books: %w", err)
	}
	if err := os.CopyFS(s.opts.Dir, priceBooks); err != nil {
		return fmt.Errorf("write the price books: %w", err)
	}
	return nil
}

package stack

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/registry"
)

func (s *Stack) receiptKeyFile(service string) string {
	return filepath.Join(s.opts.Dir, "receipt-"+service+".pem")
}

// writeReceiptKeys makes the key each service signs receipts with, once: receipts of before a restart stay verifiable.
func (s *Stack) writeReceiptKeys() error {
	for _, service := range registry.Names(registry.Databases()) {
		if _, err := os.Stat(s.receiptKeyFile(service)); err == nil {
			continue
		}
		key, err := receipt.GenerateKey()
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.receiptKeyFile(service), []byte(key), 0o600); err != nil {
			return fmt.Errorf("write the receipt key of %s: %w", service, err)
		}
	}
	return nil
}

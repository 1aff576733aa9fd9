package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestTheReadmesCommands runs the commands under "Use it" as they stand, but for the address and the folder of grpcurl.
func TestTheReadmesCommands(t *testing.T) {
	p := stacktest.Start(t, stack.Options{})
	text, err := os.ReadFile(filepath.Join(p.Repo(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Use it")
	_, block, _ := strings.Cut(section, "```sh\n")
	block, _, ok := strings.Cut(block, "```")
	if !ok {
		t.Fatal("the README has no commands to use it by")
	}
	if r := p.Run(t, "tools/build/install", "grpcurl"); r.Code != 0 {
		t.Fatalf("install grpcurl: %+v", r)
	}
	for command := range strings.Lines(block) {
		command = strings.TrimSpace(command)
		replaced := strings.ReplaceAll(command, "127.0.0.1:8080", p.Addresses().Gateway)
		replaced = strings.ReplaceAll(replaced, "bin/lowlayer", p.Program("lowlayer"))
		r := p.Run(t, "bash", "-euo", "pipefail", "-c", replaced)
		if r.Code != 0 || strings.TrimSpace(r.Out+r.Err) == "" {
			t.Errorf("%s: exit code %d\n%s%s", command, r.Code, r.Out, r.Err)
		}
		if strings.Contains(r.Out, `"status":4`) || strings.Contains(r.Out, `"status":5`) {
			t.Errorf("%s answers an error: %s", command, r.Out)
		}
	}
}

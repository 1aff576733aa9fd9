//go:build failpoint

package provision

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// The test runs itself as the process that is to die.
func TestFailpointFromEnvironment(t *testing.T) {
	point := Point{Kind: "vpc", Verb: "create", Step: "router", When: AfterDo}
	if os.Getenv("LOWLAYER_FAILPOINT") != "" {
		FailpointFromEnvironment()(point)
		return
	}
	if FailpointFromEnvironment() != nil {
		t.Fatal("a failpoint that nobody asked for")
	}
	marker := filepath.Join(t.TempDir(), "once")
	for _, c := range []struct {
		at   string
		dies bool
	}{
		{"vpc/delete/router:AfterDo", false},
		{"vpc/create/router:BeforeDo", false},
		{"nonsense", false},
		{"vpc/*/router:AfterDo", true},
		{"vpc/create/router:AfterDo", false}, // once is enough
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFailpointFromEnvironment$")
		cmd.Env = append(os.Environ(), "LOWLAYER_FAILPOINT="+c.at, "LOWLAYER_FAILPOINT_ONCE="+marker)
		err := cmd.Run()
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if died := err != nil && status.Signaled() && status.Signal() == syscall.SIGKILL; died != c.dies {
			t.Errorf("%s: died %t (%v)", c.at, died, err)
		}
	}
}

package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/tools/stack"
)

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// memory reads the resident memory of each service once it has been idle for a while.
func memory(ctx context.Context, set settings, s *stack.Stack) error {
	idle := time.NewTimer(10 * time.Second)
	defer idle.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-idle.C:
	}
	for _, name := range registry.Names(registry.All()) {
		pid, err := s.Pid(name)
		if err != nil {
			return err
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return fmt.Errorf("read the memory of %s: %w", name, err)
		}
		match := residentLine.FindSubmatch(status)
		if match == nil {
			return fmt.Errorf("the kernel shows no resident memory of %s", name)
		}
		kib, err := strconv.Atoi(string(match[1]))
		if err != nil {
			return fmt.Errorf("read the memory of %s: %w", name, err)
		}
		set.report(measurement{Name: "idle memory of " + name, Unit: "MiB", Value: float64(kib) / 1024, Bar: barMemory})
	}
	return nil
}

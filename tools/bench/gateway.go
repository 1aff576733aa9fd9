package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/tools/stack"
)

// gatewayPatience is how long a gateway may take to start.
const gatewayPatience = 20 * time.Second

// startGateway runs a gateway, as the platform runs its own, whose services are all the server at that address. It counts
// calls in the Redis, as installations do. More are settings of its own.
func startGateway(ctx context.Context, bin, service, redis string, more ...string) (address string, stop func() error, err error) {
	free, err := stack.Free()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "gateway"), "serve")
	const prefix = "LOWLAYER_GATEWAY_"
	admin := free.Admin(registry.Gateway)
	cmd.Env = append(slices.Concat(os.Environ(), stack.Shared(), stack.Generous()), prefix+"REDIS_URL=redis://"+redis+"/0", prefix+"LISTEN="+free.Gateway, prefix+"ADMIN_LISTEN="+admin)
	for _, public := range registry.Names(registry.Public()) {
		cmd.Env = append(cmd.Env, prefix+registry.TargetVariable(public)+"="+service)
	}
	cmd.Env = append(cmd.Env, more...)
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start a gateway: %w", err)
	}
	stop = func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}
	patience, cancel := context.WithTimeout(ctx, gatewayPatience)
	defer cancel()
	if err := ready(patience, "http://"+admin+"/readyz"); err != nil {
		return "", nil, errors.Join(fmt.Errorf("start a gateway: %w", err), stop())
	}
	return free.Gateway, stop, nil
}

// ready waits until the address responds, and returns its last error when ctx ends.
func ready(ctx context.Context, url string) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := httpCall(ctx, http.DefaultClient, http.MethodGet, url, nil)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

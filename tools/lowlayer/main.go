// Command lowlayer is the command line of LOW-LAYER: it orders tenants, organisations and VPC environments, follows the work
// and shows what there is. `lowlayer help exit-codes` lists what it exits with.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/low-layer/platform/tools/lowlayer/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

// Command network is the network service: the boundaries of tenants, hubs, VPCs and peerings, and their place in Neutron.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/low-layer/platform/libs/service"
	"github.com/low-layer/platform/services/network/internal/app"
)

func main() {
	environ := os.Environ()
	service.Main(service.Command{
		Name:        "network",
		Serve:       func(ctx context.Context) error { return app.Serve(ctx, environ, slog.Default()) },
		Migrate:     func(ctx context.Context) error { return app.Migrate(ctx, environ) },
		CheckConfig: func() error { return app.CheckConfig(environ) },
	})
}

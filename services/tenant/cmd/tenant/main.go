// Command tenant is the tenant service: tenants, their organisations, and their place in Keystone.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/low-layer/platform/libs/service"
	"github.com/low-layer/platform/services/tenant/internal/app"
)

func main() {
	environ := os.Environ()
	service.Main(service.Command{
		Name:        "tenant",
		Serve:       func(ctx context.Context) error { return app.Serve(ctx, environ, slog.Default()) },
		Migrate:     func(ctx context.Context) error { return app.Migrate(ctx, environ) },
		CheckConfig: func() error { return app.CheckConfig(environ) },
	})
}

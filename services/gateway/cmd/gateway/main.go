// Command gateway is the edge of the platform: REST and gRPC on one port for all services.
package main

import (
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/services/gateway/internal/app"
)

func main() {
	host.Main(host.Command{Name: "gateway", Serve: app.Serve, CheckConfig: app.CheckConfig})
}

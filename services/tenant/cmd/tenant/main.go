// Command tenant is the tenant service: tenants, organisations, their members, and their place in Keystone.
package main

import (
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/services/tenant/internal/app"
)

func main() { host.Main(app.Program()) }

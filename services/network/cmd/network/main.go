// Command network is the network service: the boundaries of tenants, hubs, VPCs and peerings, and their place in Neutron.
package main

import (
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/services/network/internal/app"
)

func main() { host.Main(app.Program()) }

// Command metering is the metering service.
package main

import (
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/services/metering/internal/app"
)

func main() { host.Main(app.Program()) }

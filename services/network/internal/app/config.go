package app

import (
	"time"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/services/network/internal/core/usage"
)

// Config is the service's settings.
type Config struct {
	host.Config
	// DriftInterval is how often the cloud is compared with what was asked for.
	DriftInterval time.Duration `env:"DRIFT_INTERVAL" envDefault:"30s"`
	// DriftAge is how old an object must be to be judged: the cloud's lists may lag behind as much.
	DriftAge time.Duration `env:"DRIFT_AGE" envDefault:"30s"`
	// IsolationInterval is how old the isolation report may be; 0 makes none.
	IsolationInterval time.Duration `env:"ISOLATION_INTERVAL" envDefault:"30s"`
	// QuotaVpcs and QuotaPeerings are the limits of a tenant, unless an operator sets others for it.
	QuotaVpcs     int32 `env:"QUOTA_VPCS" envDefault:"200"`
	QuotaPeerings int32 `env:"QUOTA_PEERINGS" envDefault:"200"`
}

// Quotas returns the platform's limits of a tenant.
func (c Config) Quotas() map[string]int64 {
	return map[string]int64{usage.Vpcs: int64(c.QuotaVpcs), usage.Peerings: int64(c.QuotaPeerings)}
}

// Problems lists what is wrong beyond the form of the values.
func (c Config) Problems() []config.Problem {
	var out []config.Problem
	bad := func(variable, text string) {
		out = append(out, config.Problem{Variable: variable, Text: text})
	}
	if c.DriftInterval <= 0 {
		bad("DRIFT_INTERVAL", "is not positive: give a duration such as 30s")
	}
	if c.DriftAge < 0 {
		bad("DRIFT_AGE", "is negative: give a duration such as 30s")
	}
	if c.IsolationInterval < 0 {
		bad("ISOLATION_INTERVAL", "is negative: give a duration such as 30s")
	}
	for variable, v := range map[string]int32{"QUOTA_VPCS": c.QuotaVpcs, "QUOTA_PEERINGS": c.QuotaPeerings} {
		if v < 0 {
			bad(variable, "is negative: give how many a tenant may have, 0 for none")
		}
	}
	return append(out, c.Config.Problems()...)
}

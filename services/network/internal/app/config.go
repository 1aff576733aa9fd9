package app

import (
	"time"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/services/network/internal/core/usage"
)

// Prefix begins every setting's variable.
const Prefix = "LOWLAYER_NETWORK_"

// Config is the service's settings.
type Config struct {
	Listen      string `env:"LISTEN" envDefault:"127.0.0.1:9102"`
	AdminListen string `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:9202"`
	DatabaseURL string `env:"DATABASE_URL,required,notEmpty" secret:"true"`
	// MaxConns is how many connections the service holds to its database.
	MaxConns int32  `env:"DATABASE_MAX_CONNS" envDefault:"20"`
	RedisURL string `env:"REDIS_URL,required,notEmpty" secret:"true"`
	// CloudsFile and Cloud name the OpenStack; left empty they are looked for as the openstack command does.
	CloudsFile string `env:"CLOUDS_FILE"`
	Cloud      string `env:"CLOUD"`
	// Access is who may call.
	Access access.Settings
	// PageTokenKey signs page tokens; replicas share it.
	PageTokenKey string `env:"PAGE_TOKEN_KEY" secret:"true"`
	// ReceiptKey signs the receipts of deletions; replicas share it. ReceiptOldKeys are the public keys of those that signed
	// before.
	ReceiptKey     string `env:"RECEIPT_KEY,required,notEmpty" secret:"true" doc:"an Ed25519 private key as PEM (openssl genpkey -algorithm ed25519)"`
	ReceiptOldKeys string `env:"RECEIPT_OLD_KEYS"`
	// DriftInterval is how often the cloud is compared with what was asked for.
	DriftInterval time.Duration `env:"DRIFT_INTERVAL" envDefault:"30s"`
	// DriftAge is how old an object must be to be judged: the cloud's lists may be as much behind.
	DriftAge time.Duration `env:"DRIFT_AGE" envDefault:"30s"`
	// IsolationInterval is how old the report of who can reach whom may be; 0 makes none.
	IsolationInterval time.Duration `env:"ISOLATION_INTERVAL" envDefault:"30s"`
	// Workers is how many resources are worked on at once.
	Workers int `env:"WORKERS" envDefault:"64"`
	// Lease is how long a resource is held for a process that has died, Sweep how often lapsed work is looked for, and Settle
	// how far the cloud's lists may be behind.
	Lease  time.Duration `env:"LEASE" envDefault:"5s"`
	Sweep  time.Duration `env:"SWEEP" envDefault:"2s"`
	Settle time.Duration `env:"SETTLE" envDefault:"2s"`

	// QuotaVpcs and QuotaPeerings are what a tenant may have, unless an operator sets something else for it.
	QuotaVpcs     int32 `env:"QUOTA_VPCS" envDefault:"200"`
	QuotaPeerings int32 `env:"QUOTA_PEERINGS" envDefault:"200"`
}

// Quotas are the platform's limits of a tenant.
func (c Config) Quotas() map[string]int64 {
	return map[string]int64{usage.Vpcs: int64(c.QuotaVpcs), usage.Peerings: int64(c.QuotaPeerings)}
}

// Problems are what is wrong beyond the form of the values.
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
	if c.MaxConns < 4 {
		bad("DATABASE_MAX_CONNS", "is below 4, too few for calls and work side by side: give for example 20")
	}
	if c.Workers < 1 {
		bad("WORKERS", "is not positive: give for example 64")
	}
	for variable, d := range map[string]time.Duration{"LEASE": c.Lease, "SWEEP": c.Sweep, "SETTLE": c.Settle} {
		if d < 100*time.Millisecond {
			bad(variable, "is below 100ms: give a duration such as 2s")
		}
	}
	for variable, v := range map[string]int32{"QUOTA_VPCS": c.QuotaVpcs, "QUOTA_PEERINGS": c.QuotaPeerings} {
		if v < 0 {
			bad(variable, "is negative: give how many a tenant may have, 0 for none")
		}
	}
	if _, err := receipt.NewRing(c.ReceiptKey, ""); err != nil {
		bad("RECEIPT_KEY", err.Error())
	}
	if _, err := receipt.ParseKeys(c.ReceiptOldKeys); err != nil {
		bad("RECEIPT_OLD_KEYS", err.Error())
	}
	return append(out, c.Access.Problems()...)
}

package host

import (
	"strings"
	"time"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/receipt"
	"github.com/low-layer/platform/libs/registry"
)

// Ports are where a service listens and where the services it calls are. The registry has the defaults.
type Ports struct {
	Listen      string `env:"LISTEN"`
	AdminListen string `env:"ADMIN_LISTEN"`
	// Targets are the addresses of the services it calls, by name: <NAME>_TARGET.
	Targets map[string]string `env:"*_TARGET"`
}

// Preset fills in the addresses of the registry; libs/config calls it.
func (p *Ports) Preset(prefix string) {
	for _, s := range registry.All() {
		if s.Prefix() != prefix {
			continue
		}
		p.Listen, p.AdminListen, p.Targets = s.Address(), s.AdminAddress(), make(map[string]string)
		for _, peer := range s.Calls() {
			called, _ := registry.Find(peer) // peers are registered
			p.Targets[peer] = called.Address()
		}
	}
}

func (p Ports) adminListen() string { return p.AdminListen }

// Config is the settings of every service with a database. A service embeds it in its own settings.
type Config struct {
	Ports
	DatabaseURL string `env:"DATABASE_URL,required,notEmpty" secret:"true"`
	// MaxConns is how many connections the service holds to its database.
	MaxConns int32  `env:"DATABASE_MAX_CONNS" envDefault:"20"`
	RedisURL string `env:"REDIS_URL,required,notEmpty" secret:"true"`
	// CloudsFile and Cloud name the OpenStack; empty, they are found as the openstack command finds them.
	CloudsFile string `env:"CLOUDS_FILE"`
	Cloud      string `env:"CLOUD"`
	Access     access.Settings
	// PageTokenKey signs page tokens; replicas share it.
	PageTokenKey string `env:"PAGE_TOKEN_KEY" secret:"true"`
	// ReceiptKey signs the receipts of deletions; replicas share it. ReceiptOldKeys are the public keys of earlier ones.
	ReceiptKey     string `env:"RECEIPT_KEY,required,notEmpty" secret:"true" doc:"an Ed25519 private key as PEM (openssl genpkey -algorithm ed25519)"`
	ReceiptOldKeys string `env:"RECEIPT_OLD_KEYS"`
	// Workers is how many resources are worked on at once.
	Workers int `env:"WORKERS" envDefault:"64"`
	// Lease is how long a resource is held for a process that died, Sweep how often lapsed work is looked for, and Settle how far
	// the cloud's lists may lag behind.
	Lease  time.Duration `env:"LEASE" envDefault:"5s"`
	Sweep  time.Duration `env:"SWEEP" envDefault:"2s"`
	Settle time.Duration `env:"SETTLE" envDefault:"2s"`
}

func (c Config) database() string { return c.DatabaseURL }

// checkCloud reads the clouds.yaml that the settings name. It makes no call.
func (c Config) checkCloud() error {
	client, err := openstack.New(openstack.Config{CloudsFile: c.CloudsFile, Cloud: c.Cloud})
	if err != nil {
		return err
	}
	client.Close()
	return nil
}

const (
	leastConns = 4
	leastPause = 100 * time.Millisecond
)

// Problems lists what is wrong beyond the form of the values. A service that has Problems of its own appends these.
func (c Config) Problems() []config.Problem {
	var out []config.Problem
	bad := func(variable, text string) {
		out = append(out, config.Problem{Variable: variable, Text: text})
	}
	for peer, target := range c.Targets {
		if strings.TrimSpace(target) == "" {
			bad(registry.TargetVariable(peer), "is empty: give the address of the "+peer+" service, such as 127.0.0.1:9102")
		}
	}
	if c.MaxConns < leastConns {
		bad("DATABASE_MAX_CONNS", "is below 4, too few for calls and work side by side: give for example 20")
	}
	if c.Workers < 1 {
		bad("WORKERS", "is not positive: give for example 64")
	}
	for variable, d := range map[string]time.Duration{"LEASE": c.Lease, "SWEEP": c.Sweep, "SETTLE": c.Settle} {
		if d < leastPause {
			bad(variable, "is below 100ms: give a duration such as 2s")
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

package app

import (
	"encoding/base64"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/libs/host"
	"github.com/low-layer/platform/libs/loopback"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/services/gateway/internal/client"
	"github.com/low-layer/platform/services/gateway/internal/limit"

	"github.com/redis/go-redis/v9"
)

// Prefix is what the names of all settings begin with.
const Prefix = "LOWLAYER_GATEWAY_"

// Config is the settings of the gateway.
type Config struct {
	host.Ports
	// PageTokenKey signs page tokens of merged lists, in base64; a random one when empty.
	PageTokenKey string `env:"PAGE_TOKEN_KEY" secret:"true"`
	// Access are the settings of authentication and authorization.
	Access access.Settings
	// RedisURL is where rate limits are counted; by this process alone when empty.
	RedisURL string `env:"REDIS_URL" secret:"true"`
	// TenantRates and CallerRates are how often all callers of a tenant together, and each caller, may call in a minute.
	TenantRates tenantRates
	CallerRates callerRates
	// AddressRate is how often calls without a good token may come from one address in a minute.
	AddressRate int `env:"RATE_ADDRESS" envDefault:"240"`

	Timeout           time.Duration `env:"TIMEOUT"             envDefault:"30s"`
	StreamTimeout     time.Duration `env:"STREAM_TIMEOUT"      envDefault:"1h"`
	StreamPatience    time.Duration `env:"STREAM_PATIENCE"     envDefault:"30s"`
	ReadHeaderTimeout time.Duration `env:"READ_HEADER_TIMEOUT" envDefault:"5s"`
	ReadTimeout       time.Duration `env:"READ_TIMEOUT"        envDefault:"20s"`
	IdleTimeout       time.Duration `env:"IDLE_TIMEOUT"        envDefault:"2m"`
	DrainTimeout      time.Duration `env:"DRAIN_TIMEOUT"       envDefault:"15s"`
	MaxStreams        int           `env:"MAX_STREAMS"         envDefault:"250"`
	// WatchesCaller, WatchesTenant and WatchesAll are how many streams of changes may be open at once here: of a caller, in a tenant,
	// and of everybody, since all of them share a connection to each service with what else is asked.
	WatchesCaller int `env:"WATCHES_CALLER" envDefault:"20"`
	WatchesTenant int `env:"WATCHES_TENANT" envDefault:"200"`
	WatchesAll    int `env:"WATCHES_ALL" envDefault:"500"`
}

type tenantRates struct {
	Get    int `env:"RATE_TENANT_GET"    envDefault:"12000"`
	List   int `env:"RATE_TENANT_LIST"   envDefault:"6000"`
	Mutate int `env:"RATE_TENANT_MUTATE" envDefault:"1200"`
	Stream int `env:"RATE_TENANT_STREAM" envDefault:"6000"`
}

type callerRates struct {
	Get    int `env:"RATE_CALLER_GET"    envDefault:"3000"`
	List   int `env:"RATE_CALLER_LIST"   envDefault:"1200"`
	Mutate int `env:"RATE_CALLER_MUTATE" envDefault:"400"`
	Stream int `env:"RATE_CALLER_STREAM" envDefault:"1200"`
}

// rates are those of the settings by variable.
func (c *Config) rates() map[string]int {
	return map[string]int{
		"RATE_TENANT_GET": c.TenantRates.Get, "RATE_TENANT_LIST": c.TenantRates.List,
		"RATE_TENANT_MUTATE": c.TenantRates.Mutate, "RATE_TENANT_STREAM": c.TenantRates.Stream,
		"RATE_CALLER_GET": c.CallerRates.Get, "RATE_CALLER_LIST": c.CallerRates.List,
		"RATE_CALLER_MUTATE": c.CallerRates.Mutate, "RATE_CALLER_STREAM": c.CallerRates.Stream,
		"RATE_ADDRESS": c.AddressRate,
	}
}

// targets lists the services behind the gateway with their addresses.
func (c *Config) targets() []client.Target {
	var out []client.Target
	// Callers come before their peers: the tenant service is the first to say that there is no such tenant.
	for _, name := range slices.Backward(registry.Names(registry.Public())) {
		out = append(out, client.Target{Name: name, Address: c.Targets[name]})
	}
	return out
}

const minKey = 16

// Problems is what the types of the settings cannot say.
func (c *Config) Problems() []config.Problem {
	var out []config.Problem
	add := func(variable, format string, args ...any) {
		out = append(out, config.Problem{Variable: variable, Text: fmt.Sprintf(format, args...)})
	}
	switch _, _, err := net.SplitHostPort(c.Listen); {
	case err != nil:
		add("LISTEN", "%q is not host:port; set it to an address such as 127.0.0.1:8080. Without ISSUER callers are not authenticated, and only "+
			"loopback addresses will do", c.Listen)
	case c.Access.Issuer == "" && !onLoopback(c.Listen):
		add("LISTEN", "%q is not a loopback address. Without ISSUER callers are not authenticated, so the gateway serves this machine only: "+
			"set ISSUER, or set this to 127.0.0.1:8080 and reach it from elsewhere through a tunnel such as ssh -L", c.Listen)
	}
	if _, _, err := net.SplitHostPort(c.AdminListen); err != nil {
		add("ADMIN_LISTEN", "%q is not host:port; set it to an address such as 127.0.0.1:9200", c.AdminListen)
	}
	for name, target := range c.Targets {
		if strings.TrimSpace(target) == "" {
			add(registry.TargetVariable(name), "is empty; set it to the address of the service, such as 127.0.0.1:9101")
		}
	}
	if key, err := c.key(); err != nil || (c.PageTokenKey != "" && len(key) < minKey) {
		add("PAGE_TOKEN_KEY", "must be base64 of at least %d bytes; make one with: openssl rand -base64 32", minKey)
	}
	for variable, d := range map[string]time.Duration{
		"TIMEOUT": c.Timeout, "STREAM_TIMEOUT": c.StreamTimeout, "STREAM_PATIENCE": c.StreamPatience, "READ_HEADER_TIMEOUT": c.ReadHeaderTimeout, "READ_TIMEOUT": c.ReadTimeout,
		"IDLE_TIMEOUT": c.IdleTimeout, "DRAIN_TIMEOUT": c.DrainTimeout,
	} {
		if d <= 0 {
			add(variable, "is %s; set it to a time above zero, such as 30s", d)
		}
	}
	if c.MaxStreams <= 0 || c.MaxStreams > math.MaxInt32 {
		add("MAX_STREAMS", "is %d; set it to a number above zero, such as 250", c.MaxStreams)
	}
	for variable, n := range map[string]int{"WATCHES_CALLER": c.WatchesCaller, "WATCHES_TENANT": c.WatchesTenant, "WATCHES_ALL": c.WatchesAll} {
		if n <= 0 {
			add(variable, "is %d; set it to a number above zero, such as 20", n)
		}
	}
	for variable, rate := range c.rates() {
		if rate < limit.MinQuota || rate > limit.MaxQuota {
			add(variable, "is %d; set it to a number of calls a minute from %d to %d", rate, limit.MinQuota, limit.MaxQuota)
		}
	}
	if _, err := redis.ParseURL(c.RedisURL); c.RedisURL != "" && err != nil {
		// The cause may repeat the URL, and the URL may hold a password.
		add("REDIS_URL", "is not the address of a Redis; write it as redis://user:password@host:port/0, or leave it out to count rate limits in this process alone")
	}
	return append(out, c.Access.Problems()...)
}

func (c *Config) key() ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(c.PageTokenKey)
	if err != nil {
		return nil, fmt.Errorf("decode the page token key: %w", err)
	}
	return key, nil
}

// onLoopback is true for addresses that only this machine reaches.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopback.Host(host)
}

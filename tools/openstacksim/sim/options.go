package sim

import (
	"log/slog"
	"time"
)

// Clock returns the time; tests inject one they move by hand.
type Clock interface {
	Now() time.Time
}

// Options says what cloud to simulate. The zero value is a usable cloud.
type Options struct {
	Clock   Clock
	Logger  *slog.Logger
	Latency time.Duration // added to every API call, without holding up the others

	// Endpoints are the addresses that the catalog gives for services, by their type such as network; the others are at the host
	// a request came to.
	Endpoints map[string]string

	AdminName     string // default "admin"
	AdminPassword string // default "labpass"
	Region        string // default "RegionOne"

	TokenTTL   time.Duration // default one hour
	BuildDelay time.Duration // how long a server stays in BUILD; zero: not at all
	Hosts      int           // hypervisors, default 4
	HostVCPUs  int           // of each hypervisor, default 32
	HostRAMMiB int           // of each hypervisor, default 128 GiB
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.AdminName = orDefault(o.AdminName, "admin")
	o.AdminPassword = orDefault(o.AdminPassword, "labpass")
	o.Region = orDefault(o.Region, "RegionOne")
	o.TokenTTL = orDefault(o.TokenTTL, time.Hour)
	o.Hosts = orDefault(o.Hosts, 4)
	o.HostVCPUs = orDefault(o.HostVCPUs, 32)
	o.HostRAMMiB = orDefault(o.HostRAMMiB, 128*1024)
	return o
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

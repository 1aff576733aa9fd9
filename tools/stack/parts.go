package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/low-layer/platform/libs/pg/pgserver"
	"github.com/low-layer/platform/libs/registry"
)

// A part is one process of the stack and how to tell that it is ready.
type part struct {
	name string
	*process
	listens []string
	ready   func(context.Context) error
}

func (s *Stack) newPart(name, path string, listens, args, env []string, ready func(context.Context) error) *part {
	if replaced := s.opts.Programs[name]; replaced != "" {
		path = replaced
	}
	return &part{name: name, listens: listens, ready: ready, process: &process{
		name: name, dir: filepath.Join(s.opts.Dir, "log"), path: path, args: args, env: append(os.Environ(), env...),
		stop: syscall.SIGTERM, grace: serviceGrace, account: s.self(),
	}}
}

// self is the account of everything but Postgres: ours.
func (s *Stack) self() *pgserver.Account { return nil }

// foundations are what the services stand on.
func (s *Stack) foundations() []*part {
	a := s.opts.Addresses
	host, port, _ := net.SplitHostPort(a.Postgres) // Free and Defaults make well-formed addresses
	durable := "off"
	if s.opts.Durable {
		durable = "on"
	}
	postgres := s.newPart("postgres", s.tools.Postgres, []string{a.Postgres}, []string{
		"-D", s.dataDir(), "-p", port, "-c", "listen_addresses=" + host, "-c", "unix_socket_directories=",
		"-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "synchronous_commit=" + durable, "-c", "fsync=" + durable,
		"-c", "full_page_writes=" + durable, "-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "autovacuum_naptime=20s",
	}, nil, s.pingPostgres)
	postgres.account, postgres.stop, postgres.grace = s.account, syscall.SIGINT, databaseGrace
	_, redisPort, _ := net.SplitHostPort(a.Redis)
	redis := s.newPart("redis", "redis-server", []string{a.Redis}, []string{
		"--port", redisPort, "--bind", "127.0.0.1", "--dir", s.opts.Dir, "--dbfilename", "redis.rdb", "--save", "60", "1", "--daemonize", "no",
	}, nil, dial(a.Redis))
	parts := []*part{postgres, redis}
	if s.simulated() {
		parts = append(parts, s.newPart("openstacksim", s.bin("openstacksim"), []string{a.Simulator}, append([]string{
			"serve", "--listen", a.Simulator, "--latency", s.opts.Latency.String(), "--state", filepath.Join(s.opts.Dir, "openstacksim.json"),
		}, s.opts.Simulator...), nil, dial(a.Simulator)))
	}
	if s.opts.Identity {
		parts = append(parts, s.identity())
	}
	return parts
}

// services are the platform's own processes.
func (s *Stack) services() []*part {
	own := map[string][]string{
		"tenant":         append(s.directory(), "LOWLAYER_TENANT_SEAL_URL_FILE="+s.keyFile()),
		"metering":       {"LOWLAYER_METERING_PRICE_BOOKS=" + s.priceBooks()},
		registry.Gateway: Shared(),
	}
	var parts []*part
	for _, service := range registry.All() {
		name := service.Name
		listen, admin := s.opts.Addresses.Of(name), s.opts.Addresses.Admin(name)
		env := slices.Concat(s.settings(service), own[name], s.extra[name])
		parts = append(parts, s.newPart(name, s.bin(name), []string{listen, admin}, []string{"serve"}, env, healthy(admin)))
	}
	return parts
}

// settings are the environment every service takes.
func (s *Stack) settings(service registry.Service) []string {
	a, name, prefix := s.opts.Addresses, service.Name, service.Prefix()
	env := []string{prefix + "LISTEN=" + a.Of(name), prefix + "ADMIN_LISTEN=" + a.Admin(name), prefix + "REDIS_URL=redis://" + a.Redis + "/0"}
	env = append(env, s.access(name, prefix)...)
	for _, peer := range service.Calls() {
		env = append(env, prefix+registry.TargetVariable(peer)+"="+a.Of(peer))
	}
	env = append(env, s.opts.Env...)
	if !service.Database {
		return env
	}
	return append(env, prefix+"RECEIPT_KEY_FILE="+s.receiptKeyFile(name), prefix+"DATABASE_URL="+s.DatabaseURL(name), prefix+"CLOUDS_FILE="+s.opts.CloudsFile, prefix+"CLOUD="+s.opts.Cloud)
}

func (s *Stack) bin(name string) string { return filepath.Join(s.opts.Bin, name) }

func dial(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// healthy asks the admin port whether the service takes calls.
func healthy(admin string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz responds with %s", resp.Status)
		}
		return nil
	}
}

// Package host is what every service is made of: connections, the gRPC server with the standard services (operations, receipts,
// audit, quotas, changes), the provisioning engine, events, periodic loops, the admin port and the command line. A service's own
// app package lists its own parts:
//
//	func New(ctx context.Context, cfg Config, o host.Options) (*App, error) {
//		h, err := host.New(ctx, "network", cfg.Config, host.Records{…}, o) // connections, server, audit, quotas
//		…
//		err = h.Provision(kinds)                     // the engine
//		api.Register(h.Server.Registrar(), …)        // the service's own API
//		h.Serve(nil, watched…)                       // the standard services
//		h.Drift(cfg.DriftInterval, true, drift.Config{…})
//		h.Loop(host.Loop{Name: "credentials", …})    // periodic passes
//		return &App{Host: h}, nil
//	}
//
//	func Program() host.Command { return host.Program("network", store.Migrations, New) }
//
// A service starts in any order with the things it needs: it waits for a database, Redis, cloud or peer that is away, and
// readiness reports it. It fails at once only on settings that cannot work. `serve`, `migrate` and `check-config` are the verbs of
// every program. SIGINT and SIGTERM drain it; a second signal kills it. Logs are JSON lines on stderr. The exit status is 0 after
// success, 1 after a failure, 2 after a usage error, and 78 when the settings are wrong.
package host

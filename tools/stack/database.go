package stack

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/registry"
)

// DatabaseURL is the URL of a service's database; `postgres` is the administrator's.
func (s *Stack) DatabaseURL(service string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", service, s.opts.Addresses.Postgres, service)
}

// OwnerURL is that of the role that owns the database and migrates it; the service itself may only read and write rows.
func (s *Stack) OwnerURL(service string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", owner(service), s.opts.Addresses.Postgres, service)
}

func owner(service string) string { return service + "_owner" }

func (s *Stack) dataDir() string { return filepath.Join(s.opts.Dir, "postgres") }

// initDatabase makes the cluster, once.
func (s *Stack) initDatabase(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(s.dataDir(), "PG_VERSION")); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.dataDir(), 0o700); err != nil {
		return fmt.Errorf("make the folder of the database: %w", err)
	}
	if err := s.account.Own(s.dataDir()); err != nil {
		return fmt.Errorf("hand over the folder of the database: %w", err)
	}
	cmd := exec.CommandContext(ctx, s.tools.Initdb, "--pgdata="+s.dataDir(), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C",
		"--no-sync", "--no-instructions")
	cmd.Dir, cmd.SysProcAttr = "/", s.account.Attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb: %w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *Stack) pingPostgres(ctx context.Context) error {
	return s.asAdmin(ctx, func(conn *pgx.Conn) error { return conn.Ping(ctx) })
}

func (s *Stack) asAdmin(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.DatabaseURL("postgres"))
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}

// migrate makes the databases that are missing and brings the schema of each service up to date.
func (s *Stack) migrate(ctx context.Context) error {
	databases := registry.Databases()
	err := s.asAdmin(ctx, func(conn *pgx.Conn) error {
		for _, service := range databases {
			if err := createDatabase(ctx, conn, service.Name); err != nil {
				return err
			}
		}
		return nil
	})
	for _, service := range databases {
		if err == nil {
			err = s.handOver(ctx, service.Name)
		}
	}
	if err != nil {
		return fmt.Errorf("make the databases: %w", err)
	}
	for _, service := range databases {
		p, err := s.part(service.Name)
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, p.path, "migrate")
		cmd.Env = append(slices.Clone(p.env), service.Prefix()+"DATABASE_URL="+s.OwnerURL(p.name))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("migrate %s: %w\n%s", p.name, err, bytes.TrimSpace(out))
		}
	}
	return nil
}

func createDatabase(ctx context.Context, conn *pgx.Conn, name string) error {
	service, by := pgx.Identifier{name}.Sanitize(), pgx.Identifier{owner(name)}.Sanitize()
	for _, one := range []struct{ look, of, make string }{
		{"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name, "CREATE ROLE " + service + " LOGIN"},
		{"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", owner(name), "CREATE ROLE " + by + " LOGIN"},
		{"SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name, "CREATE DATABASE " + service + " OWNER " + by},
	} {
		var exists bool
		err := conn.QueryRow(ctx, one.look, one.of).Scan(&exists)
		if err == nil && !exists {
			_, err = conn.Exec(ctx, one.make)
		}
		if err != nil {
			return fmt.Errorf("make database %s: %w", name, err)
		}
	}
	return nil
}

// handOver gives a database to its owner, which those of earlier versions had none of, and the service its rows.
func (s *Stack) handOver(ctx context.Context, name string) error {
	service, by := pgx.Identifier{name}.Sanitize(), pgx.Identifier{owner(name)}.Sanitize()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", s.opts.Addresses.Postgres, name))
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"REASSIGN OWNED BY " + service + " TO " + by,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + service,
		"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO " + service,
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + by + " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO " + service,
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + by + " GRANT USAGE, SELECT ON SEQUENCES TO " + service,
	} {
		if _, err = conn.Exec(ctx, statement); err != nil {
			err = fmt.Errorf("hand over database %s: %w", name, err)
			break
		}
	}
	return errors.Join(err, conn.Close(ctx))
}

func (s *Stack) keyFile() string { return filepath.Join(s.opts.Dir, "seal.url") }

// writeKey makes the local key that secrets are sealed with, once. Production uses a key service instead.
func (s *Stack) writeKey() error {
	if _, err := os.Stat(s.keyFile()); err == nil {
		return nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make the sealing key: %w", err)
	}
	url := "base64key://" + base64.URLEncoding.EncodeToString(key) + "\n"
	if err := os.WriteFile(s.keyFile(), []byte(url), 0o600); err != nil {
		return fmt.Errorf("write the sealing key: %w", err)
	}
	return nil
}

// writeClouds writes the clouds.yaml of the simulator.
func (s *Stack) writeClouds() error {
	text := fmt.Sprintf(`clouds:
  %s:
    auth:
      auth_url: http://%s/identity/v3
      username: admin
      password: labpass
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
    region_name: RegionOne
    identity_api_version: 3
`, simulatorCloud, s.opts.Addresses.Simulator)
	if err := os.WriteFile(s.opts.CloudsFile, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write clouds.yaml: %w", err)
	}
	return nil
}

package pgtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"net/url"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/pg"
)

// templateLock keeps processes that share a server from making the same template twice.
const templateLock = 0x6c6c7465737470

// server is a Postgres reached as a superuser.
type server struct {
	admin *url.URL

	mu        sync.Mutex
	templates map[string]string // by digest of the sets
}

func newServer(adminURL string) (*server, error) {
	u, err := url.Parse(adminURL)
	if err != nil {
		return nil, fmt.Errorf("read postgres url: %w", err)
	}
	return &server{admin: u, templates: map[string]string{}}, nil
}

func (s *server) url(database, role string) string {
	u := *s.admin
	u.Path = "/" + database
	if role != "" {
		u.User = url.UserPassword(role, role)
	}
	return u.String()
}

// withAdmin runs fn on a superuser's connection to the database.
func (s *server) withAdmin(ctx context.Context, database string, fn func(*pgx.Conn) error) (err error) {
	target := s.admin.String()
	if database != "" {
		target = s.url(database, "")
	}
	conn, err := pgx.Connect(ctx, target)
	if err != nil {
		return fmt.Errorf("connect as superuser: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return fn(conn)
}

func (s *server) create(ctx context.Context, name, template string) error {
	return s.withAdmin(ctx, "", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+quote(name)+" OWNER "+ownerRole+" TEMPLATE "+quote(template))
		return err
	})
}

func (s *server) drop(ctx context.Context, name string) error {
	return s.withAdmin(ctx, "", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
		return err
	})
}

// template returns the name of the database with the sets' schema, made on first use.
func (s *server) template(ctx context.Context, sets []pg.Migrations) (string, error) {
	digest, err := digestOf(sets)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.templates[digest]; ok {
		return name, nil
	}
	name := "lowlayer_tpl_" + digest
	err = s.withAdmin(ctx, "", func(conn *pgx.Conn) error {
		// The lock ends with the connection.
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(templateLock)); err != nil {
			return err
		}
		var there bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
			return err
		}
		return s.build(ctx, conn, name, sets)
	})
	if err != nil {
		return "", err
	}
	s.templates[digest] = name
	return name, nil
}

// build makes the template under another name first: a name that is there is complete.
func (s *server) build(ctx context.Context, conn *pgx.Conn, name string, sets []pg.Migrations) error {
	draft := "lowlayer_draft_" + randomName()
	if err := runAll(ctx, conn, ensureRole(ownerRole), ensureRole(appRole),
		"CREATE DATABASE "+quote(draft)+" OWNER "+ownerRole); err != nil {
		return err
	}
	err := s.withAdmin(ctx, draft, func(in *pgx.Conn) error {
		return runAll(ctx, in, "CREATE EXTENSION btree_gist",
			"ALTER DEFAULT PRIVILEGES FOR ROLE "+ownerRole+" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+appRole,
			"ALTER DEFAULT PRIVILEGES FOR ROLE "+ownerRole+" GRANT USAGE, SELECT ON SEQUENCES TO "+appRole)
	})
	if err == nil {
		err = pg.Migrate(ctx, s.url(draft, ownerRole), sets...)
	}
	if err != nil {
		return errors.Join(err, runAll(ctx, conn, "DROP DATABASE "+quote(draft)+" WITH (FORCE)"))
	}
	return runAll(ctx, conn, "ALTER DATABASE "+quote(draft)+" RENAME TO "+quote(name),
		"ALTER DATABASE "+quote(name)+" WITH ALLOW_CONNECTIONS false")
}

func runAll(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// ensureRole takes the superuser's connection under templateLock, so that asking and creating are one.
func ensureRole(role string) string {
	return fmt.Sprintf(`DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%[1]s') THEN
		CREATE ROLE %[1]s LOGIN PASSWORD '%[1]s'; END IF; END $$`, role)
}

// digestOf changes when any file of the sets changes, so an old template on a shared server is never taken for new.
func digestOf(sets []pg.Migrations) (string, error) {
	h := sha256.New()
	for _, set := range sets {
		write(h, "set %s\n", set.Name)
		if err := digestFiles(h, set.FS); err != nil {
			return "", fmt.Errorf("read migrations of %s: %w", set.Name, err)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:10]), nil
}

func digestFiles(h hash.Hash, files fs.FS) error {
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		write(h, "file %s %d\n%s", path, len(content), content)
		return nil
	})
}

// write adds to a hash, which never fails.
func write(h hash.Hash, format string, args ...any) { _, _ = fmt.Fprintf(h, format, args...) }

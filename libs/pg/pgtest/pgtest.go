// Package pgtest gives each test a Postgres database of its own, migrated, in some tens of milliseconds.
//
// The server is the one LOWLAYER_TEST_POSTGRES_URL names (a superuser's URL), or one that the test process starts
// from a cached initdb as a user without privileges and that ends with the process, however that ends. Databases
// are made from a template per set of migrations and dropped after the test.
//
// The pool a test gets belongs to a role that may only read and write rows: a statement a service may not make in
// production fails here too. A test fails at once, with the reason, when no server can be had.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/pg"
)

const (
	ownerRole = "lowlayer_test_owner"
	appRole   = "lowlayer_test_app"

	setupTimeout = time.Minute
	dropTimeout  = 10 * time.Second
)

// Database makes a database migrated with the sets and returns the application role's pool, closed with the test.
func Database(t testing.TB, sets ...pg.Migrations) *pgxpool.Pool {
	t.Helper()
	return Pool(t, URL(t, sets...))
}

// URL is the application role's URL of a new database migrated with the sets. The database goes with the test.
func URL(t testing.TB, sets ...pg.Migrations) string {
	t.Helper()
	return withRole(t, OwnerURL(t, sets...), appRole)
}

// OwnerURL is like URL for the role that owns the database and may migrate it.
func OwnerURL(t testing.TB, sets ...pg.Migrations) string {
	t.Helper()
	server := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	template, err := server.template(ctx, sets)
	if err != nil {
		t.Fatalf("prepare template database: %v", err)
	}
	name := "lowlayer_test_" + randomName()
	if err := server.create(ctx, name, template); err != nil {
		t.Fatalf("create test database: %v", err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := server.drop(ctx, name); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	return server.url(name, ownerRole)
}

// AppURL is the application role's URL of the database an owner's URL names.
func AppURL(t testing.TB, ownerURL string) string {
	t.Helper()
	return withRole(t, ownerURL, appRole)
}

// Pool opens a pool that is closed with the test.
func Pool(t testing.TB, databaseURL string) *pgxpool.Pool {
	t.Helper()
	pool, err := pg.Open(t.Context(), pg.Config{URL: databaseURL})
	if err != nil {
		t.Fatalf("open test database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func withRole(t testing.TB, databaseURL, role string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatalf("read database url: %v", err)
	}
	u.User = url.UserPassword(role, role)
	return u.String()
}

func randomName() string {
	var b [10]byte
	// crypto/rand never fails.
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }

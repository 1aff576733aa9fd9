package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
)

// childVariable has this test binary start a server, print its URL and wait, for a test to kill it.
const childVariable = "PGTEST_CHILD"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func notes(column string) pg.Migrations {
	return pg.Migrations{Name: "notes", FS: fstest.MapFS{"00001_notes.sql": {Data: []byte(
		"-- +goose Up\nCREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY, " + column + " text);")}}}
}

func TestDatabase_eachTest_isMigratedAndApart(t *testing.T) {
	one, two := pgtest.Database(t, notes("body")), pgtest.Database(t, notes("body"))
	if _, err := one.Exec(t.Context(), "INSERT INTO notes (body) VALUES ('x')"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := two.QueryRow(t.Context(), "SELECT count(*) FROM notes").Scan(&n); err != nil || n != 0 {
		t.Fatalf("%d rows of another test, %v", n, err)
	}
	// Another content of the same set is another template.
	if _, err := pgtest.Database(t, notes("title")).Exec(t.Context(), "INSERT INTO notes (title) VALUES ('x')"); err != nil {
		t.Fatal(err)
	}
}

func TestApplicationRole_schema_mayOnlyUseRows(t *testing.T) {
	ownerURL := pgtest.OwnerURL(t, notes("body"))
	app, owner := pgtest.Pool(t, pgtest.AppURL(t, ownerURL)), pgtest.Pool(t, ownerURL)
	for _, statement := range []string{
		"CREATE TABLE x (n int)", "DROP TABLE notes", "ALTER TABLE notes ADD COLUMN n int", "TRUNCATE notes", "CREATE EXTENSION hstore",
	} {
		_, err := app.Exec(t.Context(), statement)
		if err == nil {
			t.Errorf("may %s", statement)
		}
	}
	for _, statement := range []string{"INSERT INTO notes (body) VALUES ('x')", "UPDATE notes SET body = 'y'", "DELETE FROM notes"} {
		if _, err := app.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if _, err := owner.Exec(t.Context(), "ALTER TABLE notes ADD COLUMN n int"); err != nil {
		t.Errorf("the owner: %v", err)
	}
	if _, err := owner.Exec(t.Context(), "CREATE TABLE span (r int4range, k int, EXCLUDE USING gist (k WITH =, r WITH &&))"); err != nil {
		t.Errorf("btree_gist: %v", err)
	}
}

func TestDatabase_testEnds_isDropped(t *testing.T) {
	var url string
	t.Run("inner", func(t *testing.T) {
		url = pgtest.URL(t)
		held, err := pgx.Connect(t.Context(), url) // even when somebody is connected still
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = held.Close(context.Background()) }) // the server has closed it by then
	})
	conn, err := pgx.Connect(t.Context(), url)
	if err == nil {
		_ = conn.Close(t.Context())
		t.Fatal("it is still there")
	}
}

// TestChild is run by TestServer_processKilled_ends, in a process of its own.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		return
	}
	if _, err := io.WriteString(os.Stdout, "URL "+pgtest.URL(t)+"\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the end
}

func TestServer_processKilled_ends(t *testing.T) {
	if os.Getenv("LOWLAYER_TEST_POSTGRES_URL") != "" {
		t.Setenv("LOWLAYER_TEST_POSTGRES_URL", "")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childVariable+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }() // the child is dead by then
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "URL ")
	if err != nil || !ok {
		t.Fatalf("child said %q, %v", line, err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) {
		t.Fatalf("child: %v", err)
	}
	awaitGone(t, url)
}

func awaitGone(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "refused") {
			return
		}
		if err == nil {
			_ = conn.Close(ctx) // it was only to ask
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the server outlives its process: %v", err)
		case <-ticker.C:
		}
	}
}

package watch

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const epochKey = "lowlayer.watch.epoch"

// epochSQL names the history that a database goes on with: which cluster and database it is, and on which timeline. A failover and a
// point-in-time restore begin a timeline; a dump is restored into another database. Every role may call these functions.
const epochSQL = `
SELECT c.system_identifier || '.' || d.oid || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
  FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()`

// epoch is the history that a connection reads. It is asked once of each: a server that takes writes stays on its timeline until it
// stops, and one that does not yet refuses the question.
func epoch(ctx context.Context, conn *pgx.Conn) (string, error) {
	if known, ok := conn.PgConn().CustomData()[epochKey].(string); ok {
		return known, nil
	}
	var e string
	if err := conn.QueryRow(ctx, epochSQL).Scan(&e); err != nil {
		return "", fmt.Errorf("read the timeline of the database: %w", err)
	}
	conn.PgConn().CustomData()[epochKey] = e
	return e, nil
}

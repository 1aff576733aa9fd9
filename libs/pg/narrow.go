package pg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/pg/scope"
)

const (
	// tenantsSetting is the setting that the policies of the tables read.
	tenantsSetting = "lowlayer.tenants"
	setScope       = "SELECT set_config('" + tenantsSetting + "', $1, false)"
	setScopeName   = "lowlayer_set_scope" // of the prepared statement
	scopeKey       = "lowlayer.scope"
)

// narrowed makes every connection of a pool start in scope.All and take the scope of each caller that acquires it.
func narrowed(pc *pgxpool.Config) {
	pc.ConnConfig.RuntimeParams[tenantsSetting] = scope.All
	pc.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		conn.PgConn().CustomData()[scopeKey] = scope.All
		if _, err := conn.PgConn().Prepare(ctx, setScopeName, setScope, nil); err != nil {
			return fmt.Errorf("prepare the change of scope: %w", err)
		}
		return nil
	}
	pc.PrepareConn = narrow
}

// narrow sets the scope of a connection, unless it has it already, before its caller sends a statement. A connection whose scope is in
// doubt is closed: a statement never runs in the scope of another caller.
func narrow(ctx context.Context, conn *pgx.Conn) (bool, error) {
	want, held := scope.Of(ctx), conn.PgConn().CustomData()
	if held[scopeKey] == want {
		return true, nil
	}
	if !utf8.ValidString(want) || strings.ContainsRune(want, 0) {
		return true, fmt.Errorf("set the scope of a connection: %q is not valid text", want)
	}
	if _, err := conn.PgConn().ExecPrepared(ctx, setScopeName, [][]byte{[]byte(want)}, nil, nil).Close(); err != nil {
		return false, scopeError{fmt.Errorf("set the scope of a connection: %w", err)}
	}
	held[scopeKey] = want
	return true, nil
}

// scopeError is of a statement that was never sent.
type scopeError struct{ error }

// SafeToRetry implements the driver's interface.
func (scopeError) SafeToRetry() bool { return true }

// Unwrap returns the cause.
func (e scopeError) Unwrap() error { return errors.Unwrap(e.error) }

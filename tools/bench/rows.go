package main

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/scope"
	"github.com/low-layer/platform/tools/stack"
)

// readSQL is the essence of the network service's query for a VPC: its row, and the engine's.
const readSQL = `SELECT v.uid, r.state FROM vpcs v JOIN provision_resources r ON r.uid = v.uid WHERE v.name = $1`

// rows measures what row security costs a statement: the same one as the service's role in the scope of a tenant, and as a role
// that no policy concerns. Where tenants take turns on a connection its scope has to be changed first, which is shown beside it.
func rows(ctx context.Context, set settings, s *stack.Stack) error {
	if err := order(ctx, s, "read"); err != nil {
		return err
	}
	url := s.DatabaseURL("network")
	walled, err := pg.Open(ctx, pg.Config{URL: url})
	if err != nil {
		return err
	}
	defer walled.Close()
	free, err := pg.Open(ctx, pg.Config{URL: strings.Replace(url, "network@", "postgres@", 1)})
	if err != nil {
		return err
	}
	defer free.Close()
	read := func(pool *pgxpool.Pool, scopes ...string) func(context.Context, int64) error {
		return func(ctx context.Context, n int64) error {
			if len(scopes) > 0 {
				ctx = scope.With(ctx, []string{"bench", scopes[n%int64(len(scopes))]})
			}
			var uid, state string
			return pool.QueryRow(ctx, readSQL, readVpc).Scan(&uid, &state)
		}
	}
	peer := target{name: "the same past row security", call: read(free)}
	for _, t := range []target{
		{"a row of one's own tenant", barRows, read(walled, "bench")},
		{"a row, with callers of other tenants in turn", barRowsInTurn, read(walled, "bench", "umbrella")},
	} {
		if err := compare(ctx, set, peer, t, 1); err != nil {
			return err
		}
	}
	return nil
}

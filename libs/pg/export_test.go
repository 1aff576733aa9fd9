package pg

import (
	"bufio"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Scoped does to a pool's settings what Open does to them.
func Scoped(pc *pgxpool.Config) { pc.BeforeConnect, pc.PrepareConn = lookAhead, narrow }

// Past is what a driver reads of r after so many changes of the scope were sent ahead.
func Past(changes int, r io.Reader) io.Reader {
	return &ahead{in: bufio.NewReader(r), unanswered: changes}
}

package pg

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/low-layer/platform/libs/errs"
)

// ReasonUnavailable is that of a call for which the database was away.
const ReasonUnavailable = "DATABASE_UNAVAILABLE"

// retryAfter is how long a database usually needs to be back: a restart, or the turn to a standby.
const retryAfter = 2 * time.Second

// Explain makes of an error that says that the database is away one that tells callers so; any other it answers as it is. What
// the call was about may have been done, so it is repeated with the same request id.
func Explain(err error) error {
	if !away(err) {
		return err
	}
	e := errs.Wrap(err, errs.Unavailable, ReasonUnavailable,
		"the platform's database does not answer; try again in a few seconds, with the same request id when it changes something")
	e.Retry = retryAfter
	return e
}

// away tells whether an error is one of the connection, or of a server that stops, starts or is full.
func away(err error) bool {
	if e, ok := errs.As(err); (ok && e.Code != errs.CodeInternal) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		const tooMany = "53300"
		return strings.HasPrefix(refused.Code, "08") || strings.HasPrefix(refused.Code, "57P") || refused.Code == tooMany
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok || pgconn.SafeToRetry(err) {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

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

// ReasonUnavailable is the reason of a call that failed because the database was away.
const ReasonUnavailable = "DATABASE_UNAVAILABLE"

// retryAfter covers a restart and the failover to a standby.
const retryAfter = 2 * time.Second

// Explain turns an error of an absent database into errs.Unavailable and returns any other error unchanged. The call may have taken
// effect, so callers repeat it with the same request id.
func Explain(err error) error {
	if !away(err) {
		return err
	}
	e := errs.Wrap(err, errs.Unavailable, ReasonUnavailable,
		"the platform's database does not answer; try again in a few seconds, with the same request id when it changes something")
	e.Retry = retryAfter
	return e
}

// away is true for an error of the connection, and of a server that stops, starts or is full.
func away(err error) bool {
	if e, ok := errs.As(err); (ok && e.Code != errs.CodeInternal) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok || pgconn.SafeToRetry(err) {
		return true
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		const tooMany = "53300"
		return strings.HasPrefix(refused.Code, "08") || strings.HasPrefix(refused.Code, "57P") || refused.Code == tooMany
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

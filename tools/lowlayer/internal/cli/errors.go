package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// The exit codes, by class of error.
const (
	exitOK           = 0
	exitFailure      = 1
	exitUsage        = 2
	exitNotFound     = 3
	exitInvalid      = 4
	exitConflict     = 5
	exitPrecondition = 6
	exitBlocked      = 7
	exitUnavailable  = 8
	exitLogin        = 9
	exitInterrupted  = 130
)

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// blockedError is work that waits for somebody.
type blockedError struct {
	operation string
	blockage  *typev1.Blockage
}

func (e blockedError) Error() string {
	return fmt.Sprintf("%s is blocked since it waits for the %s: %s", e.operation, ownerWord(e.blockage), e.blockage.GetMessage())
}

// interruptedError is a wait that the person ended; the work itself goes on.
type interruptedError struct{ operation string }

func (e interruptedError) Error() string { return "interrupted; the work goes on without you" }

// timeoutError is a wait that took too long; the work itself goes on.
type timeoutError struct{ operation string }

func (e timeoutError) Error() string { return "not done yet; the work goes on without you" }

func ownerWord(b *typev1.Blockage) string {
	switch b.GetOwner() {
	case typev1.Blockage_USER:
		return "user"
	case typev1.Blockage_PROVIDER:
		return "cloud provider"
	default:
		return "operator of the platform"
	}
}

// report writes an error for a person and answers its exit code.
func report(w io.Writer, err error) int {
	code, lines := explain(err)
	for i, line := range lines {
		if i == 0 {
			line = "Error: " + line
		} else {
			line = "  " + line
		}
		_, _ = fmt.Fprintln(w, line)
	}
	return code
}

func explain(err error) (int, []string) {
	var (
		usage       usageError
		blocked     blockedError
		interrupted interruptedError
		timeout     timeoutError
	)
	switch {
	case errors.As(err, &usage):
		return exitUsage, []string{err.Error()}
	case errors.As(err, &blocked):
		return exitBlocked, []string{
			err.Error(), "Remedy: " + blocked.blockage.GetRemedy(),
			"It goes on by itself once the cause is gone. Follow it: lowlayer operation wait " + blocked.operation,
		}
	case errors.As(err, &interrupted):
		return exitInterrupted, []string{err.Error(), "Follow it: lowlayer operation wait " + interrupted.operation}
	case errors.As(err, &timeout):
		return exitBlocked, []string{err.Error(), "Follow it: lowlayer operation wait " + timeout.operation}
	case errors.As(err, &absentError{}):
		return exitNotFound, []string{err.Error()}
	case errors.As(err, &expiredError{}), errors.As(err, &notLoggedIn{}):
		return exitLogin, []string{err.Error()}
	case errors.Is(err, context.Canceled):
		return exitInterrupted, []string{"interrupted"}
	}
	if s, ok := status.FromError(err); ok {
		return explainStatus(err, s)
	}
	if strings.HasPrefix(err.Error(), "unknown command") {
		return exitUsage, []string{err.Error()}
	}
	return exitFailure, []string{err.Error()}
}

func explainStatus(err error, s *status.Status) (int, []string) {
	doing := strings.TrimSuffix(strings.TrimSuffix(before(err.Error(), "rpc error:"), " "), ":")
	message := s.Message()
	if i := strings.Index(message, "desc = "); i >= 0 { // status.FromError keeps the whole text of a wrapped error
		message = message[i+len("desc = "):]
	}
	first := message
	if doing != "" {
		first = doing + ": " + message
	}
	lines := []string{first}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				lines = append(lines, fmt.Sprintf("%s: %s", v.GetField(), v.GetDescription()))
			}
		case *errdetails.QuotaFailure:
			for _, v := range d.GetViolations() {
				lines = append(lines, fmt.Sprintf("%s: %s", v.GetSubject(), v.GetDescription()))
			}
		case *errdetails.RetryInfo:
			lines = append(lines, fmt.Sprintf("Try again in %s.", d.GetRetryDelay().AsDuration()))
		case *errdetails.ErrorInfo:
			lines = append(lines, "Reason: "+d.GetReason())
		case *errdetails.RequestInfo:
			lines = append(lines, "Request id: "+d.GetRequestId())
		}
	}
	if s.Code() == codes.Unavailable && len(s.Details()) == 0 {
		lines = append(lines, "Is the platform running? `make up` starts one; --address or LOWLAYER_ADDRESS says where it is.")
	}
	return exitCode(s.Code()), lines
}

func before(s, sep string) string {
	head, _, found := strings.Cut(s, sep)
	if !found {
		return ""
	}
	return head
}

func exitCode(c codes.Code) int {
	switch c {
	case codes.NotFound:
		return exitNotFound
	case codes.InvalidArgument, codes.OutOfRange:
		return exitInvalid
	case codes.AlreadyExists, codes.Aborted:
		return exitConflict
	case codes.FailedPrecondition, codes.ResourceExhausted:
		return exitPrecondition
	case codes.Unavailable, codes.DeadlineExceeded:
		return exitUnavailable
	case codes.Canceled:
		return exitInterrupted
	case codes.Unauthenticated, codes.PermissionDenied:
		return exitLogin
	default:
		return exitFailure
	}
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What lowlayer exits with", Long: `Exit codes:
    0  done
    1  failed for another reason
    2  the command line cannot be understood
    3  there is no such resource
    4  a field is wrong; standard error names it and the remedy
    5  in conflict with what exists (id taken, etag stale)
    6  not possible in the present state, or a quota is in the way
    7  the work is blocked and waits for somebody, or --timeout has passed
    8  the platform cannot be reached
    9  you are not logged in, or your roles do not allow it
  130  interrupted; the work goes on`}
}

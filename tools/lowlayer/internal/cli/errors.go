package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/loopback"
	"github.com/low-layer/platform/tools/lowlayer/internal/blueprint"
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

// blockedError is work that waits for a person or a provider.
type blockedError struct {
	operation, resource string
	blockage            *typev1.Blockage
}

func (e blockedError) Error() string {
	return fmt.Sprintf("%s is blocked, it waits for %s: %s", e.operation, awaited(e.resource, e.blockage), e.blockage.GetMessage())
}

// interruptedError is a command that the person ended. The work of an operation goes on.
type interruptedError struct {
	operation string
	// taken is true when this command ordered it.
	taken bool
}

func (e interruptedError) Error() string {
	if e.operation == "" {
		return "interrupted"
	}
	if e.taken {
		return "interrupted; the order was taken, and its work goes on without you"
	}
	return "interrupted; the work goes on without you"
}

// timeoutError is a wait that --timeout ended; the work itself goes on. last is the last known state of the operation, without
// steps when the platform never responded. away is the error of the last calls without a response.
type timeoutError struct {
	operation string
	after     time.Duration
	last      *operationv1.OperationMetadata
	away      error
}

func (e timeoutError) Error() string {
	text := "still running after " + elapsed(e.after)
	if e.last.GetResource() == "" {
		text = "the state of the operation is not known after " + elapsed(e.after)
	}
	if n := e.last.GetStepCount(); n > 0 {
		text += fmt.Sprintf(", %d of %s", e.last.GetStepsDone(), counted(n, "step"))
	}
	if e.away != nil {
		text += fmt.Sprintf("; the last calls had no response (%s)", statusOf(e.away).Message())
	}
	return text
}

// withoutLogins is the error of a platform on this machine that runs without logins.
type withoutLogins struct{ error }

func (e withoutLogins) Unwrap() error { return e.error }

// ofSandbox marks an error with a remedy in the sandbox. On other machines the operator has the remedy.
func (a *app) ofSandbox(err error) error {
	host, _, split := net.SplitHostPort(a.address)
	if split == nil && loopback.Host(host) && reasonOf(err) == "DIRECTORY_NOT_CONFIGURED" {
		return withoutLogins{err}
	}
	return err
}

// endedError is an operation that ended with an error.
type endedError struct{ op *longrunningpb.Operation }

func (e endedError) Error() string {
	return fmt.Sprintf("%s ended: %s", e.op.GetName(), e.op.GetError().GetMessage())
}

// report writes an error for a person and returns its exit code.
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
	code, lines := explainCause(err)
	var (
		partial partialError
		undone  undoneError
	)
	if errors.As(err, &withoutLogins{}) {
		lines = append(lines, "Is it the sandbox of this machine? `make down && LOWLAYER_SANDBOX_IDENTITY=1 make up` runs it with logins.")
	}
	switch {
	case errors.As(err, &undone):
		lines = append(lines, undone.hint())
	case errors.As(err, &partial):
		lines = append(lines, partialHint)
	}
	return code, lines
}

func explainCause(err error) (int, []string) {
	var (
		usage       usageError
		invalid     *blueprint.InvalidError
		cannot      impossibleError
		blocked     blockedError
		interrupted interruptedError
		unanswered  unansweredError
		timeout     timeoutError
		ended       endedError
	)
	switch {
	case errors.As(err, &usage), cobraUsage(err):
		return exitUsage, []string{err.Error()}
	case errors.As(err, &invalid):
		return exitInvalid, append([]string{before(err.Error(), invalid.Error()) + invalid.Summary()}, invalid.Problems...)
	case errors.As(err, &unhealthyError{}):
		return exitPrecondition, []string{err.Error()}
	case errors.As(err, &cannot):
		return exitPrecondition, append([]string{cannot.summary()}, cannot.conflicts...)
	case errors.As(err, &blocked):
		return exitBlocked, []string{
			err.Error(), "Remedy: " + remedy(blocked.resource, blocked.blockage),
			"It goes on by itself once the cause is gone. Follow it: lowlayer operation wait " + blocked.operation,
		}
	case errors.As(err, &unanswered) && unanswered.interrupted:
		return exitInterrupted, append([]string{err.Error()}, unanswered.advice()...)
	case errors.As(err, &unanswered):
		code, lines := explainStatus(err, statusOf(err))
		return code, append(lines, unanswered.advice()...)
	case errors.As(err, &interrupted):
		return exitInterrupted, followUp(err, interrupted.operation)
	case errors.As(err, &timeout):
		return exitBlocked, followUp(err, timeout.operation)
	case errors.As(err, &ended):
		return explainEnded(err, ended.op)
	case errors.As(err, &absentError{}):
		return exitNotFound, []string{err.Error()}
	case errors.As(err, &expiredError{}), errors.As(err, &notLoggedIn{}), errors.As(err, &refusedAccountError{}):
		return exitLogin, []string{err.Error()}
	case errors.Is(err, context.Canceled):
		return exitInterrupted, []string{"interrupted"}
	}
	if s := statusOf(err); s != nil {
		return explainStatus(err, s)
	}
	return exitFailure, []string{err.Error()}
}

// cobraUsage is true for command lines that cobra refuses; its errors have no types.
func cobraUsage(err error) bool {
	return slices.ContainsFunc([]string{"unknown command", "required flag(s)", "if any flags in the group", "at least one of the flags in the group"},
		func(start string) bool { return strings.HasPrefix(err.Error(), start) })
}

func followUp(err error, operation string) []string {
	if operation == "" {
		return []string{err.Error()}
	}
	return []string{err.Error(), "Follow it: lowlayer operation wait " + operation}
}

// explainEnded explains a failed operation. A cancelled one is no interruption: its work has stopped.
func explainEnded(err error, op *longrunningpb.Operation) (int, []string) {
	s := status.FromProto(op.GetError())
	code := exitCode(s.Code())
	if s.Code() == codes.Canceled {
		code = exitFailure
	}
	lines := append([]string{err.Error()}, detailLines(s)...)
	if command := goOn(metadataOf(op)); command != "" && s.Code() == codes.Canceled {
		lines = append(lines, "Continue the work: "+command)
	}
	return code, append(lines, "See its steps: lowlayer operation get "+op.GetName())
}

// statusOf is the status in a chain of errors as it was received, nil without one.
func statusOf(err error) *status.Status {
	var carrier interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &carrier) {
		return nil
	}
	return carrier.GRPCStatus()
}

func explainStatus(err error, s *status.Status) (int, []string) {
	doing := before(err.Error(), "rpc error:")
	if s.Code() == codes.Unavailable && len(s.Details()) == 0 { // an error of the connection, not of the platform
		return exitUnavailable, []string{
			doing + "the platform cannot be reached: " + dialing.ReplaceAllString(s.Message(), ""),
			"Is it running? `make up` starts one; --address or LOWLAYER_ADDRESS sets its address.",
		}
	}
	return exitCode(s.Code()), append([]string{doing + s.Message()}, detailLines(s)...)
}

// dialing are the layers of gRPC around an error of the network.
var dialing = regexp.MustCompile(`^connection error: desc = |"?transport: Error while dialing: |"$`)

// detailLines are the faults first, and last the facts for a report of the error.
func detailLines(s *status.Status) []string {
	var fields, advice, about []string
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				if strings.Contains(s.Message(), v.GetField()+": "+v.GetDescription()) {
					continue // the message contains it
				}
				fields = append(fields, fmt.Sprintf("%s: %s", v.GetField(), v.GetDescription()))
			}
		case *errdetails.QuotaFailure:
			for _, v := range d.GetViolations() {
				if strings.Contains(s.Message(), v.GetDescription()) {
					continue // the message contains it
				}
				fields = append(fields, fmt.Sprintf("%s: %s", v.GetSubject(), v.GetDescription()))
			}
		case *errdetails.RetryInfo:
			advice = append(advice, fmt.Sprintf("Try again in %s.", d.GetRetryDelay().AsDuration()))
		case *errdetails.ErrorInfo:
			if strings.HasSuffix(d.GetReason(), "_NOT_EMPTY") {
				advice = append(advice, "Add --force to delete its content too.")
			}
			about = append(about, "Reason: "+d.GetReason())
		case *errdetails.RequestInfo:
			about = append(about, "Request id: "+d.GetRequestId())
		}
	}
	return slices.Concat(fields, advice, about)
}

// before returns the part of a text in front of another, or nothing without it.
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
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled: // the platform stops
		return exitUnavailable
	case codes.Unauthenticated, codes.PermissionDenied:
		return exitLogin
	default:
		return exitFailure
	}
}

// exitCodes are the texts of `lowlayer help exit-codes`; a test checks each class of error against them.
var exitCodes = []struct {
	code int
	when string
}{
	{exitOK, "done"},
	{exitFailure, "failed for another reason"},
	{exitUsage, "the command line cannot be understood"},
	{exitNotFound, "there is no such resource"},
	{exitInvalid, "a field is wrong, in a flag, a request or a blueprint; standard error names it and the remedy"},
	{exitConflict, "in conflict with an existing resource (id taken, etag stale)"},
	{exitPrecondition, "not possible in the present state, or a quota is in the way"},
	{exitBlocked, "the work is blocked and waits for a person or a provider, or --timeout has passed"},
	{exitUnavailable, "the platform cannot be reached"},
	{exitLogin, "you are not logged in, or your roles do not allow it"},
	{exitInterrupted, "interrupted; the work goes on"},
}

func exitCodesTopic() *cobra.Command {
	var long strings.Builder
	long.WriteString("Exit codes:")
	for _, c := range exitCodes {
		fmt.Fprintf(&long, "\n  %3d  %s", c.code, c.when)
	}
	return &cobra.Command{Use: "exit-codes", Short: "The exit codes of lowlayer", Long: long.String()}
}

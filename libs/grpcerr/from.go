package grpcerr

import (
	"context"
	"errors"
	"maps"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/low-layer/platform/libs/errs"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// FromError is a client's view of a failed call. The status stays in Err, so that it can be logged. When the response
// did not come from the platform's own code (a broken connection, a deadline) the call may have had its effect, and
// Ambiguous is set.
func FromError(err error) *errs.Error {
	if err == nil {
		return nil
	}
	if e, ok := errs.As(err); ok {
		return e
	}
	st, ok := statusIn(err)
	switch {
	case ok && st.Code() == codes.OK:
		return nil
	case ok:
	case errors.Is(err, context.Canceled):
		st = status.New(codes.Canceled, "the call was cancelled; repeat it if it is still wanted")
	case errors.Is(err, context.DeadlineExceeded):
		st = status.New(codes.DeadlineExceeded, "the call did not finish before its deadline; try again with a longer one")
	default:
		return errs.Internal(err)
	}
	if e := decode(st); e != nil {
		e.Err = err
		return e
	}
	e := errs.Wrap(err, errs.Code(st.Code()), codeName(st.Code()), "%s", st.Message())
	// Texts of the transport hold addresses, and a handler may pass this error on: what was said stays in Err.
	switch st.Code() {
	case codes.Unavailable:
		e.Message, e.Ambiguous = "the service cannot be reached; try again in a moment", true
	case codes.DeadlineExceeded:
		e.Message, e.Ambiguous = "the call did not finish before its deadline; try again with a longer one", true
	case codes.Canceled:
		e.Message, e.Ambiguous = "the call was cancelled; repeat it if it is still wanted", true
	case codes.Unknown, codes.Internal, codes.DataLoss:
		e.Message, e.Ambiguous = "the service failed in an unexpected way; try again, and report the request id if it stays", true
	}
	return e
}

// RequestID is the request id that a failed call's status carries, empty when it carries none.
func RequestID(err error) string {
	st, ok := statusIn(err)
	if !ok {
		return ""
	}
	for _, detail := range st.Details() {
		if info, is := detail.(*errdetails.RequestInfo); is {
			return info.GetRequestId()
		}
	}
	return ""
}

// statusIn finds the status in a chain as it was received; status.FromError would put the texts of the wrapping, which
// are for logs, into its message.
func statusIn(err error) (*status.Status, bool) {
	if carrier, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err); ok {
		return carrier.GRPCStatus(), true
	}
	return nil, false
}

// decode is nil for a status that the platform did not make.
func decode(st *status.Status) *errs.Error {
	e := &errs.Error{Code: errs.Code(st.Code()), Message: st.Message()}
	ours := false
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == Domain {
				ours = true
				readInfo(e, d)
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.Fields = append(e.Fields, errs.Violation{Field: v.GetField(), Description: v.GetDescription()})
			}
		case *errdetails.QuotaFailure:
			for _, v := range d.GetViolations() {
				e.Quota = append(e.Quota, errs.QuotaViolation{Subject: v.GetSubject(), Description: v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			e.Retry = d.GetRetryDelay().AsDuration()
		}
	}
	if !ours {
		return nil
	}
	return e
}

func readInfo(e *errs.Error, info *errdetails.ErrorInfo) {
	e.Reason = info.GetReason()
	metadata := maps.Clone(info.GetMetadata())
	e.Ambiguous = metadata[keyAmbiguous] == "true"
	delete(metadata, keyAmbiguous)
	if len(metadata) > 0 {
		e.Metadata = metadata
	}
}

// codeName is the name google.rpc.Code gives to a code, for example NOT_FOUND.
func codeName(c codes.Code) string {
	if name, ok := code.Code_name[int32(min(c, math.MaxInt32))]; ok {
		return name
	}
	return code.Code_UNKNOWN.String()
}

// clip bounds a text and makes it encodable.
func clip(text string, limit int) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

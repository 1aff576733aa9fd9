// Package grpcerr carries errs.Error over gRPC: to a google.rpc.Status with details on the way out, and back without
// loss on the way in.
//
// It promises that nothing internal leaves the process: an error that is not an errs.Error becomes INTERNAL with a
// reference that is also in the log, and the causes of errs.Errors are dropped. Details are bounded in number and size,
// since they travel in trailers, which proxies limit.
package grpcerr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"github.com/low-layer/platform/libs/errs"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Domain is the domain of every ErrorInfo of the platform.
const Domain = "lowlayer.cloud"

// Reasons this package gives to errors that come without one.
const (
	ReasonCancelled       = "CANCELLED"
	ReasonDeadline        = "DEADLINE_EXCEEDED"
	ReasonUnimplemented   = "UNIMPLEMENTED"
	ReasonPeerUnavailable = "PEER_UNAVAILABLE"
)

// metadata keys that this package reads and writes itself.
const (
	keyReference = "reference"
	keyAmbiguous = "ambiguous"
)

// Bounds of what goes into the details of one status.
const (
	maxViolations  = 32
	maxDescription = 1024
	maxMessage     = 2048
)

// ToStatus is the status for any error, nil (which is OK) for none.
func ToStatus(err error) *status.Status {
	if err == nil {
		return nil
	}
	return Status(Mask(err), "")
}

// Mask is the part of an error that callers may see. An error that is no errs.Error, or is INTERNAL, gets a reference in
// its metadata; the cause, kept in Err, must be logged under it.
func Mask(err error) *errs.Error {
	if e, ok := errs.As(err); ok && e.Code != errs.CodeInternal {
		return e
	}
	switch st, isStatus := statusIn(err); {
	case errors.Is(err, context.Canceled):
		return errs.Wrap(err, errs.Canceled, ReasonCancelled, "the call was cancelled; repeat it if it is still wanted")
	case errors.Is(err, context.DeadlineExceeded):
		return errs.Wrap(err, errs.DeadlineExceeded, ReasonDeadline,
			"the call did not finish before its deadline; try again with a longer one")
	case isStatus:
		return maskStatus(st, err)
	}
	return refer(err)
}

// maskStatus is for statuses of other services that a handler passed on, and for those of generated code. Of a foreign
// status only the code is trusted: its text may hold addresses.
func maskStatus(st *status.Status, err error) *errs.Error {
	if e := decode(st); e != nil {
		e.Err = err
		return e
	}
	switch st.Code() {
	case codes.Canceled:
		return errs.Wrap(err, errs.Canceled, ReasonCancelled, "the call was cancelled; repeat it if it is still wanted")
	case codes.DeadlineExceeded:
		return errs.Wrap(err, errs.DeadlineExceeded, ReasonDeadline,
			"the call did not finish before its deadline; try again with a longer one")
	case codes.Unimplemented:
		return errs.Wrap(err, errs.Unimplemented, ReasonUnimplemented,
			"this server does not have that method; check the method's name and the server's version")
	case codes.Unavailable:
		return errs.Wrap(err, errs.Unavailable, ReasonPeerUnavailable,
			"a service this call needs cannot be reached; try again in a moment")
	}
	return refer(err)
}

// refer makes an INTERNAL error that a person can quote and an operator can find.
func refer(err error) *errs.Error {
	out := errs.Internal(err)
	if e, ok := errs.As(err); ok {
		copied := *e
		copied.Metadata = maps.Clone(e.Metadata)
		out = &copied
	}
	if out.Metadata[keyReference] == "" {
		out = out.With(keyReference, uuid.NewString())
	}
	return out
}

// Reference is the reference of a masked error, empty when it has none.
func Reference(e *errs.Error) string { return e.Metadata[keyReference] }

// Status encodes an error that may be shown. RequestInfo is left out when requestID is empty.
func Status(e *errs.Error, requestID string) *status.Status {
	st := status.New(codes.Code(e.Code), clip(e.Message, maxMessage))
	metadata := e.Metadata
	if e.Ambiguous {
		metadata = maps.Clone(metadata)
		if metadata == nil {
			metadata = make(map[string]string, 1)
		}
		metadata[keyAmbiguous] = "true"
	}
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{
		Reason: cmp.Or(e.Reason, codeName(codes.Code(e.Code))), Domain: Domain, Metadata: metadata,
	}}
	if len(e.Fields) > 0 {
		details = append(details, badRequest(e.Fields))
	}
	if len(e.Quota) > 0 {
		details = append(details, quotaFailure(e.Quota))
	}
	if e.Retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.Retry)})
	}
	if requestID != "" {
		details = append(details, &errdetails.RequestInfo{RequestId: requestID})
	}
	detailed, err := st.WithDetails(details...)
	if err != nil {
		// Only a text that is no UTF-8 cannot be encoded: the caller still gets code and message.
		return st
	}
	return detailed
}

func badRequest(fields []errs.Violation) *errdetails.BadRequest {
	out := &errdetails.BadRequest{}
	for i, f := range fields {
		if i == maxViolations {
			out.FieldViolations = append(out.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field:       f.Field,
				Description: fmt.Sprintf("and %d more fields; correct these first", len(fields)-maxViolations),
			})
			break
		}
		out.FieldViolations = append(out.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: clip(f.Field, maxDescription), Description: clip(f.Description, maxDescription),
		})
	}
	return out
}

func quotaFailure(quota []errs.QuotaViolation) *errdetails.QuotaFailure {
	out := &errdetails.QuotaFailure{}
	for _, q := range quota[:min(len(quota), maxViolations)] {
		out.Violations = append(out.Violations, &errdetails.QuotaFailure_Violation{
			Subject: clip(q.Subject, maxDescription), Description: clip(q.Description, maxDescription),
		})
	}
	return out
}

// Package errs is the one error type of the platform. It says what went wrong, which field or object it concerns and what
// to do about it, and it survives every hop: libs/grpcerr turns it into a google.rpc.Status and back without loss.
//
// The package imports the standard library only, so the domain can use it. An Error's Message, Metadata, Fields and Quota
// are shown to callers; Err, the internal cause, never is.
package errs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is the class of an error. The values are those of google.rpc.Code.
type Code uint32

// The codes in use; see google.rpc.Code for what each means.
const (
	Canceled           Code = 1
	Unknown            Code = 2
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	CodeNotFound       Code = 5
	AlreadyExists      Code = 6
	PermissionDenied   Code = 7
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Aborted            Code = 10
	OutOfRange         Code = 11
	Unimplemented      Code = 12
	CodeInternal       Code = 13
	Unavailable        Code = 14
	DataLoss           Code = 15
	Unauthenticated    Code = 16
)

// Reasons that are not tied to one resource.
const (
	ReasonInvalidFields   = "INVALID_FIELDS"
	ReasonEtagMismatch    = "ETAG_MISMATCH"
	ReasonRequestIDReused = "REQUEST_ID_REUSED"
	ReasonInternal        = "INTERNAL"
)

// Violation is one field that is not as it must be. Field is its path as the caller wrote it, for example
// `organisation.vpcs[1].cidr`; Description says what is wrong and what would be right.
type Violation struct {
	Field       string
	Description string
}

// QuotaViolation is one limit that is in the way. Subject is what is limited, for example `routers of project 3f…`.
type QuotaViolation struct {
	Subject     string
	Description string
}

// Error is an error with everything a caller needs to act on it.
type Error struct {
	// Code is its class.
	Code Code
	// Reason is one UPPER_SNAKE_CASE word that programs match on.
	Reason string
	// Message is for people and ends in what to do.
	Message string
	// Metadata is further facts, by lower_snake_case key.
	Metadata map[string]string
	// Fields are the fields at fault.
	Fields []Violation
	// Quota is the limits in the way.
	Quota []QuotaViolation
	// Retry is how long to wait before trying again; 0 when trying again is of no use by itself.
	Retry time.Duration
	// Ambiguous is true when the failed call may have been carried out all the same.
	Ambiguous bool
	// Err is the cause, for logs only.
	Err error
}

// Error is the reason, the message and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Reason)
	b.WriteString(": ")
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Field, f.Description)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// With adds one fact and returns the error itself.
func (e *Error) With(key, value string) *Error {
	if e.Metadata == nil {
		e.Metadata = make(map[string]string)
	}
	e.Metadata[key] = value
	return e
}

// New makes an error of any class.
func New(code Code, reason, format string, args ...any) *Error {
	return &Error{Code: code, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause.
func Wrap(err error, code Code, reason, format string, args ...any) *Error {
	e := New(code, reason, format, args...)
	e.Err = err
	return e
}

// Field says what is wrong with a field and what would be right.
func Field(path, format string, args ...any) Violation {
	return Violation{Field: path, Description: fmt.Sprintf(format, args...)}
}

// Invalid is INVALID_ARGUMENT with every field at fault.
func Invalid(fields ...Violation) *Error {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Field
	}
	return &Error{
		Code: InvalidArgument, Reason: ReasonInvalidFields, Fields: fields,
		Message: "correct these fields: " + strings.Join(names, ", "),
	}
}

// InvalidAs is Invalid with its own reason, for a field that programs handle.
func InvalidAs(reason string, field Violation) *Error {
	return &Error{
		Code: InvalidArgument, Reason: reason, Fields: []Violation{field},
		Message: field.Field + ": " + field.Description,
	}
}

// NotFound is NOT_FOUND with the reason `<KIND>_NOT_FOUND`. Kind is lower case, for example `vpc`; name is the full
// resource name. A resource that the caller may not see gets the very same error.
func NotFound(kind, name string) *Error {
	return New(CodeNotFound, reasonOf(kind)+"_NOT_FOUND", "there is no %s %q; check the name, or list the %ss of its parent",
		kind, name, kind).With("resource", name)
}

// Exists is ALREADY_EXISTS with the reason `<KIND>_EXISTS`.
func Exists(kind, name string) *Error {
	return New(AlreadyExists, reasonOf(kind)+"_EXISTS", "%s %q exists already; choose another id, or update the existing one",
		kind, name).With("resource", name)
}

// Failed is FAILED_PRECONDITION.
func Failed(reason, format string, args ...any) *Error {
	return New(FailedPrecondition, reason, format, args...)
}

// Stale is ABORTED for an etag that is not the current one.
func Stale(name string) *Error {
	return New(Aborted, ReasonEtagMismatch, "%q was changed since you read it; read it again and repeat the change on what you get",
		name).With("resource", name)
}

// Internal masks a cause that callers cannot act on.
func Internal(err error) *Error {
	return Wrap(err, CodeInternal, ReasonInternal, "internal error; try again, and report the request id if it stays")
}

// invalidField is an error of generated code, which cannot import this package.
type invalidField interface {
	error
	InvalidField() (reason, field, description string)
}

// As finds the Error in a chain. An error of package resourcename becomes one.
func As(err error) (*Error, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, true
	}
	if e, ok := errors.AsType[invalidField](err); ok {
		reason, field, description := e.InvalidField()
		return InvalidAs(reason, Violation{Field: field, Description: description}), true
	}
	return nil, false
}

// CodeOf is the class of an error, Unknown when it is none of ours and 0 when err is nil.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	if e, ok := As(err); ok {
		return e.Code
	}
	return Unknown
}

// ReasonOf is the reason of an error, empty when it is none of ours.
func ReasonOf(err error) string {
	if e, ok := As(err); ok {
		return e.Reason
	}
	return ""
}

// Fields collects the faults of an input, so that the caller gets all of them at once.
type Fields []Violation

// Add notes one field.
func (f *Fields) Add(path, format string, args ...any) {
	*f = append(*f, Field(path, format, args...))
}

// Err is nil when nothing was noted, and Invalid otherwise.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return Invalid(f...)
}

func reasonOf(kind string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "_", "-", "_").Replace(kind))
}

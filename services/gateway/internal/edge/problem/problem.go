// Package problem is the REST form of errors: application/problem+json (RFC 9457) with everything that the gRPC status of
// the same error has, and the page of its reason at the address in `type`.
//
// Every errs.Error has a form: an unknown reason takes the text of its class.
package problem

import (
	"math"
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/low-layer/platform/libs/errs"
)

// MediaType is what problems are served as.
const MediaType = "application/problem+json"

// Domain is where the reasons are defined; the same as in google.rpc.ErrorInfo.
const Domain = "lowlayer.cloud"

// Path is what the addresses of the pages of reasons begin with.
const Path = "/problems/"

// Problem is one error.
type Problem struct {
	// Type is the address of the page that explains the reason.
	Type string `json:"type"`
	// Title is the reason in words, the same for every occurrence.
	Title string `json:"title"`
	// Status is the HTTP status.
	Status int `json:"status"`
	// Detail is what happened this time, and what to do about it.
	Detail string `json:"detail"`
	// Instance is the request id.
	Instance string `json:"instance"`
	// Code is the class of the error, as google.rpc.Code names it.
	Code string `json:"code"`
	// Reason is one UPPER_SNAKE_CASE word that programs match on.
	Reason string `json:"reason"`
	// Domain is where the reason is defined.
	Domain string `json:"domain"`
	// Fields are the fields at fault.
	Fields []Field `json:"fields,omitempty"`
	// Quota are the limits in the way.
	Quota []Quota `json:"quota,omitempty"`
	// Metadata is further facts.
	Metadata map[string]string `json:"metadata,omitempty"`
	// RetryAfterSeconds is when trying again makes sense; 0 when it does not by itself.
	RetryAfterSeconds int `json:"retryAfterSeconds,omitempty"`
	// TraceID is the trace of the request.
	TraceID string `json:"traceId,omitempty"`
}

// Field is one field at fault.
type Field struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// Quota is one limit in the way.
type Quota struct {
	Subject     string `json:"subject"`
	Description string `json:"description"`
}

// New returns the REST form of an error. A status of 0 takes that of the reason.
func New(e *errs.Error, status int, requestID string) Problem {
	reason := e.Reason
	if reason == "" {
		reason = Code(e.Code)
	}
	if status == 0 {
		status = Status(e.Code, reason)
	}
	p := Problem{
		Type:     Path + reason,
		Title:    Lookup(reason, e.Code).Title,
		Status:   status,
		Detail:   e.Message,
		Instance: requestID,
		Code:     Code(e.Code),
		Reason:   reason,
		Domain:   Domain,
		Metadata: e.Metadata,
	}
	if e.Retry > 0 {
		p.RetryAfterSeconds = int(math.Ceil(e.Retry.Seconds()))
	}
	for _, f := range e.Fields {
		p.Fields = append(p.Fields, Field(f))
	}
	for _, q := range e.Quota {
		p.Quota = append(p.Quota, Quota(q))
	}
	return p
}

// statusClientClosed is what access logs know as "the client closed the request".
const statusClientClosed = 499

var statuses = map[errs.Code]int{
	errs.Canceled:           statusClientClosed,
	errs.Unknown:            http.StatusInternalServerError,
	errs.InvalidArgument:    http.StatusBadRequest,
	errs.DeadlineExceeded:   http.StatusGatewayTimeout,
	errs.CodeNotFound:       http.StatusNotFound,
	errs.AlreadyExists:      http.StatusConflict,
	errs.PermissionDenied:   http.StatusForbidden,
	errs.ResourceExhausted:  http.StatusTooManyRequests,
	errs.FailedPrecondition: http.StatusBadRequest,
	errs.Aborted:            http.StatusConflict,
	errs.OutOfRange:         http.StatusBadRequest,
	errs.Unimplemented:      http.StatusNotImplemented,
	errs.CodeInternal:       http.StatusInternalServerError,
	errs.Unavailable:        http.StatusServiceUnavailable,
	errs.DataLoss:           http.StatusInternalServerError,
	errs.Unauthenticated:    http.StatusUnauthorized,
}

// Status is the HTTP status of an error: that of its reason, else that of its class, as grpc-gateway and google.api define it.
func Status(c errs.Code, name string) int {
	if r, ok := table[name]; ok && r.Status != 0 && errs.Code(r.Code) == c {
		return r.Status
	}
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Code is the name of a class, as google.rpc.Code has it.
func Code(c errs.Code) string {
	if name, ok := code.Code_name[int32(min(c, math.MaxInt32))]; ok { //nolint:gosec // it is bounded
		return name
	}
	return code.Code_UNKNOWN.String()
}

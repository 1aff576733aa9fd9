package problem

import (
	"maps"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/errs"
)

// Reasons of errors that the edge itself finds.
const (
	RouteNotFound        = "ROUTE_NOT_FOUND"
	MethodNotAllowed     = "METHOD_NOT_ALLOWED"
	MethodNotFound       = "METHOD_NOT_FOUND"
	UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
	BodyTooLarge         = "BODY_TOO_LARGE"
	HeadersTooLarge      = "HEADERS_TOO_LARGE"
	RequestTimeout       = "REQUEST_TIMEOUT"
	InvalidHeader        = "INVALID_HEADER"
	PageTokenInvalid     = "PAGE_TOKEN_INVALID"
	ForeignSite          = "FOREIGN_SITE"
	RateLimited          = "RATE_LIMITED"
	TooManyWatches       = "TOO_MANY_WATCHES"
)

// Reason explains one word that errors carry.
type Reason struct {
	// Name is the word.
	Name string
	// Title is it in words.
	Title string
	// Code is the class of the errors that carry it.
	Code errs.Code
	// Meaning is what it says.
	Meaning string
	// Remedy is what to do.
	Remedy string
}

var table = index(slices.Concat(general, edge, tenancy, members, networking, operations, cloud, details, blocked, endings, access))

func index(all []Reason) map[string]Reason {
	out := make(map[string]Reason, len(all))
	for _, r := range all {
		out[r.Name] = r
	}
	return out
}

// Reasons are all that are known, by name.
func Reasons() []Reason {
	return slices.SortedFunc(maps.Values(table), func(a, b Reason) int { return strings.Compare(a.Name, b.Name) })
}

// Known finds a reason.
func Known(name string) (Reason, bool) {
	r, ok := table[name]
	return r, ok
}

// Lookup is Known with an answer for every word: that of its family (`DISK_NOT_FOUND`), or of its class.
func Lookup(name string, code errs.Code) Reason {
	if r, ok := table[name]; ok {
		return r
	}
	r, ok := table[Code(code)]
	if !ok {
		r = table[Code(errs.Unknown)]
	}
	for _, suffix := range []string{"_NOT_FOUND", "_EXISTS"} {
		if kind, found := strings.CutSuffix(name, suffix); found {
			r.Title = words(kind) + strings.ToLower(strings.ReplaceAll(suffix, "_", " "))
		}
	}
	r.Name = name
	return r
}

// words writes UPPER_SNAKE_CASE as people do.
func words(name string) string {
	s := strings.ToLower(strings.ReplaceAll(name, "_", " "))
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

var general = []Reason{
	{
		errs.ReasonInvalidFields, "Invalid fields", errs.InvalidArgument,
		"One or more fields of the request are not as they must be. `fields` lists each with what is wrong.",
		"Correct every field that is listed and send the request again. Nothing was changed.",
	},
	{
		errs.ReasonEtagMismatch, "Stale etag", errs.Aborted,
		"The resource was changed after you read it, so the etag you sent (in the body or as If-Match) is not the current one.",
		"Read the resource again, repeat your change on what you get, and send it with the new etag.",
	},
	{
		errs.ReasonRequestIDReused, "Request id used for another request", errs.AlreadyExists,
		"The request id (or Idempotency-Key) was used within the last 24 hours for a request with other content.",
		"Use a new id for a new request. To repeat the first request, send it exactly as it was.",
	},
	{
		errs.ReasonInternal, "Internal error", errs.CodeInternal,
		"Something went wrong inside the platform. The details are in its logs under the request id.",
		"Try again. If it stays, report the request id (`instance`) to the operator.",
	},
	{
		"CANCELLED", "Request cancelled", errs.Canceled,
		"The caller ended the request before it was answered.",
		"Send it again if it is still wanted; with the same request id when it changes something.",
	},
	{
		"DEADLINE_EXCEEDED", "Not answered in time", errs.DeadlineExceeded,
		"The service behind the edge did not answer in time. A change may have been accepted all the same.",
		"Send it again, with the same request id when it changes something, or look at the operations of the tenant.",
	},
	{
		"PEER_UNAVAILABLE", "Service unavailable", errs.Unavailable,
		"The service that answers this request cannot be reached at the moment. Other services are not affected.",
		"Try again after the time in Retry-After; with the same request id when it changes something.",
	},
	{
		"DATABASE_UNAVAILABLE", "Database unavailable", errs.Unavailable,
		"The database of the service that answers this request is away for a moment, as while it restarts.",
		"Try again after the time in Retry-After; with the same request id when it changes something.",
	},
	{
		"UNIMPLEMENTED", "Not available", errs.Unimplemented,
		"This installation does not have what was asked for.",
		"Check the name in the reference at /docs, and the version of the installation.",
	},
	{
		"UNKNOWN", "Unknown error", errs.Unknown,
		"A service failed without saying why.",
		"Try again. If it stays, report the request id (`instance`) to the operator.",
	},
	{
		"INVALID_ARGUMENT", "Invalid request", errs.InvalidArgument,
		"The request is not as it must be.", "Read `detail` and `fields`, correct the request and send it again.",
	},
	{
		"NOT_FOUND", "Not found", errs.CodeNotFound,
		"There is nothing with this name, or it is not yours to see.", "Check the name; list what its parent holds.",
	},
	{
		"ALREADY_EXISTS", "Exists already", errs.AlreadyExists,
		"There is something with this name already.", "Choose another id, or update what exists.",
	},
	{
		"PERMISSION_DENIED", "Not allowed", errs.PermissionDenied,
		"No role of the caller gives the permission that `metadata.permission` names. `metadata.roles` says which role on which resource would.",
		"Ask whoever manages the roles of that resource, for example an owner of the tenant. `POST /v1/authorization:whyDenied` answers the same for any permission.",
	},
	{
		"RESOURCE_EXHAUSTED", "Limit reached", errs.ResourceExhausted,
		"A limit is reached. `quota` says which.", "Wait as long as Retry-After says, free something, or ask for a higher limit.",
	},
	{
		"FAILED_PRECONDITION", "Not possible in this state", errs.FailedPrecondition,
		"What the request works on is in a state in which this is not possible.", "Read `detail` for what must be done first.",
	},
	{
		"ABORTED", "Conflict with another change", errs.Aborted,
		"Another change came between.", "Read the resource again and repeat the change.",
	},
	{
		"OUT_OF_RANGE", "Out of range", errs.OutOfRange,
		"A value lies outside of what is possible.", "Read `detail` for the range.",
	},
	{
		"UNAVAILABLE", "Unavailable", errs.Unavailable,
		"The service cannot answer at the moment.", "Try again after the time in Retry-After.",
	},
	{
		"DATA_LOSS", "Data lost", errs.DataLoss,
		"Data cannot be read any more.", "Report the request id (`instance`) to the operator.",
	},
	{
		"UNAUTHENTICATED", "Not signed in", errs.Unauthenticated,
		"The request does not say, or does not prove, who makes it.", "Sign in and send the token as `Authorization: Bearer …`.",
	},
}

var edge = []Reason{
	{
		RateLimited, "Too many calls", errs.ResourceExhausted,
		"The caller, the tenant, or the address that calls without a good token come from, has made as many calls of the kind as it may for now. " +
			"Nothing was done.",
		"Wait as long as `Retry-After` says and send it again. `RateLimit` in every answer says how much is left; the operator sets the budgets.",
	},
	{
		RouteNotFound, "No such path", errs.CodeNotFound,
		"The API has no such path.", "Compare the path with the reference at /docs; paths begin with /v1/ and have no slash at the end.",
	},
	{
		MethodNotAllowed, "Wrong HTTP method", errs.Unimplemented,
		"The path exists, but not with this HTTP method.", "Use one of the methods in the Allow header.",
	},
	{
		MethodNotFound, "No such RPC", errs.Unimplemented,
		"The edge serves no RPC of this name. RPCs between services are never served by it.",
		"List the services with `grpcurl -plaintext ADDRESS list` and compare the name.",
	},
	{
		UnsupportedMediaType, "Wrong content type", errs.InvalidArgument,
		"The body is not declared as JSON.", "Send the header `Content-Type: application/json` and a JSON body in UTF-8, not compressed.",
	},
	{
		BodyTooLarge, "Body too large", errs.InvalidArgument,
		"The body of the request is larger than 1 MiB.", "Send less in one request.",
	},
	{
		HeadersTooLarge, "Headers too large", errs.InvalidArgument,
		"The headers of the request are larger than the edge reads.", "Send fewer or shorter headers.",
	},
	{
		RequestTimeout, "Request not received in time", errs.DeadlineExceeded,
		"The body of the request did not arrive in time. Nothing was changed.", "Send it again over a connection that is fast enough.",
	},
	{
		ForeignSite, "Sent by another site", errs.PermissionDenied,
		"A page of another site sent the request through a browser, or the gateway was called by a name that is not its own.",
		"Call the API from a program, or from the explorer of this gateway, as localhost or by its loopback address.",
	},
	{
		InvalidHeader, "Invalid header", errs.InvalidArgument,
		"A header of the request is not as it must be, or contradicts the body.", "Read `fields` for which header, and correct it.",
	},
	{
		PageTokenInvalid, "Page token not valid", errs.InvalidArgument,
		"The page token was not made by this API, or for another list, filter or order.",
		"Begin with the first page, and send the token of each answer with the very same request.",
	},
}

var operations = []Reason{
	{
		"OPERATION_NOT_FOUND", "No such operation", errs.CodeNotFound,
		"There is no operation of this name, or it is not yours to see.", "List the operations of the tenant and check the name.",
	},
	{
		"OPERATION_DONE", "Operation has ended", errs.FailedPrecondition,
		"The operation has ended, so it cannot be cancelled.", "Read its response or error. Delete or change the resource to undo it.",
	},
}

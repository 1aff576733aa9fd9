package sim

import (
	"fmt"
	"net/http"
)

// service is one of the simulated APIs; it decides how an error is written.
type service string

const (
	keystone  service = "identity"
	neutron   service = "network"
	nova      service = "compute"
	placement service = "placement"
	glance    service = "image"
	cinder    service = "block-storage"
	unrouted  service = ""
)

// apiError is a response that is not a success, before it is dressed for a service.
type apiError struct {
	status  int
	kind    string // Neutron's exception class; empty elsewhere
	code    string // Placement's error code; empty elsewhere
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.kind, e.message) }

func failf(status int, format string, args ...any) *apiError {
	return &apiError{status: status, message: fmt.Sprintf(format, args...)}
}

// netFail names the Neutron exception class too, which clients tell errors apart by.
func netFail(status int, kind, format string, args ...any) *apiError {
	return &apiError{status: status, kind: kind, message: fmt.Sprintf(format, args...)}
}

func invalidInput(format string, args ...any) *apiError {
	return netFail(http.StatusBadRequest, "InvalidInput", "Invalid input for operation: %s.", fmt.Sprintf(format, args...))
}

func netBadRequest(format string, args ...any) *apiError {
	return netFail(http.StatusBadRequest, "HTTPBadRequest", format, args...)
}

func errUnauthenticated() *apiError {
	return failf(http.StatusUnauthorized, "The request you have made requires authentication.")
}

func errForbidden(action string) *apiError {
	return failf(http.StatusForbidden, "You are not authorized to perform the requested action: %s.", action)
}

func errMissing(kind, id string) *apiError {
	return failf(http.StatusNotFound, "Could not find %s: %s.", kind, id)
}

// body gives the error in the envelope of the service that raised it.
func (e *apiError) body(svc service, requestID string) any {
	if e.status == http.StatusUnauthorized {
		svc = keystone // the token is checked by Keystone's middleware in every service
	}
	switch svc {
	case neutron:
		kind := orDefault(e.kind, "HTTP"+compact(http.StatusText(e.status)))
		return map[string]any{"NeutronError": map[string]any{"type": kind, "message": e.message, "detail": ""}}
	case nova, cinder:
		return map[string]any{novaFault(e.status): map[string]any{"code": e.status, "message": e.message}}
	case placement:
		entry := map[string]any{
			"status": e.status, "title": http.StatusText(e.status),
			"detail": e.message, "request_id": requestID,
		}
		if e.code != "" {
			entry["code"] = e.code
		}
		return map[string]any{"errors": []any{entry}}
	default:
		return map[string]any{"error": map[string]any{
			"code": e.status, "message": e.message, "title": http.StatusText(e.status),
		}}
	}
}

func novaFault(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "badRequest"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "itemNotFound"
	case http.StatusConflict:
		return "conflictingRequest"
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return "overLimit"
	case http.StatusMethodNotAllowed:
		return "badMethod"
	case http.StatusServiceUnavailable:
		return "serviceUnavailable"
	default:
		return "computeFault"
	}
}

// compact turns a status text into the way an exception class spells it.
func compact(text string) string {
	out := make([]rune, 0, len(text))
	for _, r := range text {
		if r != ' ' && r != '-' {
			out = append(out, r)
		}
	}
	return string(out)
}

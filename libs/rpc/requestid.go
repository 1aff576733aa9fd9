package rpc

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
)

// requestIDKey is the metadata key, and the HTTP header, of request ids.
const requestIDKey = "x-request-id"

// maxRequestID bounds an id of a caller: it goes into logs, spans and headers of other systems.
const maxRequestID = 128

type requestIDContextKey struct{}

// RequestID is the id of the call that ctx belongs to: the caller's own when it sent one, else one made for it. It is
// empty outside of a call. Calls made with ctx carry it on.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDContextKey{}).(string)
	return id
}

// WithRequestID gives work that did not arrive as a call, such as a job, the id under which its calls go out.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDContextKey{}, id)
}

// NewRequestID makes an id in the form that OpenStack services also accept as a global request id.
func NewRequestID() string { return "req-" + uuid.NewString() }

// incomingRequestID takes the caller's id when it is one that can be logged and sent on as it is.
func incomingRequestID(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, requestIDKey); len(values) == 1 && ValidRequestID(values[0]) {
		return values[0]
	}
	return NewRequestID()
}

// ValidRequestID says whether an id can be logged and put into headers as it is: 1 to 128 letters, digits and `-_.:`.
func ValidRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && c != '-' && c != '_' && c != '.' && c != ':' {
			return false
		}
	}
	return true
}

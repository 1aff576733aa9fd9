package openstack

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Call is one HTTP exchange as it happened: a read that was repeated is several.
type Call struct {
	Service   string
	Method    string
	Path      string
	Status    int    // 0 without a response
	RequestID string // the cloud's id of the call, what its operator searches the logs for
	Duration  time.Duration
	Err       error
}

type (
	callsKey   struct{}
	requestKey struct{}
	timeoutKey struct{}
)

// WithCalls calls observe for every call made with the context, on the calling goroutine. Observers of outer contexts
// run too. Token calls are not observed: they serve many contexts.
func WithCalls(ctx context.Context, observe func(Call)) context.Context {
	if outer := observerOf(ctx); outer != nil {
		inner := observe
		observe = func(call Call) { inner(call); outer(call) }
	}
	return context.WithValue(ctx, callsKey{}, observe)
}

func observerOf(ctx context.Context) func(Call) {
	observe, _ := ctx.Value(callsKey{}).(func(Call))
	return observe
}

// unobserved keeps the trace of a context and nothing else of it: not its end, not its observers.
func unobserved(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), callsKey{}, (func(Call))(nil))
}

// WithGlobalRequestID sends id with every call made with the context. The logs of all OpenStack services then show which
// calls belong to one operation. OpenStack takes only `req-` and a UUID; any other id is mapped to one, always the same.
func WithGlobalRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, globalID(id))
}

// GlobalRequestID is the id sent with calls made with ctx, "" when none was set.
func GlobalRequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

func globalID(id string) string {
	const prefix = "req-"
	if len(id) == len(prefix)+36 && id[:len(prefix)] == prefix && uuid.Validate(id[len(prefix):]) == nil {
		return id
	}
	return prefix + uuid.NewSHA1(uuid.NameSpaceOID, []byte(id)).String()
}

// WithTimeout sets the limit of each single call made with the context, for example for the upload of an image.
func WithTimeout(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, timeoutKey{}, limit)
}

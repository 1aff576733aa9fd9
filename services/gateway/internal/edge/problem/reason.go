package problem

import (
	"strings"

	"github.com/low-layer/platform/gen/go/reason"
	"github.com/low-layer/platform/libs/errs"
)

// Reasons that the edge gives itself; proto/lowlayer/gateway/v1/reason.proto explains them.
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

var table = index(reason.All)

func index(all []reason.Reason) map[string]reason.Reason {
	out := make(map[string]reason.Reason, len(all))
	for _, r := range all {
		out[r.Name] = r
	}
	return out
}

// Known finds a reason.
func Known(name string) (reason.Reason, bool) {
	r, ok := table[name]
	return r, ok
}

// Lookup is Known for every word: an unknown one takes the title of its family (`DISK_NOT_FOUND`), or of its class.
func Lookup(name string, c errs.Code) reason.Reason {
	if r, ok := table[name]; ok {
		return r
	}
	r, ok := table[Code(c)]
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

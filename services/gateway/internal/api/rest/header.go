package rest

import (
	"net/http"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
)

// maxRequestID is the longest request_id the API takes.
const maxRequestID = 64

// Names of the headers that stand for fields.
const (
	idempotencyKey = "Idempotency-Key"
	ifMatch        = "If-Match"
	ifNoneMatch    = "If-None-Match"
	lastEventID    = "Last-Event-ID"
)

// headers reads the headers that stand for fields, and takes away those that grpc-gateway would act on by itself.
func headers(r *http.Request, c *call) *errs.Error {
	for _, unwanted := range []string{"X-Forwarded-For", "X-Forwarded-Host", "Grpc-Timeout", "Te"} {
		if _, ok := r.Header[unwanted]; ok {
			r.Header.Del(unwanted)
		}
	}
	// Reads have no use for a key, and some clients send one with everything.
	if c.route.Verb == http.MethodGet {
		c.ifNoneMatch = r.Header.Values(ifNoneMatch)
		if c.route.Streaming() {
			c.lastEventID = r.Header.Get(lastEventID)
		}
		return nil
	}
	if keys := r.Header.Values(idempotencyKey); len(keys) > 0 {
		if c.route.RequestID == nil {
			return header(idempotencyKey, "is not taken by this method, which may be repeated as it is; leave it out")
		}
		key, ok := ParseKey(keys)
		if !ok {
			return header(idempotencyKey, "must be one key of 1 to %d printable ASCII characters, bare or in quotes", maxRequestID)
		}
		c.idempotencyKey = key
	}
	if tags := r.Header.Values(ifMatch); len(tags) > 0 {
		return match(tags, c)
	}
	return nil
}

func match(tags []string, c *call) *errs.Error {
	if c.route.Etag == nil {
		return header(ifMatch, "is not taken by this method; leave it out")
	}
	tag := strings.TrimSpace(tags[0])
	if len(tags) > 1 || strings.Contains(tag, ",") {
		return header(ifMatch, "must hold one etag")
	}
	if tag == "*" {
		return nil
	}
	tag = unquote(tag)
	if tag == "" || !printable(tag) {
		return header(ifMatch, `must be an etag as the ETag header of a read gives it, in quotes, or *`)
	}
	c.ifMatch = tag
	return nil
}

func header(name, format string, args ...any) *errs.Error {
	return errs.InvalidAs(problem.InvalidHeader, errs.Field(name, format, args...))
}

// unquote takes the quotes and the mark of weakness off an etag. Ours are strong; proxies that compress weaken them.
func unquote(tag string) string {
	return strings.Trim(strings.TrimPrefix(strings.TrimSpace(tag), "W/"), `"`)
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '"' {
			return false
		}
	}
	return true
}

package rest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
)

// body is a request body that was read. The codec takes its bytes as they are.
type body struct {
	bytes.Reader
	data []byte
}

func (*body) Close() error { return nil }

// read takes in the body, within its limit, and checks that it is one the method takes.
func read(r *http.Request, c *call) (*errs.Error, int) {
	if c.route.BodyMessage != nil && r.Header.Get("Content-Type") != "" {
		if e := jsonOnly(r); e != nil {
			return e, http.StatusUnsupportedMediaType
		}
	}
	if r.ContentLength > MaxBody {
		return TooLarge(), http.StatusRequestEntityTooLarge
	}
	data, err := take(r.Body, r.ContentLength)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errs.Wrap(err, errs.DeadlineExceeded, problem.RequestTimeout,
			"the body did not arrive in time; send it again over a faster connection"), http.StatusRequestTimeout
	case err != nil:
		return errs.InvalidAs(errs.ReasonInvalidFields, errs.Field("body", "did not arrive whole; send the request again")), 0
	case len(data) > MaxBody:
		return TooLarge(), http.StatusRequestEntityTooLarge
	case len(data) == 0:
		r.Body = http.NoBody
		return nil, 0
	case c.route.BodyMessage == nil:
		return errs.Invalid(errs.Field("body", "is not taken by this method; send fields as query parameters")), 0
	}
	if e := jsonOnly(r); e != nil {
		return e, http.StatusUnsupportedMediaType
	}
	c.body = data
	b := &body{data: data}
	b.Reset(data)
	r.Body = b
	return nil, 0
}

// take reads one byte more than the limit at most.
func take(from io.Reader, length int64) ([]byte, error) {
	if length < 0 {
		return io.ReadAll(io.LimitReader(from, MaxBody+1)) //nolint:wrapcheck // classified by the caller
	}
	data := make([]byte, length)
	n, err := io.ReadFull(from, data)
	return data[:n], err //nolint:wrapcheck // classified by the caller
}

// TooLarge is the error of a request that is larger than MaxBody, over REST and gRPC.
func TooLarge() *errs.Error {
	return errs.New(errs.InvalidArgument, problem.BodyTooLarge,
		"the request is larger than %d bytes; send less in one request", MaxBody)
}

func jsonOnly(r *http.Request) *errs.Error {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	encoding := r.Header.Get("Content-Encoding")
	if err == nil && kind == "application/json" && (charset == "" || charset == "utf-8") && (encoding == "" || encoding == "identity") {
		return nil
	}
	return errs.New(errs.InvalidArgument, problem.UnsupportedMediaType,
		"the body must be JSON in UTF-8, not compressed; send the header Content-Type: application/json")
}

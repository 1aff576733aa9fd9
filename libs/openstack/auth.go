package openstack

import (
	"context"
	"net/http"
	"strings"
)

// authTransport sends calls with the session's token, and once more with a new one when the cloud refuses it.
type authTransport struct {
	session *session
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *authTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	used, err := t.session.current(req.Context())
	if err != nil {
		return nil, closeUnsent(req, err)
	}
	resp, err := t.next.RoundTrip(withToken(req, used))
	if misplaced(req.Context(), resp, err) {
		t.session.doubt(req.Context(), used)
	}
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	t.session.drop(used)
	again, ok := rewind(req)
	if !ok {
		return resp, nil
	}
	fresh, err := t.session.current(req.Context())
	if err != nil {
		return nil, closeUnsent(again, &notSentError{joinClose(err, resp)})
	}
	if err := drain(resp); err != nil {
		t.session.cloud.logger.DebugContext(req.Context(), "answer was not read to its end", "error", err)
	}
	return t.next.RoundTrip(withToken(again, fresh))
}

// misplaced is true of a failure that a moved endpoint explains: no connection, or the page of a proxy.
func misplaced(ctx context.Context, resp *http.Response, err error) bool {
	if err != nil {
		return ctx.Err() == nil
	}
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return !strings.Contains(resp.Header.Get("Content-Type"), "json")
	}
	return false
}

func withToken(req *http.Request, t *token) *http.Request {
	own := req.Clone(req.Context())
	own.Header.Set("X-Auth-Token", t.id)
	return own
}

// rewind is the request with its body at the start again; it cannot be had for a body that is a stream.
func rewind(req *http.Request) (*http.Request, bool) {
	again := req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return again, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	again.Body = body
	return again, true
}

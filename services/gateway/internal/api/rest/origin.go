package rest

import (
	"net"
	"net/http"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/loopback"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
)

// crossOrigin refuses changes by pages of other sites, which a browser sends with its user's rights.
var crossOrigin = http.NewCrossOriginProtection()

// ownSite refuses requests of other sites' pages in the caller's browser: changes by their origin, and every request
// under a foreign name that points at this machine. The name matters only without authentication: a page cannot know a
// caller's token.
func (h *Handler) ownSite(r *http.Request) *errs.Error {
	if !h.cfg.Gate.Guarded() && !loopbackName(r.Host) {
		return errs.New(errs.PermissionDenied, problem.ForeignSite,
			"the gateway is not %q; call it as localhost or by its loopback address", r.Host)
	}
	if err := crossOrigin.Check(r); err != nil {
		return errs.Wrap(err, errs.PermissionDenied, problem.ForeignSite,
			"a page of another site sent this request; call the API from a program, or from the explorer of this gateway")
	}
	return nil
}

// loopbackName is true for names that always point at this machine.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return loopback.Host(host)
}

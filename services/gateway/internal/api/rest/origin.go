package rest

import (
	"net"
	"net/http"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/loopback"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
)

// crossOrigin lets no page of another site change anything: a browser sends such requests from whoever has that page open.
var crossOrigin = http.NewCrossOriginProtection()

// ownSite refuses what a page of another site sent through the caller's browser: changes by their origin, and everything
// under a name that somebody has pointed at this machine. The name matters only where nobody is authenticated: a page cannot
// know a caller's token.
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

// loopbackName is true for the names that nobody else can point at this machine.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return loopback.Host(host)
}

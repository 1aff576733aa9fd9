package problem

import "github.com/low-layer/platform/libs/errs"

// Reasons of callers that are not let in, or not let do it.
var access = []Reason{
	{
		"TOKEN_MISSING", "Not logged in", errs.Unauthenticated,
		"The request carries no access token.", "Log in with `lowlayer login`, and send the token as `Authorization: Bearer …`.",
	},
	{
		"TOKEN_EXPIRED", "Login has expired", errs.Unauthenticated,
		"The access token was good and has come to its end.", "Log in again with `lowlayer login`; programs get a new token from the identity provider.",
	},
	{
		"TOKEN_INVALID", "Not a token of this platform", errs.Unauthenticated,
		"What was sent is not an access token that this platform's identity provider signed for it, or its key was taken back. " +
			"More is not said, and is in the log of the service under the request id.",
		"Log in with `lowlayer login`. Send exactly one `Authorization` header, with an access token and not an ID or refresh token.",
	},
	{
		"STEP_UP_REQUIRED", "Second factor needed", errs.Unauthenticated,
		"What cannot be undone, and what concerns credentials, needs a login that was confirmed by a second factor in the last 15 minutes. Your role allows it.",
		"Run `lowlayer login --mfa` and repeat the request. Programs cannot do this; let a person do it.",
	},
	{
		"PERMISSION_UNKNOWN", "No such permission", errs.InvalidArgument,
		"No method needs a permission of this name.", "Take the name from the error that refused the call, or from `x-lowlayer-permission` in the OpenAPI document.",
	},
	{
		"IDENTITY_UNAVAILABLE", "Identity provider unavailable", errs.Unavailable,
		"The service has not reached the identity provider since it started, so it cannot verify tokens yet.",
		"Try again after the time in Retry-After. If it stays, the operator must look at the service's `ISSUER` and `JWKS_URL`.",
	},
	{
		"PEER_NOT_ALLOWED", "Not for this service", errs.PermissionDenied,
		"A service of the platform called what its certificate does not let it call.",
		"The operator looks at which certificate the caller has in its `TLS_DIR`; a new call between services is listed in the rule of the RPC.",
	},
}

package identity

import (
	"errors"
	"strings"
)

const scheme = "bearer "

var (
	errSeveral = errors.New("more than one authorization header")
	errScheme  = errors.New("the authorization header is not a bearer token")
)

// Bearer is the token in the values of the authorization header. Two headers are no token: which of them another hop would
// take cannot be known.
func Bearer(headers []string) (string, error) {
	switch {
	case len(headers) == 0 || (len(headers) == 1 && headers[0] == ""):
		return "", missing()
	case len(headers) > 1:
		return "", invalid(errSeveral)
	}
	h := headers[0]
	if len(h) <= len(scheme) || !strings.EqualFold(h[:len(scheme)], scheme) {
		return "", invalid(errScheme)
	}
	token := h[len(scheme):]
	if strings.ContainsAny(token, " \t,") {
		return "", invalid(errScheme)
	}
	return token, nil
}

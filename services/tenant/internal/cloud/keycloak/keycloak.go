// Package keycloak is the user directory in a realm of Keycloak, through gocloak.
//
// It promises what core/directory does. It logs in as the confidential client it is given, whose token lives for minutes and
// is fetched again before it ends or when it is refused. Refusals for want of a role are DIRECTORY_FORBIDDEN: the operator
// must act, see libs/realm for the roles.
package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Nerzal/gocloak/v14"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

// Config is the address of a Keycloak, and the client to call it as.
type Config struct {
	URL, Realm, ClientID, ClientSecret string
	// Mail makes Keycloak invite new people by mail; without it they get a password to hand over.
	Mail bool
	// Timeout bounds each call; 5 s when zero.
	Timeout time.Duration
	Clock   clock.Clock
}

// Directory implements usecase.Directory.
type Directory struct {
	cfg    Config
	client *gocloak.GoCloak
	http   *http.Transport

	mu    sync.Mutex
	token string
	until time.Time
}

// version keeps gocloak from reading the server's version, which needs a role of administrators.
const version = "26.7.4"

// New makes a directory. It makes no call.
func New(cfg Config) *Directory {
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	d := &Directory{cfg: cfg, client: gocloak.NewClient(cfg.URL, gocloak.SetServerVersion(version)), http: &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute,
	}}
	d.client.RestyClient().SetTransport(d.http).SetTimeout(cfg.Timeout)
	return d
}

// Close closes idle connections.
func (d *Directory) Close() { d.http.CloseIdleConnections() }

// early is how long before its end a token is replaced.
const early = 20 * time.Second

func (d *Directory) login(ctx context.Context, refused string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token != "" && d.token != refused && d.cfg.Clock.Now().Before(d.until) {
		return d.token, nil
	}
	jwt, err := d.client.LoginClient(ctx, d.cfg.ClientID, d.cfg.ClientSecret, d.cfg.Realm)
	if err != nil {
		if statusOf(err) == http.StatusNotFound { // the absence of the realm says nothing about the object
			err = fmt.Errorf("%w: no realm %q", errElsewhere, d.cfg.Realm)
		}
		return "", err
	}
	d.token = jwt.AccessToken
	d.until = d.cfg.Clock.Now().Add(max(time.Duration(jwt.ExpiresIn)*time.Second-early, 0))
	return d.token, nil
}

// call runs one request with a token, and once more with a new token when Keycloak refuses it.
func (d *Directory) call(ctx context.Context, what string, do func(token string) error) error {
	token, err := d.login(ctx, "")
	if err == nil {
		err = do(token)
		if statusOf(err) == http.StatusUnauthorized {
			if token, err = d.login(ctx, token); err == nil {
				err = do(token)
			}
		}
	}
	return classify(what, err)
}

func statusOf(err error) int {
	var e *gocloak.APIError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// errElsewhere is a 404 of a proxy, or about the realm. Taken for the absence of the object, it would end everybody's roles.
var errElsewhere = errors.New("the address or the realm is not the platform's")

// toldByKeycloak reports whether a response holds Keycloak's own words, which gocloak puts behind the status.
func toldByKeycloak(err error) bool {
	var e *gocloak.APIError
	if !errors.As(err, &e) {
		return false
	}
	_, words, told := strings.Cut(e.Message, ": ")
	return told && words != "" && !strings.Contains(words, "Realm")
}

// query matches the query of an address in an error's text; it may hold an e-mail address.
var query = regexp.MustCompile(`\?[^\s"]*`)

// classify gives an error its code and reason. Keycloak's own words stay inside: they may name users of other tenants.
func classify(what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errs.As(err); ok {
		return e
	}
	if statusOf(err) == http.StatusNotFound && !toldByKeycloak(err) {
		err = errElsewhere
	}
	if errors.Is(err, errElsewhere) {
		e := errs.Wrap(err, errs.Unavailable, directory.ReasonUnavailable, "%s: the response is not from the realm of the platform; "+
			"the operator checks LOWLAYER_TENANT_KEYCLOAK_URL and LOWLAYER_TENANT_KEYCLOAK_REALM", what)
		e.Retry = 5 * time.Second
		return e
	}
	switch statusOf(err) {
	case http.StatusNotFound:
		return errs.Wrap(err, errs.CodeNotFound, "DIRECTORY_OBJECT_NOT_FOUND", "%s: Keycloak does not have it", what)
	case http.StatusConflict:
		return errs.Wrap(err, errs.AlreadyExists, "DIRECTORY_OBJECT_EXISTS", "%s: Keycloak has it already", what)
	case http.StatusUnauthorized, http.StatusForbidden:
		return errs.Wrap(err, errs.FailedPrecondition, "DIRECTORY_FORBIDDEN",
			"%s: Keycloak refuses the platform; the operator checks LOWLAYER_TENANT_KEYCLOAK_CLIENT_SECRET and the client's roles", what)
	case http.StatusBadRequest:
		return errs.Wrap(err, errs.InvalidArgument, "DIRECTORY_REFUSED", "%s: Keycloak does not accept this; check the e-mail address and names", what)
	}
	e := errs.Wrap(errors.New(query.ReplaceAllString(err.Error(), "")), errs.Unavailable, directory.ReasonUnavailable, "%s: Keycloak does not respond; try again, with the same request id", what)
	e.Retry = 5 * time.Second
	return e
}

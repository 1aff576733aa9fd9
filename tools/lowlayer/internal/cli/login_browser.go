package cli

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/low-layer/platform/libs/realm"
)

// browserWait is the time limit of a login in the browser.
const browserWait = 5 * time.Minute

// browserLogin logs in through this machine's browser, which comes back to an address on loopback. Unlike the device flow it
// can ask for the second level.
func (a *app) browserLogin(ctx context.Context, cfg *oauth2.Config, noBrowser bool) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, browserWait)
	defer cancel()
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the browser: %w", err)
	}
	back, err := url.Parse(realm.Callback)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	back.Host = l.Addr().String()
	cfg.RedirectURL = back.String()

	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	answers := make(chan url.Values, 1)
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: callback(back.Path, state, answers)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l) // it ends when it is closed; the wait reports a browser that does not come back
	}()
	defer func() {
		_ = srv.Close() // the browser has its response
		<-served
	}()
	address := cfg.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("acr_values", "2"))
	_, _ = fmt.Fprintf(a.streams.Err, "Open %s\n", address)
	if !noBrowser && a.terminal() {
		_ = openBrowser(ctx, address) // the address stands above
	}
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the browser: %w", ctx.Err())
	case q := <-answers:
		if q.Get("error") != "" {
			return nil, fmt.Errorf("log in: %s: %s", q.Get("error"), q.Get("error_description"))
		}
		token, err := cfg.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			return nil, loginError(err)
		}
		return token, nil
	}
}

// callback takes the first request that knows the state; other requests on this port are not from our browser.
func callback(path, state string, answers chan<- url.Values) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != path || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			http.NotFound(w, r)
			return
		}
		select {
		case answers <- q:
		default:
		}
		_, _ = fmt.Fprintln(w, "You are logged in. You may close this page and go back to the terminal.")
	})
}

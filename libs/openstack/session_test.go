package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
)

// getNetwork is a read through gophercloud.
func getNetwork(ctx context.Context, c *openstack.Client) error {
	net, err := c.Network(ctx)
	if err != nil {
		return err
	}
	return networks.Get(ctx, net, "n1").Err
}

func createNetwork(ctx context.Context, c *openstack.Client) error {
	net, err := c.Network(ctx)
	if err != nil {
		return err
	}
	return networks.Create(ctx, net, networks.CreateOpts{Name: "a"}).Err
}

func TestNewMakesNoCall(t *testing.T) {
	f := newFakeCloud(t)
	f.client(t)
	if n := len(f.tokens()); n != 0 {
		t.Fatalf("%d tokens", n)
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	for name, cfg := range map[string]openstack.Config{
		"no file":  {CloudsFile: "/nonexistent/clouds.yaml", Cloud: "test"},
		"no cloud": {CloudsFile: "/nonexistent/clouds.yaml"},
	} {
		if _, err := openstack.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestServicesAndTheirPaths(t *testing.T) {
	f := newFakeCloud(t)
	c := f.client(t)
	for want, get := range map[string]func(context.Context) (string, error){
		"/identity/v3/": func(ctx context.Context) (string, error) {
			s, err := c.Identity(ctx)
			return s.ResourceBaseURL(), err
		},
		"/network/v2.0/": func(ctx context.Context) (string, error) {
			s, err := c.Network(ctx)
			return s.ResourceBaseURL(), err
		},
		"/compute/v2.1/": func(ctx context.Context) (string, error) {
			s, err := c.Compute(ctx)
			return s.ResourceBaseURL() + s.Microversion[:0], err
		},
		"/image/v2/": func(ctx context.Context) (string, error) { s, err := c.Image(ctx); return s.ResourceBaseURL(), err },
		"/placement/": func(ctx context.Context) (string, error) {
			s, err := c.Placement(ctx)
			return s.ResourceBaseURL(), err
		},
	} {
		got, err := get(t.Context())
		if err != nil || got != f.URL+want {
			t.Errorf("%s: got %s, %v", want, got, err)
		}
	}
	if n := len(f.tokens()); n != 1 {
		t.Errorf("%d tokens for five services", n)
	}
	if calls := f.seen(); len(calls) != 0 {
		t.Errorf("finding endpoints made calls: %v", calls)
	}
}

func TestOneTokenForManyCallsAtOnce(t *testing.T) {
	f := newFakeCloud(t)
	release := make(chan struct{})
	f.onToken = func(int) int { <-release; return 0 }
	c := f.client(t)
	var wg sync.WaitGroup
	results := make(chan error, 50)
	for range 50 {
		wg.Go(func() { results <- getNetwork(t.Context(), c) })
	}
	close(release)
	wg.Wait()
	close(results)
	for err := range results {
		if err != nil {
			t.Error(err)
		}
	}
	if n := len(f.tokens()); n != 1 {
		t.Fatalf("%d tokens", n)
	}
}

func TestTokenIsRenewedAheadWhileCallsGoOn(t *testing.T) {
	f := newFakeCloud(t)
	c := f.client(t)
	if err := getNetwork(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(tokenLife - 5*time.Minute) // renewal is due, the token still good
	asked, release := make(chan struct{}, 10), make(chan struct{})
	f.mu.Lock()
	f.onToken = func(int) int { asked <- struct{}{}; <-release; return 0 }
	f.mu.Unlock()
	for range 3 {
		if err := getNetwork(t.Context(), c); err != nil { // no call waits for Keystone
			t.Fatal(err)
		}
	}
	<-asked
	close(release)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(10 * time.Second); ; {
		if err := getNetwork(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		last := f.calls[len(f.calls)-1].Header.Get("X-Auth-Token")
		f.mu.Unlock()
		if last == "token-2" {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("calls still go with %s", last)
		case <-ticker.C:
		}
	}
	if n := len(f.tokens()); n != 2 {
		t.Fatalf("%d tokens", n)
	}
}

func TestRenewalThatFailsIsNotAskedForByEveryCall(t *testing.T) {
	f := newFakeCloud(t)
	c := f.client(t)
	if err := getNetwork(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(tokenLife - 5*time.Minute)
	f.onToken = func(int) int { return http.StatusInternalServerError }
	for range 20 {
		if err := getNetwork(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(f.tokens()); n > 2 {
		t.Fatalf("%d tokens asked for", n)
	}
	f.clock.Advance(5 * time.Minute) // now it is dead, and calls fail with what Keystone said
	e := openstack.Classify(createNetwork(t.Context(), c))
	if e == nil || e.Reason != openstack.ReasonUnavailable || e.Ambiguous {
		t.Fatalf("got %v", e)
	}
}

func TestRefusedTokenIsReplacedOnceAndTheWriteRepeated(t *testing.T) {
	f := newFakeCloud(t)
	c := f.client(t)
	if err := getNetwork(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	f.revoke("token-1")
	var bodies []string
	f.onCall = func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 200)
		n, _ := r.Body.Read(body)
		bodies = append(bodies, string(body[:n]))
		answer(w, http.StatusCreated, `{"network": {"id": "n2"}}`)
	}
	if err := createNetwork(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if n := len(f.tokens()); n != 2 {
		t.Fatalf("%d tokens", n)
	}
	if len(bodies) != 1 || !strings.Contains(bodies[0], `"name":"a"`) {
		t.Fatalf("bodies carried out: %q", bodies)
	}
}

func TestManyRefusedCallsShareOneNewToken(t *testing.T) {
	f := newFakeCloud(t)
	c := f.client(t)
	if err := getNetwork(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	f.revoke("token-1")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := getNetwork(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(f.tokens()); n != 2 {
		t.Fatalf("%d tokens", n)
	}
}

func TestRefusedForGoodEndsAfterOneRepetition(t *testing.T) {
	f := newFakeCloud(t)
	for i := range 9 {
		f.revoke(fmt.Sprintf("token-%d", i))
	}
	err := createNetwork(t.Context(), f.client(t))
	e := openstack.Classify(err)
	if e == nil || e.Reason != openstack.ReasonUnauthenticated || e.Ambiguous {
		t.Fatalf("got %v", err)
	}
	if n := len(f.seen()); n != 2 {
		t.Fatalf("%d calls", n)
	}
}

func TestWrongPassword(t *testing.T) {
	f := newFakeCloud(t)
	f.onToken = func(int) int { return http.StatusUnauthorized }
	err := createNetwork(t.Context(), f.client(t))
	e := openstack.Classify(err)
	if e == nil || e.Reason != openstack.ReasonUnauthenticated || e.Ambiguous || e.Code != errs.FailedPrecondition {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("the password is told: %v", err)
	}
}

func TestCancelledCallerDoesNotFailTheOthers(t *testing.T) {
	f := newFakeCloud(t)
	asked, release := make(chan struct{}, 10), make(chan struct{})
	f.onToken = func(int) int { asked <- struct{}{}; <-release; return 0 }
	c := f.client(t)
	first, cancel := context.WithCancel(t.Context())
	firstDone, secondDone := make(chan error, 1), make(chan error, 1)
	go func() { firstDone <- getNetwork(first, c) }()
	<-asked // the flight is the first caller's doing
	go func() { secondDone <- getNetwork(t.Context(), c) }()
	cancel()
	if err := <-firstDone; !errors.Is(err, context.Canceled) {
		t.Fatalf("first: %v", err)
	}
	close(release)
	if err := <-secondDone; err != nil {
		t.Fatalf("second: %v", err)
	}
	if n := len(f.tokens()); n != 1 {
		t.Fatalf("%d tokens", n)
	}
}

func TestWith(t *testing.T) {
	f := newFakeCloud(t)
	c := f.client(t)
	for name, test := range map[string]struct {
		credentials openstack.Credentials
		method      string
		scope       string
	}{
		"application credential":   {openstack.Credentials{ApplicationCredentialID: "ac", ApplicationCredentialSecret: "x", ProjectID: "ignored"}, "application_credential", ""},
		"user by id for a project": {openstack.Credentials{UserID: "u", Password: "x", ProjectID: "p"}, "password", `{"project":{"id":"p"}}`},
		"user by name for domain":  {openstack.Credentials{Username: "n", UserDomainID: "d", Password: "x", DomainID: "d"}, "password", `{"domain":{"id":"d"}}`},
		"same user for a project":  {openstack.Credentials{ProjectID: "p9"}, "password", `{"project":{"id":"p9"}}`},
		"same user for the system": {openstack.Credentials{System: true}, "password", `{"system":{"all":true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(f.tokens())
			for range 2 { // the second finds the token of the first
				if _, err := c.With(test.credentials).Whoami(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			tokens := f.tokens()[before:]
			if len(tokens) != 1 {
				t.Fatalf("%d tokens", len(tokens))
			}
			auth := tokens[0].Auth
			if !slices.Equal(auth.Identity.Methods, []string{test.method}) || string(auth.Scope) != test.scope {
				t.Fatalf("asked with %v for %s", auth.Identity.Methods, auth.Scope)
			}
			if name[:4] == "same" && (auth.Identity.Password.User.Name != "admin" || auth.Identity.Password.User.Password != "s3cret") {
				t.Fatalf("asked as %+v", auth.Identity.Password.User)
			}
		})
	}
}

func TestWhoami(t *testing.T) {
	f := newFakeCloud(t)
	who, err := f.client(t).Whoami(t.Context())
	if err != nil || who.UserID != "u1" || who.ProjectID != "p1" || who.DomainID != "d1" || !slices.Equal(who.Roles, []string{"admin"}) {
		t.Fatalf("got %+v, %v", who, err)
	}
}

func TestCredentialsHideTheirSecrets(t *testing.T) {
	c := openstack.Credentials{UserID: "u", Password: "topsecret", ApplicationCredentialSecret: "topsecret"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "credentials", c)
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s", c, c, c), log.String()} {
		if strings.Contains(text, "topsecret") {
			t.Errorf("told: %s", text)
		}
	}
}

func TestServiceThatIsNotInTheCatalogue(t *testing.T) {
	f := newFakeCloud(t)
	t.Setenv("OS_REGION_NAME", "Two")
	_, err := f.client(t).Network(t.Context())
	e := openstack.Classify(err)
	if e == nil || e.Reason != openstack.ReasonServiceMissing || !strings.Contains(e.Message, "Two") || e.Ambiguous {
		t.Fatalf("got %v", err)
	}
}

// A request for a token says nothing of the object of a call: a 404 of Keystone's path is no missing object.
func TestToken_refusedRequest_isClassifiedAsLogin(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusBadRequest: openstack.ReasonUnauthenticated, http.StatusUnauthorized: openstack.ReasonUnauthenticated,
		http.StatusForbidden: openstack.ReasonForbidden, http.StatusNotFound: openstack.ReasonUnavailable,
		http.StatusConflict: openstack.ReasonUnavailable, http.StatusServiceUnavailable: openstack.ReasonUnavailable,
	} {
		f := newFakeCloud(t)
		f.onToken = func(int) int { return status }
		e := openstack.Classify(createNetwork(t.Context(), f.client(t)))
		if e == nil || e.Reason != want || e.Ambiguous || e.Metadata[openstack.MetaStatus] == "" {
			t.Errorf("status %d: got %+v, want %s", status, e, want)
		}
	}
}

func TestCatalogue_serviceAddedLater_isFoundWithoutRestart(t *testing.T) {
	f := newFakeCloud(t)
	f.lacksNetwork = true
	c := f.client(t)
	if _, err := c.Network(t.Context()); openstack.Classify(err).Reason != openstack.ReasonServiceMissing {
		t.Fatalf("got %v", err)
	}
	f.mu.Lock()
	f.lacksNetwork = false
	f.mu.Unlock()
	f.clock.Advance(time.Minute)
	if _, err := c.Network(t.Context()); err != nil {
		t.Errorf("after the catalogue was mended: %v", err)
	}
}

func TestIdentityCallsCarryTheToken(t *testing.T) {
	f := newFakeCloud(t)
	f.onCall = func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusCreated, `{"project": {"id": "p2", "name": "x"}}`)
	}
	id, err := f.client(t).Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := projects.Create(t.Context(), id, projects.CreateOpts{Name: "x"}).Extract()
	if err != nil || p.ID != "p2" {
		t.Fatalf("got %v, %v", p, err)
	}
	if got := f.seen(); len(got) != 1 || got[0] != "POST /identity/v3/projects" {
		t.Fatalf("calls: %v", got)
	}
}

// Keystone writes the end of a token that ends with its application credential without a zone.
func TestTokenThatEndsWithItsCredential(t *testing.T) {
	f := newFakeCloud(t)
	f.expiryForm = "2006-01-02T15:04:05"
	if err := getNetwork(t.Context(), f.client(t)); err != nil {
		t.Fatal(err)
	}
}

package identity_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/identity/identitytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestVerify_goodToken_namesItsPrincipal(t *testing.T) {
	i := identitytest.New(t)
	v := i.Verifier(t)
	p, err := v.Verify(t.Context(), i.Token(t, "otto", []string{"/tenants/acme/operator"}, identitytest.SteppedUp(), claims{"aud": []string{"x", identitytest.Audience}}))
	if err != nil {
		t.Fatal(err)
	}
	if p.Subject != "otto" || p.Issuer != i.URL || p.Email != "otto@example.test" || p.Name != "otto" || !slices.Equal(p.Groups, []string{"/tenants/acme/operator"}) ||
		p.ACR != "2" || !p.SteppedUp(time.Now()) || p.ServiceAccount || p.AuthTime.IsZero() || time.Until(p.Expiry) < 59*time.Minute {
		t.Errorf("got %+v", p)
	}
	for name, c := range map[string]struct {
		change  claims
		stepped bool
		service bool
	}{
		"a password":            {claims{}, false, false},
		"otp among means":       {claims{"amr": []string{"pwd", "otp"}}, true, false},
		"otp a while ago":       {claims{"acr": "2", "amr": []string{"pwd", "otp"}, "auth_time": time.Now().Add(-14 * time.Minute).Unix()}, true, false},
		"otp long ago":          {claims{"acr": "2", "amr": []string{"pwd", "otp"}, "auth_time": time.Now().Add(-16 * time.Minute).Unix()}, false, false},
		"otp nobody knows when": {claims{"acr": "2", "amr": []string{"pwd", "otp"}, "auth_time": nil}, false, false},
		"a service account":     {claims{"client_id": "ci", "preferred_username": "service-account-ci", "acr": nil, "amr": nil, "auth_time": nil}, false, true},
		"a user called so":      {claims{"preferred_username": "service-account-ci"}, false, false},
	} {
		p, err := v.Verify(t.Context(), i.Token(t, "x", nil, c.change))
		if err != nil || p.SteppedUp(time.Now()) != c.stepped || p.ServiceAccount != c.service || p.Groups != nil {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
	}
}

func TestBearer(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		token   string
		reason  string
	}{
		"none":             {nil, "", identity.ReasonMissing},
		"empty":            {[]string{""}, "", identity.ReasonMissing},
		"good":             {[]string{"Bearer t"}, "t", ""},
		"in another case":  {[]string{"bEARER t"}, "t", ""},
		"basic":            {[]string{"Basic dTpw"}, "", identity.ReasonInvalid},
		"scheme alone":     {[]string{"Bearer "}, "", identity.ReasonInvalid},
		"no scheme":        {[]string{"t"}, "", identity.ReasonInvalid},
		"two headers":      {[]string{"Bearer t", "Bearer u"}, "", identity.ReasonInvalid},
		"two in one":       {[]string{"Bearer t, Bearer u"}, "", identity.ReasonInvalid},
		"two spaces":       {[]string{"Bearer  t"}, "", identity.ReasonInvalid},
		"the same twice":   {[]string{"Bearer t", "Bearer t"}, "", identity.ReasonInvalid},
		"something behind": {[]string{"Bearer t x"}, "", identity.ReasonInvalid},
	} {
		token, err := identity.Bearer(c.headers)
		if token != c.token || errs.ReasonOf(err) != c.reason {
			t.Errorf("%s: got %q, %v", name, token, err)
		}
	}
}

func TestContext(t *testing.T) {
	if _, ok := identity.From(t.Context()); ok {
		t.Error("there is a principal in an empty context")
	}
	if _, ok := identity.From(identity.With(t.Context(), nil)); ok {
		t.Error("nobody is a principal")
	}
	want := &identity.Principal{Subject: "s"}
	if got, ok := identity.From(identity.With(t.Context(), want)); !ok || got != want {
		t.Errorf("got %v", got)
	}
}

func TestVerify_clockSkew_isAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := identitytest.New(t)
		v := i.Verifier(t)
		near := identity.Leeway - time.Second
		for name, c := range map[string]claims{
			"expired":    {"exp": i.Now().Add(-near).Unix()},
			"not yet":    {"nbf": i.Now().Add(near).Unix()},
			"not issued": {"iat": i.Now().Add(near).Unix()},
			"nbf zero":   {"nbf": 0},
		} {
			if _, err := v.Verify(t.Context(), i.Token(t, name, nil, c)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		token := i.Token(t, "otto", nil, claims{"exp": i.Now().Add(time.Minute).Unix()})
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute + identity.Leeway) // of the bubble\'s clock
		if _, err := v.Verify(t.Context(), token); errs.ReasonOf(err) != identity.ReasonExpired {
			t.Errorf("a token that was remembered outlives its end: %v", err)
		}
	})
}

// A token of a new key works at once, at all services, while the others still hold the old key.
func TestVerify_rotationUnderLoad_failsNoCaller(t *testing.T) {
	i := identitytest.New(t)
	v := i.Verifier(t)
	var failed, done atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	token := atomic.Pointer[string]{}
	first := i.Token(t, "user", nil)
	token.Store(&first)
	for w := range 16 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				k := i.Key() // the newest there is at this moment
				fresh := identitytest.Sign(t, k, i.Claims(fmt.Sprintf("u%d-%d", w, n), nil))
				for _, tok := range []string{fresh, *token.Load()} {
					if _, err := v.Verify(t.Context(), tok); err != nil {
						failed.Add(1)
						t.Error(err)
					}
					done.Add(1)
				}
			}
		})
	}
	for range 3 {
		before := done.Load()
		i.Rotate(t)
		for done.Load() < before+64 {
			if failed.Load() > 0 {
				break
			}
			waitFor(t, &done, before+64)
		}
	}
	close(stop)
	all.Wait()
	if failed.Load() > 0 || i.Fetches() > 5 {
		t.Errorf("%d of %d failed, %d requests to the issuer", failed.Load(), done.Load(), i.Fetches())
	}
	t.Logf("%d verified over 3 rotations, %d requests to the issuer", done.Load(), i.Fetches())
}

func waitFor(t *testing.T, n *atomic.Int64, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n.Load() < want {
		select {
		case <-ctx.Done():
			t.Fatal("the load does not go on")
		case <-tick.C:
		}
	}
}

func TestVerify_retiredKey_isForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := identitytest.New(t)
		v := i.Verifier(t)
		old := i.Token(t, "otto", nil)
		if _, err := v.Verify(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		i.Rotate(t)
		i.Retire()
		<-time.After(identity.Floor) // of the bubble\'s clock
		if _, err := v.Verify(t.Context(), i.Token(t, "otto", nil)); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), old); errs.ReasonOf(err) != identity.ReasonInvalid {
			t.Errorf("a remembered token outlives its key: %v", err)
		}
	})
}

func TestVerify_issuerDown_goesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := identitytest.New(t)
		v := i.Verifier(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- v.Run(ctx) }()
		synctest.Wait()
		i.SetDown(true)
		for day := range 3 {
			<-time.After(24 * time.Hour) // of the bubble\'s clock
			if _, err := v.Verify(t.Context(), i.Token(t, fmt.Sprint("user", day), nil)); err != nil {
				t.Errorf("day %d: %v", day, err)
			}
			unknown := identitytest.Sign(t, identitytest.Key{ID: "new", Private: i.Key().Private}, i.Claims("x", nil))
			if _, err := v.Verify(t.Context(), unknown); errs.ReasonOf(err) != identity.ReasonInvalid {
				t.Errorf("day %d: a token of an unknown key: %v", day, err)
			}
		}
		i.SetDown(false)
		i.Rotate(t)
		<-time.After(2 * identity.Floor) // of the bubble\'s clock
		if _, err := v.Verify(t.Context(), i.Token(t, "later", nil)); err != nil {
			t.Errorf("once the issuer is back: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestRun_start_fetchesKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := identitytest.New(t)
		v := identity.NewVerifier(identity.Config{Issuer: i.URL, Audience: identitytest.Audience, Client: &http.Client{Transport: i}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- v.Run(ctx) }()
		synctest.Wait()
		if i.Fetches() != 1 {
			t.Errorf("the keys were fetched %d times at start", i.Fetches())
		}
		if _, err := v.Verify(t.Context(), i.Token(t, "x", nil)); err != nil || i.Fetches() != 1 {
			t.Errorf("the first token: %v, %d requests", err, i.Fetches())
		}
		<-time.After(time.Hour) // of the bubble\'s clock
		if n := i.Fetches(); n < 10 || n > 13 {
			t.Errorf("%d requests in an hour", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestVerify_noKeys_isUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := identitytest.New(t)
		i.SetDown(true)
		v := identity.NewVerifier(identity.Config{Issuer: i.URL, Audience: identitytest.Audience, Client: &http.Client{Transport: i}})
		_, err := v.Verify(t.Context(), i.Token(t, "x", nil))
		if e, ok := errs.As(err); !ok || e.Code != errs.Unavailable || e.Reason != identity.ReasonUnavailable || e.Retry == 0 {
			t.Errorf("got %v", err)
		}
		// Text that is no token is refused without any keys.
		if _, err := v.Verify(t.Context(), "nonsense"); errs.CodeOf(err) != errs.Unauthenticated {
			t.Errorf("got %v", err)
		}
	})
}

func TestKeys_callerLeaves_othersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := identitytest.New(t)
		release := make(chan struct{})
		slow := roundTripper(func(r *http.Request) (*http.Response, error) {
			select {
			case <-release:
				return i.RoundTrip(r)
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})
		v := identity.NewVerifier(identity.Config{Issuer: i.URL, Audience: identitytest.Audience, Client: &http.Client{Transport: slow}})
		ctx, leave := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		token := i.Token(t, "x", nil)
		go func() { _, err := v.Verify(ctx, token); first <- err }()
		synctest.Wait()
		go func() { _, err := v.Verify(t.Context(), token); second <- err }()
		synctest.Wait()
		leave()
		if err := <-first; err == nil {
			t.Error("the caller that left got an answer")
		}
		close(release)
		if err := <-second; err != nil {
			t.Errorf("the caller that stayed: %v", err)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestKeys_redirect_isNotFollowed(t *testing.T) {
	i := identitytest.New(t)
	asked := 0
	elsewhere := roundTripper(func(r *http.Request) (*http.Response, error) {
		asked++
		if asked > 1 {
			return nil, errors.New("it was followed")
		}
		return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"https://evil.example/"}}, Body: http.NoBody, Request: r}, nil
	})
	v := identity.NewVerifier(identity.Config{Issuer: i.URL, Audience: identitytest.Audience, Client: &http.Client{Transport: elsewhere}})
	if _, err := v.Verify(t.Context(), i.Token(t, "x", nil)); err == nil || asked != 1 {
		t.Errorf("got %v after %d requests", err, asked)
	}
}

func TestVerify_cache_isBounded(t *testing.T) {
	i := identitytest.New(t)
	now := clock.NewFake(time.Now())
	v := i.Verifier(t, func(c *identity.Config) { c.Clock = now })
	c := i.Claims("x", nil)
	for n := range identity.MaxCached + 100 {
		v.Remember(fmt.Sprint(n), &identity.Principal{Subject: "x", Expiry: now.Now().Add(time.Duration(n%2) * time.Hour)})
	}
	if got := v.Cached(); got > identity.MaxCached {
		t.Errorf("%d tokens are remembered", got)
	}
	if _, err := v.Verify(t.Context(), identitytest.Sign(t, i.Key(), c)); err != nil {
		t.Error(err)
	}
}

func BenchmarkVerifyWarm(b *testing.B) {
	i := identitytest.New(b)
	v := identity.NewVerifier(identity.Config{Issuer: i.URL, Audience: identitytest.Audience, Client: &http.Client{Transport: i}})
	token := i.Token(b, "otto", []string{"/tenants/acme/operator"})
	for b.Loop() {
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyCold(b *testing.B) {
	i := identitytest.New(b)
	v := identity.NewVerifier(identity.Config{Issuer: i.URL, Audience: identitytest.Audience, Client: &http.Client{Transport: i}})
	token := i.Token(b, "otto", []string{"/tenants/acme/operator"})
	for b.Loop() {
		v.Forget()
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

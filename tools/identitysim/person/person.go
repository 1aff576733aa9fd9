// Package person fills in the pages of an identity provider as somebody at a browser would, for tests and demonstrations: it
// logs in, enters one-time passwords, changes passwords and consents. It works with Keycloak's pages and the simulator's.
//
// It fails when a page is not understood, with what the page says; a page that shows again what was just filled in is an
// answer (a wrong password), not a failure.
package person

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/low-layer/platform/tools/identitysim/sim"
)

// Person fills in pages.
type Person struct {
	Email, Password string
	// NewPassword takes the place of a temporary one.
	NewPassword string
	// OTP is the raw text of the one-time-password secret; it is learnt when one is enrolled.
	OTP string
	// Deny refuses the consent.
	Deny bool
	// Seen are the kinds of pages met: password, otp, enrol, new password, consent.
	Seen []string
}

// Page is where a way through the pages ends.
type Page struct {
	// To is an address outside the provider that it leads to, empty for a page.
	To     string
	Status int
	Body   string
}

// Browser keeps cookies and stops at addresses that are not the provider's.
func Browser(provider string, transport http.RoundTripper) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(req.URL.String(), provider+"/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}, nil
}

const maxPages = 10

var errEndless = errors.New("the pages have no end")

// Walk goes from an address to the end of the pages.
func (p *Person) Walk(ctx context.Context, browser *http.Client, start string) (Page, error) {
	at, err := url.Parse(start)
	if err != nil {
		return Page{}, fmt.Errorf("begin at %s: %w", start, err)
	}
	page, err := send(ctx, browser, http.MethodGet, at, nil)
	for range maxPages {
		if err != nil || page.To != "" {
			return page, err
		}
		f, ok := parse(page.Body)
		if !ok {
			return page, nil
		}
		kind := p.fill(f.fields, page.Body)
		if kind == "" || slices.Equal(p.Seen[max(0, len(p.Seen)-1):], []string{kind}) {
			return page, nil
		}
		p.Seen = append(p.Seen, kind)
		if at, err = at.Parse(f.action); err != nil {
			return page, fmt.Errorf("follow a form: %w", err)
		}
		page, err = send(ctx, browser, http.MethodPost, at, f.fields)
	}
	return page, fmt.Errorf("%w: %v", errEndless, p.Seen)
}

const maxBody = 4 << 20

func send(ctx context.Context, browser *http.Client, method string, at *url.URL, form url.Values) (Page, error) {
	req, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := browser.Do(req)
	if err != nil {
		return Page{}, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return Page{}, fmt.Errorf("read a page: %w", err)
	}
	return Page{To: resp.Header.Get("Location"), Status: resp.StatusCode, Body: string(body)}, nil
}

// shownCode is how a sandbox shows a code on its page: its users have no authenticator app.
var shownCode = regexp.MustCompile(`In this sandbox the code is (\d{6})`)

func (p *Person) fill(fields url.Values, page string) string {
	switch {
	case fields.Has("username"):
		fields.Set("username", p.Email)
		fields.Set("password", p.Password)
		fields.Del("rememberMe")
		return "password"
	case fields.Has("totpSecret"):
		p.OTP = fields.Get("totpSecret")
		fields.Set("totp", sim.Code(p.OTP, time.Now()))
		return "enrol"
	case fields.Has("otp"):
		fields.Set("otp", sim.Code(p.OTP, time.Now()))
		if shown := shownCode.FindStringSubmatch(page); shown != nil {
			fields.Set("otp", shown[1])
		}
		return "otp"
	case fields.Has("password-new"):
		fields.Set("password-new", p.NewPassword)
		fields.Set("password-confirm", p.NewPassword)
		return "new password"
	case fields.Has("accept") && p.Deny:
		fields.Del("accept")
		fields.Set("cancel", "No")
		return "consent"
	case fields.Has("accept"):
		fields.Set("accept", "Yes")
		return "consent"
	}
	return ""
}

// form is what a page asks for.
type form struct {
	action string
	fields url.Values
}

func parse(body string) (form, bool) {
	f := form{fields: url.Values{}}
	found := false
	tokens := html.NewTokenizer(strings.NewReader(body))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return f, found
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := tokens.Token()
			at := map[string]string{}
			for _, a := range tag.Attr {
				at[a.Key] = a.Val
			}
			switch {
			case tag.Data == "form" && !found:
				f.action, found = at["action"], true
			case (tag.Data == "input" || tag.Data == "button") && at["name"] != "" && found && at["name"] != "cancel":
				f.fields.Set(at["name"], at["value"])
			}
		}
	}
}

// Words is what a page says.
func (p Page) Words() string {
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(p.Body))
	skip := false
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return strings.Join(strings.Fields(b.String()), " ")
		case html.StartTagToken:
			name, _ := tokens.TagName()
			skip = string(name) == "script" || string(name) == "style"
		case html.EndTagToken:
			skip = false
		case html.TextToken:
			if !skip {
				b.Write(tokens.Text())
			}
		}
	}
}

package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/low-layer/platform/libs/realm"
	"github.com/low-layer/platform/tools/identitysim/sim"
)

// form is what a page asks for.
type form struct {
	action string
	fields url.Values
}

func parseForm(body string) (form, bool) {
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

// person is who fills in pages.
type person struct {
	email, password, newPassword string
	otp                          string
	deny                         bool
	// seen are the kinds of pages met.
	seen []string
}

// walk goes from an address to the end of the pages, and answers where that is.
func (e *env) walk(b *http.Client, start string, p *person) (at string, last reply) {
	e.t.Helper()
	r := e.send(b, e.request(http.MethodGet, start, "", nil))
	for range 10 {
		if to := r.header.Get("Location"); to != "" {
			return to, r
		}
		f, ok := parseForm(r.body)
		if !ok {
			return "", r
		}
		kind := p.fill(f.fields)
		if kind == "" || (len(p.seen) > 0 && p.seen[len(p.seen)-1] == kind) {
			return "", r // a page that shows again what was just filled in refuses it
		}
		p.seen = append(p.seen, kind)
		if p.deny && kind == "consent" {
			f.fields.Del("accept")
			f.fields.Set("cancel", "No")
		}
		r = e.send(b, e.request(http.MethodPost, e.absolute(f.action), "", f.fields))
	}
	e.t.Fatalf("the pages have no end: %v", p.seen)
	return "", r
}

// absolute: some pages give their form the whole address, some the path alone.
func (e *env) absolute(action string) string {
	if strings.HasPrefix(action, "/") {
		return e.URL + action
	}
	return action
}

func (p *person) fill(fields url.Values) string {
	switch {
	case fields.Has("username"):
		fields.Set("username", p.email)
		fields.Set("password", p.password)
		fields.Del("rememberMe")
		return "password"
	case fields.Has("totpSecret"):
		fields.Set("totp", sim.Code(fields.Get("totpSecret"), time.Now()))
		p.otp = fields.Get("totpSecret")
		return "enrol"
	case fields.Has("otp"):
		fields.Set("otp", sim.Code(p.otp, time.Now()))
		return "otp"
	case fields.Has("password-new"):
		fields.Set("password-new", p.newPassword)
		fields.Set("password-confirm", p.newPassword)
		return "new password"
	case fields.Has("accept"):
		fields.Set("accept", "Yes")
		return "consent"
	}
	return ""
}

// words is what a page says.
func words(body string) string {
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(body))
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

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// device asks for a device login.
func (e *env) device(verifier string) object {
	e.t.Helper()
	r := e.oidc("/auth/device", url.Values{
		"client_id": {realm.CLIClient}, "scope": {"openid"}, "code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	})
	e.wants(http.StatusOK, r)
	return r.object()
}

func (e *env) poll(d object, verifier string) reply {
	e.t.Helper()
	return e.token(url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {realm.CLIClient}, "device_code": {text(d, "device_code")},
		"code_verifier": {verifier},
	})
}

// settled polls as a client would until the answer is no longer to wait.
func (e *env) settled(d object, verifier string) reply {
	e.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		r := e.poll(d, verifier)
		code := text(r.value, "error")
		if (code != "authorization_pending" && code != "slow_down") || time.Now().After(deadline) {
			return r
		}
		e.pause(1100 * time.Millisecond)
	}
}

func checkDevice(e *env) {
	id, email := e.user("device", nil)
	verifier := suffix() + suffix() + suffix() + suffix() + suffix()
	d := e.device(verifier)
	e.check(d["interval"] == 1.0 && d["expires_in"] == 600.0, "device: %v", d)
	e.check(strings.HasPrefix(text(d, "verification_uri_complete"), text(d, "verification_uri")+"?user_code="+text(d, "user_code")), "device: %v", d)
	e.refused(e.poll(d, verifier), http.StatusBadRequest, "authorization_pending")
	e.refused(e.poll(d, verifier), http.StatusBadRequest, "slow_down")

	// Somebody else's mistake: Keycloak may lock an account for a minute after one.
	_, other := e.user("mistaken", nil)
	wrong := &person{email: other, password: "wrong password"}
	_, page := e.walk(e.browser(), text(d, "verification_uri_complete"), wrong)
	e.check(strings.Contains(page.body, "Invalid username or password."), "page after a wrong password: %d", page.status)

	p := &person{email: email, password: password}
	_, page = e.walk(e.browser(), text(d, "verification_uri_complete"), p)
	e.check(strings.Contains(page.body, "Device Login Successful"), "last page: %d %s", page.status, words(page.body))
	e.check(slices.Equal(p.seen, []string{"password", "consent"}), "pages: %v", p.seen)
	r := e.settled(d, verifier)
	e.wants(http.StatusOK, r)
	claims := e.verified(text(r.value, "access_token"))
	e.check(claims["sub"] == id && claims["azp"] == realm.CLIClient && claims["acr"] == "1", "claims: %v", claims)
	e.check(slices.Contains(audiences(claims), realm.Audience), "aud: %v", claims["aud"])
	e.check(slices.Equal(strs(claims["amr"]), []string{"pwd"}), "amr: %v", claims["amr"])
	e.check(text(r.value, "refresh_token") != "", "no refresh token")
	e.refused(e.poll(d, verifier), http.StatusBadRequest, "invalid_grant", "Device code not valid")

	denied := e.device(verifier)
	no := &person{email: email, password: password, deny: true}
	e.walk(e.browser(), text(denied, "verification_uri_complete"), no)
	e.refused(e.settled(denied, verifier), http.StatusBadRequest, "access_denied")
}

func strs(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, x := range list {
		s, _ := x.(string)
		out = append(out, s)
	}
	return out
}

func checkDevicePKCE(e *env) {
	_, email := e.user("pkce", nil)
	e.refused(e.oidc("/auth/device", url.Values{"client_id": {realm.CLIClient}, "scope": {"openid"}}), http.StatusBadRequest, "invalid_request")
	e.refused(e.oidc("/auth/device", url.Values{"client_id": {"llconf-password"}}), http.StatusBadRequest, "unauthorized_client")
	d := e.device("right" + strings.Repeat("x", 40))
	e.walk(e.browser(), text(d, "verification_uri_complete"), &person{email: email, password: password})
	e.pause(1100 * time.Millisecond)
	r := e.settled(d, "wrong"+strings.Repeat("x", 40))
	e.refused(r, http.StatusBadRequest, "invalid_grant", "PKCE")
}

func checkDeviceOTP(e *env) {
	id, email := e.user("mfa", func(u *realm.User) { u.OTP = otpSecret })
	role := e.admin(http.MethodGet, "/roles/"+realm.MFARole, nil)
	e.wants(http.StatusOK, role)
	e.wants(http.StatusNoContent, e.admin(http.MethodPost, "/users/"+id+"/role-mappings/realm", []any{role.value}))
	verifier := strings.Repeat("v", 50)
	d := e.device(verifier)
	p := &person{email: email, password: password, otp: otpSecret}
	_, page := e.walk(e.browser(), text(d, "verification_uri_complete"), p)
	e.check(slices.Equal(p.seen, []string{"password", "otp", "consent"}), "pages: %v, last %d", p.seen, page.status)
	r := e.settled(d, verifier)
	e.wants(http.StatusOK, r)
	claims := e.verified(text(r.value, "access_token"))
	amr := strs(claims["amr"])
	e.check(claims["acr"] == "1" && slices.Contains(amr, "otp") && slices.Contains(amr, "pwd"), "acr %v amr %v", claims["acr"], claims["amr"])
}

func checkTemporary(e *env) {
	token := e.tenantToken()
	r := e.as(token, http.MethodPost, "/users", object{"username": "invited@llconf.test", "email": "invited@llconf.test", "enabled": true, "emailVerified": true})
	e.wants(http.StatusCreated, r)
	e.wants(http.StatusNoContent, e.as(token, http.MethodPut, "/users/"+r.id()+"/reset-password", object{
		"type": "password", "value": "temporary password", "temporary": true,
	}))
	e.refused(e.token(url.Values{
		"grant_type": {"password"}, "client_id": {"llconf-password"}, "username": {"invited@llconf.test"}, "password": {"temporary password"},
	}), http.StatusBadRequest, "Account is not fully set up")
	verifier := strings.Repeat("t", 50)
	d := e.device(verifier)
	p := &person{email: "invited@llconf.test", password: "temporary password", newPassword: password}
	e.walk(e.browser(), text(d, "verification_uri_complete"), p)
	e.check(slices.Equal(p.seen, []string{"password", "new password", "consent"}), "pages: %v", p.seen)
	e.wants(http.StatusOK, e.settled(d, verifier))
	e.wants(http.StatusOK, e.passwordGrant("invited@llconf.test"))
}

// codeFlow logs in as a program with a loopback address of its own would.
func (e *env) codeFlow(b *http.Client, p *person, more url.Values) reply {
	e.t.Helper()
	verifier := strings.Repeat("c", 50)
	redirect := "http://127.0.0.1:54321/callback"
	q := url.Values{
		"client_id": {realm.CLIClient}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {redirect}, "state": {"st"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for k, v := range more {
		q[k] = v
	}
	at, page := e.walk(b, e.URL+"/realms/"+e.name+"/protocol/openid-connect/auth?"+q.Encode(), p)
	back, err := url.Parse(at)
	e.must("read the way back", err)
	if back.Query().Get("code") == "" || back.Query().Get("state") != "st" {
		e.t.Fatalf("the pages %v end at %q, %d %s", p.seen, at, page.status, words(page.body))
	}
	return e.token(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {realm.CLIClient}, "code": {back.Query().Get("code")}, "redirect_uri": {redirect},
		"code_verifier": {verifier},
	})
}

func checkStepUp(e *env) {
	_, email := e.user("stepup", func(u *realm.User) { u.OTP = otpSecret })
	b := e.browser()
	p := &person{email: email, password: password, otp: otpSecret}
	r := e.codeFlow(b, p, nil)
	e.wants(http.StatusOK, r)
	claims := e.verified(text(r.value, "access_token"))
	e.check(claims["acr"] == "1" && slices.Equal(p.seen, []string{"password"}), "plain login: acr %v, pages %v", claims["acr"], p.seen)
	e.check(claims["auth_time"] != nil, "no auth_time")

	p.seen = nil
	r = e.codeFlow(b, p, url.Values{"acr_values": {"2"}})
	e.wants(http.StatusOK, r)
	claims = e.verified(text(r.value, "access_token"))
	e.check(claims["acr"] == "2" && slices.Contains(strs(claims["amr"]), "otp"), "stepped up: acr %v amr %v", claims["acr"], claims["amr"])
	e.check(slices.Equal(p.seen, []string{"otp"}), "pages of a step up in the same browser: %v", p.seen)

	bad := e.send(e.browser(), e.request(http.MethodGet, e.URL+"/realms/"+e.name+"/protocol/openid-connect/auth?"+url.Values{
		"client_id": {realm.CLIClient}, "response_type": {"code"}, "redirect_uri": {"http://evil.test/callback"},
	}.Encode(), "", nil))
	e.check(bad.status == http.StatusBadRequest, "a foreign redirect_uri: %d", bad.status)
}

package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/realm"
	"github.com/low-layer/platform/tools/identitysim/person"
)

// walk goes from an address to the end of the pages.
func (e *env) walk(b *http.Client, start string, p *person.Person) person.Page {
	e.t.Helper()
	page, err := p.Walk(e.ctx(), b, start)
	e.must("walk through the pages", err)
	return page
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

// settled polls as a client would until the response no longer says to wait.
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

	// The mistake of another account: Keycloak may lock an account for a minute after one.
	_, other := e.user("mistaken", nil)
	wrong := &person.Person{Email: other, Password: "wrong password"}
	page := e.walk(e.browser(), text(d, "verification_uri_complete"), wrong)
	e.check(strings.Contains(page.Body, "Invalid username or password."), "page after a wrong Password: %d", page.Status)

	p := &person.Person{Email: email, Password: password}
	page = e.walk(e.browser(), text(d, "verification_uri_complete"), p)
	e.check(strings.Contains(page.Body, "Device Login Successful"), "last page: %d %s", page.Status, page.Words())
	e.check(slices.Equal(p.Seen, []string{"password", "consent"}), "pages: %v", p.Seen)
	r := e.settled(d, verifier)
	e.wants(http.StatusOK, r)
	claims := e.verified(text(r.value, "access_token"))
	e.check(claims["sub"] == id && claims["azp"] == realm.CLIClient && claims["acr"] == "1", "claims: %v", claims)
	e.check(slices.Contains(audiences(claims), realm.Audience), "aud: %v", claims["aud"])
	e.check(slices.Equal(strs(claims["amr"]), []string{"pwd"}), "amr: %v", claims["amr"])
	e.check(text(r.value, "refresh_token") != "", "no refresh token")
	e.refused(e.poll(d, verifier), http.StatusBadRequest, "invalid_grant", "Device code not valid")

	denied := e.device(verifier)
	no := &person.Person{Email: email, Password: password, Deny: true}
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
	e.walk(e.browser(), text(d, "verification_uri_complete"), &person.Person{Email: email, Password: password})
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
	p := &person.Person{Email: email, Password: password, OTP: otpSecret}
	page := e.walk(e.browser(), text(d, "verification_uri_complete"), p)
	e.check(slices.Equal(p.Seen, []string{"password", "otp", "consent"}), "pages: %v, last %d", p.Seen, page.Status)
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
	p := &person.Person{Email: "invited@llconf.test", Password: "temporary password", NewPassword: password}
	e.walk(e.browser(), text(d, "verification_uri_complete"), p)
	e.check(slices.Equal(p.Seen, []string{"password", "new password", "consent"}), "pages: %v", p.Seen)
	e.wants(http.StatusOK, e.settled(d, verifier))
	e.wants(http.StatusOK, e.passwordGrant("invited@llconf.test"))
}

// codeFlow logs in as a program with a loopback address of its own would.
func (e *env) codeFlow(b *http.Client, p *person.Person, more url.Values) reply {
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
	page := e.walk(b, e.URL+"/realms/"+e.name+"/protocol/openid-connect/auth?"+q.Encode(), p)
	back, err := url.Parse(page.To)
	e.must("read the way back", err)
	if back.Query().Get("code") == "" || back.Query().Get("state") != "st" {
		e.t.Fatalf("the pages %v end at %q, %d %s", p.Seen, page.To, page.Status, page.Words())
	}
	return e.token(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {realm.CLIClient}, "code": {back.Query().Get("code")}, "redirect_uri": {redirect},
		"code_verifier": {verifier},
	})
}

func whole(v any) int64 {
	n, _ := v.(float64)
	return int64(n)
}

// checkFlow: a one-time password is said in amr for as long as the flow says, and a realm that an earlier version made gets
// the settings of this one.
func checkFlow(e *env) {
	// afterwards are the means of a token that is renewed two seconds after somebody's step up.
	afterwards := func(name string) []string {
		_, email := e.user(name, func(u *realm.User) { u.OTP = otpSecret })
		r := e.codeFlow(e.browser(), &person.Person{Email: email, Password: password, OTP: otpSecret}, url.Values{"acr_values": {"2"}})
		e.wants(http.StatusOK, r)
		e.pause(2 * time.Second)
		r = e.token(url.Values{"grant_type": {"refresh_token"}, "client_id": {realm.CLIClient}, "refresh_token": {text(r.value, "refresh_token")}})
		e.wants(http.StatusOK, r)
		return strs(e.verified(text(r.value, "access_token"))["amr"])
	}
	for _, step := range e.admin(http.MethodGet, "/authentication/flows/lowlayer-browser/executions", nil).list() {
		if text(step, "providerId") != "auth-otp-form" {
			continue
		}
		at := "/authentication/config/" + text(step, "authenticationConfig")
		config := e.admin(http.MethodGet, at, nil).object()
		config["config"] = object{"default.reference.value": "otp", "default.reference.maxAge": "1"}
		e.admin(http.MethodPut, at, config)
	}
	means := afterwards("flow-before")
	e.check(slices.Contains(means, "pwd") && !slices.Contains(means, "otp"), "amr after the time of a one-time password: %v", means)
	e.must("set up the realm again", realm.Setup(e.ctx(), e.cfg))
	means = afterwards("flow-after")
	e.check(slices.Contains(means, "otp"), "amr after another setup: %v", means)
}

func checkStepUp(e *env) {
	_, email := e.user("stepup", func(u *realm.User) { u.OTP = otpSecret })
	b := e.browser()
	p := &person.Person{Email: email, Password: password, OTP: otpSecret}
	r := e.codeFlow(b, p, nil)
	e.wants(http.StatusOK, r)
	claims := e.verified(text(r.value, "access_token"))
	e.check(claims["acr"] == "1" && slices.Equal(p.Seen, []string{"password"}), "plain login: acr %v, pages %v", claims["acr"], p.Seen)
	first := whole(claims["auth_time"])
	e.check(first > 0, "auth_time %v", claims["auth_time"])

	// The times are in seconds: whether they move is seen in the next one.
	e.pause(time.Second)
	r = e.codeFlow(b, p, nil)
	e.wants(http.StatusOK, r)
	claims = e.verified(text(r.value, "access_token"))
	e.check(whole(claims["auth_time"]) == first, "a login without a page: auth_time %v, before it was %d", claims["auth_time"], first)

	p.Seen = nil
	r = e.codeFlow(b, p, url.Values{"acr_values": {"2"}})
	e.wants(http.StatusOK, r)
	claims = e.verified(text(r.value, "access_token"))
	e.check(claims["acr"] == "2" && slices.Contains(strs(claims["amr"]), "otp"), "stepped up: acr %v amr %v", claims["acr"], claims["amr"])
	e.check(slices.Equal(p.Seen, []string{"otp"}), "pages of a step up in the same browser: %v", p.Seen)
	stepped := whole(claims["auth_time"])
	e.check(stepped > first, "auth_time of the step up %v, before it was %d", claims["auth_time"], first)
	e.pause(time.Second)
	r = e.token(url.Values{"grant_type": {"refresh_token"}, "client_id": {realm.CLIClient}, "refresh_token": {text(r.value, "refresh_token")}})
	e.wants(http.StatusOK, r)
	claims = e.verified(text(r.value, "access_token"))
	e.check(whole(claims["auth_time"]) == stepped, "auth_time of a renewed token %v, before it was %d", claims["auth_time"], stepped)

	bad := e.send(e.browser(), e.request(http.MethodGet, e.URL+"/realms/"+e.name+"/protocol/openid-connect/auth?"+url.Values{
		"client_id": {realm.CLIClient}, "response_type": {"code"}, "redirect_uri": {"http://evil.test/callback"},
	}.Encode(), "", nil))
	e.check(bad.status == http.StatusBadRequest, "a foreign redirect_uri: %d", bad.status)
}

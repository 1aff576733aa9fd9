package sim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const deviceLife = 600 * time.Second

func authorizeDevice(c *call) *fault {
	cl, f := c.client()
	if f != nil {
		return f
	}
	attributes := child(cl.Rep, "attributes")
	if text(attributes, "oauth2.device.authorization.grant.enabled") != "true" {
		return oauthError(http.StatusBadRequest, "unauthorized_client", "Client is not allowed to initiate OAuth 2.0 Device Authorization Grant. The flow is disabled for the client.")
	}
	form := c.r.PostForm
	if f := requirePKCE(cl, form.Get("code_challenge"), form.Get("code_challenge_method")); f != nil {
		return f
	}
	interval, err := strconv.Atoi(text(attributes, "oauth2.device.polling.interval"))
	if err != nil {
		interval = 5
	}
	d := &device{
		Code: encode(random(32)), UserCode: userCode(), Client: cl.ID, Scope: form.Get("scope"), Challenge: form.Get("code_challenge"),
		Expires: c.sim.now().Add(deviceLife), Interval: time.Duration(interval) * time.Second,
	}
	c.realm.Devices[d.Code] = d
	page := c.sim.issuer(c.realm) + "/device"
	writeJSON(c.w, http.StatusOK, object{
		"device_code": d.Code, "user_code": d.UserCode, "verification_uri": page,
		"verification_uri_complete": page + "?user_code=" + d.UserCode, "expires_in": int(deviceLife.Seconds()), "interval": interval,
	})
	return nil
}

func requirePKCE(cl *client, challenge, method string) *fault {
	if text(child(cl.Rep, "attributes"), "pkce.code.challenge.method") != "S256" {
		return nil
	}
	switch {
	case challenge == "":
		return oauthError(http.StatusBadRequest, "invalid_request", "Missing parameter: code_challenge_method")
	case method != "S256":
		return oauthError(http.StatusBadRequest, "invalid_request", "Invalid parameter: code challenge method is not configured one")
	}
	return nil
}

// userCode is eight letters in two groups, without those that are mistaken for others.
func userCode() string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	var b strings.Builder
	for i, x := range random(8) {
		if i == 4 {
			b.WriteByte('-')
		}
		b.WriteByte(letters[int(x)%len(letters)])
	}
	return b.String()
}

func (r *realm) deviceByUserCode(code string) *device {
	for _, d := range r.Devices {
		if strings.EqualFold(d.UserCode, strings.TrimSpace(code)) {
			return d
		}
	}
	return nil
}

// deviceGrant responds to a poll.
func (c *call) deviceGrant(cl *client) (object, *fault) {
	form := c.r.PostForm
	d := c.realm.Devices[form.Get("device_code")]
	now := c.sim.now()
	bad := func(code, description string) (object, *fault) {
		return nil, oauthError(http.StatusBadRequest, code, description)
	}
	if d == nil || d.Client != cl.ID {
		return bad("invalid_grant", "Device code not valid")
	}
	if now.After(d.Expires) {
		delete(c.realm.Devices, d.Code)
		return bad("expired_token", "Device code is expired")
	}
	early := now.Before(d.LastPoll.Add(d.Interval))
	d.LastPoll = now
	switch {
	case early:
		c.event("OAUTH2_DEVICE_CODE_TO_TOKEN_ERROR", cl, "", "slow_down")
		return bad("slow_down", "Slow down")
	case !proves(d.Challenge, form.Get("code_verifier")):
		return bad("invalid_grant", "PKCE verification failed: Invalid code verifier")
	case d.Denied:
		delete(c.realm.Devices, d.Code)
		return bad("access_denied", "The end user denied the authorization request")
	case d.Session == "":
		return bad("authorization_pending", "The authorization request is still pending")
	}
	delete(c.realm.Devices, d.Code)
	se := c.realm.Sessions[d.Session]
	if se == nil {
		return bad("invalid_grant", "Session not active")
	}
	c.event("OAUTH2_DEVICE_CODE_TO_TOKEN", cl, se.User, "")
	return c.sim.tokens(c.realm, cl, se, "")
}

func (c *call) event(kind string, cl *client, user, failure string) {
	if !truth(c.realm.Rep, "eventsEnabled") {
		return
	}
	if kinds := texts(c.realm.Rep, "enabledEventTypes"); len(kinds) > 0 && !contains(kinds, kind) {
		return
	}
	const kept = 10_000
	if len(c.realm.Events) >= kept {
		c.realm.Events = c.realm.Events[kept/10:]
	}
	c.realm.Events = append(c.realm.Events, event{
		Time: c.sim.now().UnixMilli(), Type: kind, Realm: c.realm.Name, Client: text(cl.Rep, "clientId"), User: user, Error: failure, ID: newID(),
	})
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

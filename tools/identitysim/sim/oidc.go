package sim

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"
)

const sessionLife = 10 * time.Hour

func discovery(c *call) *fault {
	issuer := c.sim.issuer(c.realm)
	base := issuer + "/protocol/openid-connect"
	writeJSON(c.w, http.StatusOK, object{
		"issuer": issuer, "authorization_endpoint": base + "/auth", "token_endpoint": base + "/token",
		"introspection_endpoint": base + "/token/introspect", "userinfo_endpoint": base + "/userinfo",
		"end_session_endpoint": base + "/logout", "jwks_uri": base + "/certs", "revocation_endpoint": base + "/revoke",
		"device_authorization_endpoint": base + "/auth/device",
		"grant_types_supported": []string{
			"authorization_code", "refresh_token", "password", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code",
		},
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"acr_values_supported":                  []string{"0", "1", "2"},
		"scopes_supported":                      []string{"openid", "email", "profile"},
	})
	return nil
}

func certs(c *call) *fault {
	keys, err := c.realm.jwks()
	if err != nil {
		return oauthError(http.StatusInternalServerError, "server_error", err.Error())
	}
	writeJSON(c.w, http.StatusOK, keys)
	return nil
}

// client authenticates the client of a form: public ones name themselves, others bring their secret in either way.
func (c *call) client() (*client, *fault) {
	if err := c.r.ParseForm(); err != nil {
		return nil, oauthError(http.StatusBadRequest, "invalid_request", "Invalid form")
	}
	id, secret, basic := c.r.BasicAuth()
	if !basic {
		id, secret = c.r.PostForm.Get("client_id"), c.r.PostForm.Get("client_secret")
	}
	cl := c.realm.clientByName(id)
	invalid := oauthError(http.StatusUnauthorized, "invalid_client", "Invalid client or Invalid client credentials")
	switch {
	case cl == nil:
		return nil, invalid
	case !truth(cl.Rep, "enabled"):
		return nil, invalid
	case truth(cl.Rep, "publicClient"):
		return cl, nil
	case subtle.ConstantTimeCompare([]byte(secret), []byte(cl.Secret)) != 1:
		return nil, oauthError(http.StatusUnauthorized, "unauthorized_client", "Invalid client or Invalid client credentials")
	}
	return cl, nil
}

func tokenEndpoint(c *call) *fault {
	cl, f := c.client()
	if f != nil {
		return f
	}
	var out object
	switch c.r.PostForm.Get("grant_type") {
	case "client_credentials":
		out, f = c.clientCredentials(cl)
	case "password":
		out, f = c.passwordGrant(cl)
	case "refresh_token":
		out, f = c.refresh(cl)
	case "urn:ietf:params:oauth:grant-type:device_code":
		out, f = c.deviceGrant(cl)
	case "authorization_code":
		out, f = c.codeGrant(cl)
	default:
		f = oauthError(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant_type")
	}
	if f != nil {
		return f
	}
	writeJSON(c.w, http.StatusOK, out)
	return nil
}

func (c *call) clientCredentials(cl *client) (object, *fault) {
	u := c.realm.Users[cl.User]
	if !truth(cl.Rep, "serviceAccountsEnabled") || u == nil {
		return nil, oauthError(http.StatusUnauthorized, "unauthorized_client", "Client not enabled to retrieve service account")
	}
	scope := scopeOf(c.r.PostForm.Get("scope"), false)
	token, err := c.realm.signRS256(c.sim.serviceClaims(c.realm, cl, u, scope))
	if err != nil {
		return nil, oauthError(http.StatusInternalServerError, "server_error", err.Error())
	}
	c.event("CLIENT_LOGIN", cl, u.ID, "")
	return object{
		"access_token": token, "expires_in": int(c.realm.tokenLife().Seconds()), "refresh_expires_in": 0,
		"token_type": "Bearer", "not-before-policy": 0, "scope": scope,
	}, nil
}

// scopeOf is what was asked for plus the scopes everybody gets.
func scopeOf(asked string, openid bool) string {
	scope := []string{}
	if openid {
		scope = append(scope, "openid")
	}
	for _, s := range append(strings.Fields(asked), "email", "profile") {
		if !slices.Contains(scope, s) {
			scope = append(scope, s)
		}
	}
	return strings.Join(scope, " ")
}

func (c *call) passwordGrant(cl *client) (object, *fault) {
	if !truth(cl.Rep, "directAccessGrantsEnabled") {
		return nil, oauthError(http.StatusBadRequest, "unauthorized_client", "Client not allowed for direct access grants")
	}
	form := c.r.PostForm
	u := c.realm.userByLogin(form.Get("username"))
	wrong := oauthError(http.StatusUnauthorized, "invalid_grant", "Invalid user credentials")
	if u == nil || u.Client != "" || u.Password == "" || form.Get("password") != u.Password {
		return nil, wrong
	}
	if !truth(u.Rep, "enabled") {
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "Account disabled")
	}
	if len(texts(u.Rep, "requiredActions")) > 0 {
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "Account is not fully set up")
	}
	amr := []string{}
	if u.OTP != "" {
		if !u.checkOTP(u.OTP, form.Get("totp"), c.sim.now()) {
			return nil, wrong
		}
	}
	se := c.newSession(cl, u, scopeOf(form.Get("scope"), strings.Contains(form.Get("scope"), "openid")), "1", amr)
	se.AuthTime = time.Time{} // a password grant has none
	return c.sim.tokens(c.realm, cl, se, "")
}

func (c *call) newSession(cl *client, u *user, scope, acr string, amr []string) *session {
	now := c.sim.now()
	se := &session{
		ID: encode(random(18)), User: u.ID, Client: cl.ID, Scope: scope, ACR: acr, AMR: amr, AuthTime: now, LastRefresh: now,
	}
	c.realm.Sessions[se.ID] = se
	return se
}

func (c *call) refresh(cl *client) (object, *fault) {
	claims, err := c.sim.open(c.realm, c.r.PostForm.Get("refresh_token"))
	if err != nil || text(claims, "typ") != "Refresh" {
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "Invalid refresh token")
	}
	se := c.realm.Sessions[text(claims, "sid")]
	if se == nil || c.sim.now().After(se.LastRefresh.Add(sessionLife)) {
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "Session not active")
	}
	if se.Client != cl.ID {
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "Invalid refresh token. Token client and authorized client don't match")
	}
	u := c.realm.Users[se.User]
	if u == nil || !truth(u.Rep, "enabled") {
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "User disabled")
	}
	se.LastRefresh = c.sim.now()
	return c.sim.tokens(c.realm, cl, se, "")
}

func (c *call) codeGrant(cl *client) (object, *fault) {
	form := c.r.PostForm
	g := c.realm.Codes[form.Get("code")]
	delete(c.realm.Codes, form.Get("code"))
	switch {
	case g == nil || c.sim.now().After(g.Expires):
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "Code not valid")
	case g.Client != cl.ID:
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "Code not valid")
	case g.Redirect != form.Get("redirect_uri"):
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "Incorrect redirect_uri")
	case !proves(g.Challenge, form.Get("code_verifier")):
		return nil, oauthError(http.StatusBadRequest, "invalid_grant", "PKCE verification failed: Invalid code verifier")
	}
	return c.sim.tokens(c.realm, cl, c.realm.Sessions[g.Session], g.Nonce)
}

// proves checks a PKCE verifier against the challenge of the request it belongs to.
func proves(challenge, verifier string) bool {
	if challenge == "" {
		return true
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(encode(sum[:])), []byte(challenge)) == 1
}

func introspect(c *call) *fault {
	if _, f := c.client(); f != nil {
		return f
	}
	claims, err := c.sim.open(c.realm, c.r.PostForm.Get("token"))
	sid := text(claims, "sid")
	if err != nil || (sid != "" && c.realm.Sessions[sid] == nil) {
		writeJSON(c.w, http.StatusOK, object{"active": false})
		return nil
	}
	writeJSON(c.w, http.StatusOK, with(claims, object{"active": true}))
	return nil
}

func userinfo(c *call) *fault {
	claims, err := c.sim.open(c.realm, bearer(c.r))
	u := c.realm.Users[text(claims, "sub")]
	if err != nil || u == nil || text(claims, "typ") != "Bearer" {
		return oauthError(http.StatusUnauthorized, "invalid_token", "Token verification failed")
	}
	out := object{"sub": u.ID, "preferred_username": text(u.Rep, "username"), "email_verified": truth(u.Rep, "emailVerified")}
	for _, k := range []string{"email", "name", "given_name", "family_name", "groups"} {
		if v, ok := claims[k]; ok {
			out[k] = v
		}
	}
	writeJSON(c.w, http.StatusOK, out)
	return nil
}

// logout ends the session of a refresh token; access tokens of it go on until they expire.
func logout(c *call) *fault {
	if _, f := c.client(); f != nil {
		return f
	}
	token := c.r.PostForm.Get("refresh_token")
	status := http.StatusNoContent
	if token == "" {
		token, status = c.r.PostForm.Get("token"), http.StatusOK
	}
	claims, err := c.sim.open(c.realm, token)
	if err != nil && status == http.StatusNoContent {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Invalid refresh token")
	}
	delete(c.realm.Sessions, text(claims, "sid"))
	writeJSON(c.w, status, nil)
	return nil
}

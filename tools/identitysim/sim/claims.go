package sim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// tokenLife is how long access tokens of a realm live.
func (r *realm) tokenLife() time.Duration {
	return time.Duration(number(r.Rep, "accessTokenLifespan", 300)) * time.Second
}

// grants are the ones a session of a user gets: access, refresh and, when asked for, ID token.
func (s *Sim) tokens(r *realm, c *client, se *session, nonce string) (object, *fault) {
	u := r.Users[se.User]
	now := s.now()
	access, err := r.signRS256(s.accessClaims(r, c, u, se))
	if err != nil {
		return nil, oauthError(500, "server_error", err.Error())
	}
	idle := time.Duration(number(r.Rep, "ssoSessionIdleTimeout", 1800)) * time.Second
	refresh, err := r.signHS512(object{
		"exp": now.Add(idle).Unix(), "iat": now.Unix(), "jti": newID(), "iss": s.issuer(r), "aud": s.issuer(r),
		"sub": u.ID, "typ": "Refresh", "azp": text(c.Rep, "clientId"), "sid": se.ID, "scope": se.Scope,
	})
	if err != nil {
		return nil, oauthError(500, "server_error", err.Error())
	}
	out := object{
		"access_token": access, "expires_in": int(r.tokenLife().Seconds()), "refresh_token": refresh,
		"refresh_expires_in": int(idle.Seconds()), "token_type": "Bearer", "not-before-policy": 0,
		"session_state": se.ID, "scope": se.Scope,
	}
	if slices.Contains(strings.Fields(se.Scope), "openid") {
		claims := s.accessClaims(r, c, u, se)
		claims["typ"], claims["aud"] = "ID", text(c.Rep, "clientId")
		if nonce != "" {
			claims["nonce"] = nonce
		}
		id, err := r.signRS256(claims)
		if err != nil {
			return nil, oauthError(500, "server_error", err.Error())
		}
		out["id_token"] = id
	}
	return out, nil
}

// accessClaims are read anew at each refresh: groups may have changed.
func (s *Sim) accessClaims(r *realm, c *client, u *user, se *session) object {
	claims := s.baseClaims(r, c, u)
	claims["sid"], claims["acr"], claims["scope"] = se.ID, se.ACR, se.Scope
	claims["jti"] = "onrtro:" + newID()
	if !se.AuthTime.IsZero() {
		claims["auth_time"] = se.AuthTime.Unix()
	}
	amr := se.AMR
	if s.now().After(se.OTPTime.Add(r.otpAge())) {
		amr = slices.DeleteFunc(slices.Clone(amr), func(means string) bool { return means == "otp" })
	}
	s.mapped(r, c, u, amr, claims)
	return claims
}

func (s *Sim) baseClaims(r *realm, c *client, u *user) object {
	now := s.now()
	claims := object{
		"exp": now.Add(r.tokenLife()).Unix(), "iat": now.Unix(), "iss": s.issuer(r), "sub": u.ID, "typ": "Bearer",
		"azp": text(c.Rep, "clientId"), "preferred_username": text(u.Rep, "username"),
	}
	if origins := texts(c.Rep, "webOrigins"); len(origins) > 0 {
		claims["allowed-origins"] = origins
	}
	verified := truth(u.Rep, "emailVerified")
	claims["email_verified"] = verified
	if email := text(u.Rep, "email"); email != "" {
		claims["email"] = email
	}
	given, family := text(u.Rep, "firstName"), text(u.Rep, "lastName")
	if given != "" {
		claims["given_name"] = given
	}
	if family != "" {
		claims["family_name"] = family
	}
	if name := strings.TrimSpace(given + " " + family); name != "" {
		claims["name"] = name
	}
	return claims
}

// serviceClaims are those of a client that logs in for itself.
func (s *Sim) serviceClaims(r *realm, c *client, u *user, scope string) object {
	claims := s.baseClaims(r, c, u)
	claims["jti"], claims["acr"], claims["scope"] = "trrtcc:"+newID(), "1", scope
	claims["client_id"], claims["clientHost"], claims["clientAddress"] = text(c.Rep, "clientId"), "127.0.0.1", "127.0.0.1"
	s.mapped(r, c, u, nil, claims)
	return claims
}

// mapped adds what the mappers of the client's scopes say. A single audience is a string, several are a list, and a user in
// no group has no claim of groups.
func (s *Sim) mapped(r *realm, c *client, u *user, amr []string, claims object) {
	var audience []string
	for _, id := range c.Scopes {
		for _, m := range mappers(r.Scopes[id]) {
			config := child(m, "config")
			switch text(m, "protocolMapper") {
			case "oidc-audience-mapper":
				audience = append(audience, text(config, "included.custom.audience"))
			case "oidc-group-membership-mapper":
				if paths := r.paths(u); len(paths) > 0 {
					claims[text(config, "claim.name")] = paths
				}
			case "oidc-amr-mapper":
				if len(amr) > 0 {
					claims["amr"] = amr
				}
			}
		}
	}
	switch len(audience) {
	case 0:
	case 1:
		claims["aud"] = audience[0]
	default:
		claims["aud"] = audience
	}
}

func mappers(scope object) []object {
	var out []object
	list, _ := scope["protocolMappers"].([]any)
	for _, m := range list {
		if o, ok := m.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

func (r *realm) paths(u *user) []string {
	var out []string
	for id := range maps.Keys(u.Groups) {
		if g := r.Groups[id]; g != nil {
			out = append(out, r.path(g))
		}
	}
	slices.Sort(out)
	return out
}

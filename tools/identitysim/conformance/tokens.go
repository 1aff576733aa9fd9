package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/realm"
)

func checkDiscovery(e *env) {
	r := e.send(e.HTTP, e.request(http.MethodGet, e.URL+"/realms/"+e.name+"/.well-known/openid-configuration", "", nil))
	e.wants(http.StatusOK, r)
	issuer := realm.Issuer(e.URL, e.name)
	base := issuer + "/protocol/openid-connect"
	for k, want := range map[string]string{
		"issuer": issuer, "token_endpoint": base + "/token", "jwks_uri": base + "/certs", "authorization_endpoint": base + "/auth",
		"device_authorization_endpoint": base + "/auth/device", "end_session_endpoint": base + "/logout",
	} {
		e.check(text(r.value, k) == want, "%s is %q, want %q", k, text(r.value, k), want)
	}
	keys := e.jwks()
	e.check(len(keys) == 1 && text(keys[0], "kty") == "RSA" && text(keys[0], "alg") == "RS256", "keys: %v", keys)
	missing := e.send(e.HTTP, e.request(http.MethodGet, e.URL+"/realms/"+e.name+"-none/.well-known/openid-configuration", "", nil))
	e.refused(missing, http.StatusNotFound, "Realm does not exist")
}

func audiences(claims object) []string {
	switch v := claims["aud"].(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, a := range v {
			s, _ := a.(string)
			out = append(out, s)
		}
		return out
	}
	return nil
}

func groups(claims object) []string {
	var out []string
	list, _ := claims["groups"].([]any)
	for _, g := range list {
		s, _ := g.(string)
		out = append(out, s)
	}
	return out
}

func checkPerson(e *env) {
	id, email := e.user("person", nil)
	r := e.passwordGrant(email)
	e.wants(http.StatusOK, r)
	claims := e.verified(text(r.value, "access_token"))
	for k, want := range map[string]any{
		"iss": realm.Issuer(e.URL, e.name), "sub": id, "typ": "Bearer", "azp": "llconf-password", "email": email, "acr": "1",
		"preferred_username": email, "name": "Otto Test", "email_verified": true,
	} {
		e.check(claims[k] == want, "%s is %v, want %v", k, claims[k], want)
	}
	e.check(slices.Contains(audiences(claims), realm.Audience), "aud: %v", claims["aud"])
	_, has := claims["groups"]
	e.check(!has, "groups of a user in none: %v", claims["groups"])
	for _, k := range []string{"jti", "sid"} {
		e.check(text(claims, k) != "", "there is no %s", k)
	}
	_, identity := e.decoded(text(r.value, "id_token"))
	e.check(identity["typ"] == "ID" && slices.Equal(audiences(identity), []string{"llconf-password"}), "ID token: %v", identity)
	head, refresh := e.decoded(text(r.value, "refresh_token"))
	e.check(head["alg"] == "HS512" && refresh["typ"] == "Refresh", "refresh token: %v %v", head, refresh)

	group := e.group("tenants/acme/operator")
	e.wants(http.StatusNoContent, e.admin(http.MethodPut, "/users/"+id+"/groups/"+group, nil))
	again := e.token(url.Values{
		"grant_type": {"refresh_token"}, "client_id": {"llconf-password"}, "refresh_token": {text(r.value, "refresh_token")},
	})
	e.wants(http.StatusOK, again)
	claims = e.verified(text(again.value, "access_token"))
	e.check(slices.Equal(groups(claims), []string{"/tenants/acme/operator"}), "groups after a refresh: %v", claims["groups"])
	info := e.send(e.HTTP, e.request(http.MethodGet, e.URL+"/realms/"+e.name+"/protocol/openid-connect/userinfo", text(again.value, "access_token"), nil))
	e.wants(http.StatusOK, info)
	e.check(text(info.value, "sub") == id && len(groups(info.object())) == 1, "userinfo: %s", info.body)
}

func checkServiceAccount(e *env) {
	id := e.client("sa-one")
	secret := text(e.admin(http.MethodGet, "/clients/"+id+"/client-secret", nil).value, "value")
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"sa-one"}, "client_secret": {secret}}
	r := e.token(form)
	e.wants(http.StatusOK, r)
	e.check(text(r.value, "refresh_token") == "", "a service account has a refresh token")
	claims := e.verified(text(r.value, "access_token"))
	e.check(slices.Contains(audiences(claims), realm.Audience), "aud of a client made later: %v", claims["aud"])
	for k, want := range map[string]any{"typ": "Bearer", "client_id": "sa-one", "preferred_username": "service-account-sa-one"} {
		e.check(claims[k] == want, "%s is %v, want %v", k, claims[k], want)
	}
	for _, k := range []string{"groups", "sid"} {
		e.check(claims[k] == nil, "%s of a service account: %v", k, claims[k])
	}
	account := e.admin(http.MethodGet, "/clients/"+id+"/service-account-user", nil)
	e.wants(http.StatusOK, account)
	e.check(text(account.value, "id") == claims["sub"], "the account is %v, sub %v", account.body, claims["sub"])
	group := e.group("tenants/acme/viewer")
	e.wants(http.StatusNoContent, e.admin(http.MethodPut, "/users/"+text(account.value, "id")+"/groups/"+group, nil))
	claims = e.verified(text(e.token(form).value, "access_token"))
	e.check(slices.Equal(groups(claims), []string{"/tenants/acme/viewer"}), "groups of a service account that joined: %v", claims["groups"])
	members := e.admin(http.MethodGet, "/groups/"+group+"/members?max=-1", nil)
	e.check(len(members.list()) == 1 && text(members.list()[0], "username") == "service-account-sa-one", "members: %s", members.body)
	found := e.admin(http.MethodGet, "/users?username=service-account-sa-one&exact=true", nil)
	e.check(len(found.list()) == 1, "a service account by its name: %s", found.body)

	fresh := e.admin(http.MethodPost, "/clients/"+id+"/client-secret", nil)
	e.wants(http.StatusOK, fresh)
	e.check(text(fresh.value, "value") != secret && text(fresh.value, "value") != "", "new secret: %s", fresh.body)
	e.refused(e.token(form), http.StatusUnauthorized, "unauthorized_client")
	form.Set("client_secret", text(fresh.value, "value"))
	e.wants(http.StatusOK, e.token(form))
	e.wants(http.StatusNoContent, e.admin(http.MethodPut, "/clients/"+id, object{"enabled": false}))
	e.refused(e.token(form), http.StatusUnauthorized, "invalid_client")
	e.wants(http.StatusNoContent, e.admin(http.MethodPut, "/clients/"+id, object{"enabled": true}))
	e.wants(http.StatusOK, e.token(form))
	e.wants(http.StatusNoContent, e.admin(http.MethodDelete, "/clients/"+id, nil))
	e.refused(e.token(form), http.StatusUnauthorized, "invalid_client")
	gone := e.admin(http.MethodGet, "/groups/"+group+"/members", nil)
	e.check(len(gone.list()) == 0, "the account outlived its client: %s", gone.body)
}

func checkRefused(e *env) {
	_, email := e.user("refused", nil)
	form := url.Values{"grant_type": {"password"}, "client_id": {"llconf-password"}, "username": {email}, "password": {"wrong password"}}
	wrong := e.token(form)
	e.check(wrong.status == http.StatusUnauthorized || wrong.status == http.StatusBadRequest, "wrong password: %d", wrong.status)
	e.check(text(wrong.value, "error") == "invalid_grant" && text(wrong.value, "error_description") == "Invalid user credentials", "wrong password: %s", wrong.body)
	form.Set("client_id", realm.CLIClient)
	e.refused(e.token(form), http.StatusBadRequest, "unauthorized_client")
	e.refused(e.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {"lowlayer-tenant"}, "client_secret": {"wrong"}}),
		http.StatusUnauthorized, "unauthorized_client")
	e.refused(e.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {"nobody"}, "client_secret": {"wrong"}}),
		http.StatusUnauthorized, "invalid_client")
	e.refused(e.token(url.Values{"grant_type": {"refresh_token"}, "client_id": {"llconf-password"}, "refresh_token": {"x.y.z"}}),
		http.StatusBadRequest, "invalid_grant")
	e.refused(e.as("x.y.z", http.MethodGet, "/users", nil), http.StatusUnauthorized)
}

func checkLogout(e *env) {
	_, email := e.user("leaver", nil)
	r := e.passwordGrant(email)
	e.wants(http.StatusOK, r)
	refresh := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {"llconf-password"}, "refresh_token": {text(r.value, "refresh_token")},
	}
	e.wants(http.StatusNoContent, e.oidc("/logout", url.Values{
		"client_id": {"llconf-password"}, "refresh_token": {text(r.value, "refresh_token")},
	}))
	e.refused(e.token(refresh), http.StatusBadRequest, "invalid_grant", "Session not active")
	e.verified(text(r.value, "access_token")) // goes on until it expires
	in := e.oidc("/token/introspect", url.Values{
		"client_id": {"lowlayer-tenant"}, "client_secret": {tenantSecret}, "token": {text(r.value, "access_token")},
	})
	e.wants(http.StatusOK, in)
	e.check(in.object()["active"] == false, "introspection of a session that ended: %s", in.body)
}

func checkEvents(e *env) {
	e.tenantToken()
	r := e.as(e.tenantToken(), http.MethodGet, "/events?type=CLIENT_LOGIN&client=lowlayer-tenant&direction=asc&first=0&max=5&dateFrom=1", nil)
	e.wants(http.StatusOK, r)
	list := r.list()
	if len(list) == 0 {
		e.t.Fatalf("no events: %s", r.body)
	}
	first, _ := list[0].(object)
	at, _ := first["time"].(float64)
	e.check(text(first, "type") == "CLIENT_LOGIN" && text(first, "clientId") == "lowlayer-tenant" && at > 1e12, "event: %v", first)
	e.check(len(list) <= 5, "asked for 5 events, got %d", len(list))
	none := e.as(e.tenantToken(), http.MethodGet, "/events?type=CLIENT_LOGIN&dateFrom=4000000000000", nil)
	e.check(none.status == http.StatusOK && len(none.list()) == 0, "events of the future: %s", none.body)
}

func checkRotation(e *env) {
	before := e.tenantToken()
	r := e.admin(http.MethodGet, "", nil)
	e.wants(http.StatusCreated, e.admin(http.MethodPost, "/components", object{
		"name": "second", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider", "parentId": text(r.value, "id"),
		"config": object{"priority": []string{"200"}, "algorithm": []string{"RS256"}, "keySize": []string{"2048"}, "enabled": []string{"true"}, "active": []string{"true"}},
	}))
	e.check(len(e.jwks()) == 2, "keys after a rotation: %d", len(e.jwks()))
	after := e.tenantToken()
	oldHead, _ := e.decoded(before)
	newHead, _ := e.decoded(after)
	e.check(oldHead["kid"] != newHead["kid"], "the new key does not sign")
	e.verified(before)
	e.verified(after)
	e.check(strings.Count(after, ".") == 2, "token: %s", after)
}

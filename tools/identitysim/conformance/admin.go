package conformance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// group makes a group with those above it, as the tenant service would, and returns its id.
func (e *env) group(path string) string {
	e.t.Helper()
	token := e.tenantToken()
	r := e.as(token, http.MethodGet, "/group-by-path/"+path, nil)
	if r.status == http.StatusOK {
		return text(r.value, "id")
	}
	e.refused(r, http.StatusNotFound, "Group path does not exist")
	i := strings.LastIndexByte(path, '/')
	parent := e.group(path[:i])
	made := e.as(token, http.MethodPost, "/groups/"+parent+"/children", object{"name": path[i+1:]})
	e.wants(http.StatusCreated, made)
	return made.id()
}

// client makes a service account's client, as the tenant service would.
func (e *env) client(name string) string {
	e.t.Helper()
	r := e.as(e.tenantToken(), http.MethodPost, "/clients", object{
		"clientId": name, "publicClient": false, "serviceAccountsEnabled": true, "standardFlowEnabled": false,
		"directAccessGrantsEnabled": false, "enabled": true, "attributes": object{"lowlayer.name": "x"},
	})
	e.wants(http.StatusCreated, r)
	return r.id()
}

func checkGroups(e *env) {
	token := e.tenantToken()
	do := func(method, path string, body any) reply { e.t.Helper(); return e.as(token, method, path, body) }
	root := e.group("tenants/many")
	e.refused(do(http.MethodPost, "/groups/"+root+"/children", object{"name": "owner"}), http.StatusCreated)
	e.refused(do(http.MethodPost, "/groups/"+root+"/children", object{"name": "owner"}), http.StatusConflict, "Sibling group named 'owner' already exists.")
	e.refused(do(http.MethodPost, "/groups", object{"name": "tenants"}), http.StatusConflict, "Top level group named 'tenants' already exists.")
	for i := range 11 {
		e.wants(http.StatusCreated, do(http.MethodPost, "/groups/"+root+"/children", object{"name": fmt.Sprintf("g%02d", i)}))
	}
	e.check(len(do(http.MethodGet, "/groups/"+root+"/children", nil).list()) == 10, "children answered unasked")
	all := do(http.MethodGet, "/groups/"+root+"/children?max=-1", nil)
	e.check(len(all.list()) == 12, "all children: %d", len(all.list()))
	e.check(len(do(http.MethodGet, "/groups/"+root+"/children?first=10&max=10", nil).list()) == 2, "the second page of children")
	owner := e.group("tenants/many/owner")
	got := do(http.MethodGet, "/groups/"+owner, nil)
	e.check(text(got.value, "path") == "/tenants/many/owner" && text(got.value, "name") == "owner", "group: %s", got.body)

	id, _ := e.user("grouped", nil)
	for range 2 {
		e.wants(http.StatusNoContent, do(http.MethodPut, "/users/"+id+"/groups/"+owner, nil))
	}
	members := do(http.MethodGet, "/groups/"+owner+"/members", nil)
	e.check(len(members.list()) == 1 && text(members.list()[0], "id") == id, "members: %s", members.body)
	e.check(len(do(http.MethodGet, "/groups/"+root+"/members", nil).list()) == 0, "members of a parent include those of its children")
	mine := do(http.MethodGet, "/users/"+id+"/groups", nil)
	e.check(len(mine.list()) == 1 && text(mine.list()[0], "path") == "/tenants/many/owner", "groups of a user: %s", mine.body)
	for range 2 {
		e.wants(http.StatusNoContent, do(http.MethodDelete, "/users/"+id+"/groups/"+owner, nil))
	}
	none := "00000000-0000-0000-0000-000000000000"
	e.refused(do(http.MethodPut, "/users/"+id+"/groups/"+none, nil), http.StatusNotFound, "Group not found")
	e.refused(do(http.MethodPut, "/users/"+none+"/groups/"+owner, nil), http.StatusNotFound, "User not found")
	e.refused(do(http.MethodGet, "/groups/"+none, nil), http.StatusNotFound, "error")
	e.wants(http.StatusNoContent, do(http.MethodDelete, "/groups/"+root, nil))
	e.refused(do(http.MethodGet, "/groups/"+owner, nil), http.StatusNotFound)
	e.refused(do(http.MethodDelete, "/groups/"+root, nil), http.StatusNotFound)
	e.refused(do(http.MethodGet, "/group-by-path/tenants/many/owner", nil), http.StatusNotFound, "Group path does not exist")
}

func checkUsers(e *env) {
	token := e.tenantToken()
	do := func(method, path string, body any) reply { e.t.Helper(); return e.as(token, method, path, body) }
	email := "Mixed.Case@llconf.test"
	r := do(http.MethodPost, "/users", object{"username": email, "email": email, "enabled": true, "firstName": "Mi", "lastName": "Xed"})
	e.wants(http.StatusCreated, r)
	id := r.id()
	e.refused(do(http.MethodPost, "/users", object{"username": email, "email": email, "enabled": true}), http.StatusConflict, "User exists with same")
	e.refused(do(http.MethodPost, "/users", object{"username": "x", "colour": "red"}), http.StatusBadRequest, "colour")
	e.refused(do(http.MethodPost, "/users", object{"username": "y@llconf.test", "email": "y@llconf.test", "groups": []string{"/no/such"}}),
		http.StatusInternalServerError, "unknown_error")
	got := do(http.MethodGet, "/users/"+id, nil)
	e.check(text(got.value, "email") == strings.ToLower(email) && text(got.value, "username") == strings.ToLower(email), "user: %s", got.body)
	e.check(got.object()["groups"] == nil, "a user holds its groups: %s", got.body)
	found := do(http.MethodGet, "/users?exact=true&email="+url.QueryEscape(email), nil)
	e.check(len(found.list()) == 1 && text(found.list()[0], "id") == id, "by e-mail, exactly: %s", found.body)
	e.check(len(do(http.MethodGet, "/users?exact=true&email=ixed.case", nil).list()) == 0, "exact found a part")
	e.check(len(do(http.MethodGet, "/users?email=ixed.case", nil).list()) == 1, "a part is not found")

	e.wants(http.StatusNoContent, do(http.MethodPut, "/users/"+id, object{"firstName": "New"}))
	got = do(http.MethodGet, "/users/"+id, nil)
	e.check(text(got.value, "firstName") == "New" && text(got.value, "lastName") == "Xed", "after a partial update: %s", got.body)
	e.refused(do(http.MethodPut, "/users/"+id, object{"attributes": object{}}), http.StatusBadRequest, "error-user-attribute-required")
	e.wants(http.StatusNoContent, do(http.MethodPut, "/users/"+id, object{"attributes": object{}, "email": email}))
	got = do(http.MethodGet, "/users/"+id, nil)
	e.check(text(got.value, "firstName") == "" && text(got.value, "lastName") == "", "an update with attributes erases names: %s", got.body)

	none := "00000000-0000-0000-0000-000000000000"
	e.refused(do(http.MethodGet, "/users/"+none, nil), http.StatusNotFound, "User not found")
	e.wants(http.StatusNoContent, do(http.MethodDelete, "/users/"+id, nil))
	e.refused(do(http.MethodDelete, "/users/"+id, nil), http.StatusNotFound)
}

func checkClients(e *env) {
	token := e.tenantToken()
	do := func(method, path string, body any) reply { e.t.Helper(); return e.as(token, method, path, body) }
	id := e.client("sa-two")
	e.refused(do(http.MethodPost, "/clients", object{"clientId": "sa-two"}), http.StatusConflict, "Client sa-two already exists")
	found := do(http.MethodGet, "/clients?clientId=sa-two", nil)
	e.check(len(found.list()) == 1 && text(found.list()[0], "id") == id, "by client id: %s", found.body)
	e.check(len(do(http.MethodGet, "/clients?clientId=sa-tw", nil).list()) == 0, "a part of a client id is found")
	e.wants(http.StatusNoContent, do(http.MethodPut, "/clients/"+id, object{"enabled": false}))
	got := do(http.MethodGet, "/clients/"+id, nil)
	attributes, _ := got.object()["attributes"].(object)
	e.check(got.object()["enabled"] == false && got.object()["serviceAccountsEnabled"] == true && text(attributes, "lowlayer.name") == "x",
		"after a partial update: %s", got.body)
	e.wants(http.StatusNoContent, do(http.MethodDelete, "/clients/"+id, nil))
	e.refused(do(http.MethodGet, "/clients/"+id, nil), http.StatusNotFound, "Could not find client")
	e.refused(do(http.MethodDelete, "/clients/"+id, nil), http.StatusNotFound)
}

func checkPrivilege(e *env) {
	id := e.client("sa-none")
	secret := text(e.admin(http.MethodGet, "/clients/"+id+"/client-secret", nil).value, "value")
	r := e.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {"sa-none"}, "client_secret": {secret}})
	nobody := text(r.value, "access_token")
	for _, path := range []string{"/users", "/clients", "/groups", "/events", "/users/profile"} {
		e.refused(e.as(nobody, http.MethodGet, path, nil), http.StatusForbidden, "HTTP 403 Forbidden")
	}
	tenant := e.tenantToken()
	e.refused(e.as(tenant, http.MethodPut, "", object{"displayName": "mine"}), http.StatusForbidden)
	e.refused(e.as(tenant, http.MethodPost, "/roles", object{"name": "mine"}), http.StatusForbidden)
	e.refused(e.as(tenant, http.MethodPost, "/components", object{"name": "mine"}), http.StatusForbidden)
	other := e.in(e.t)
	other.name = "master"
	e.refused(other.as(tenant, http.MethodGet, "/users", nil), http.StatusForbidden)

	management := e.admin(http.MethodGet, "/clients?clientId=realm-management", nil).list()
	account := e.admin(http.MethodGet, "/clients/"+id+"/service-account-user", nil)
	clientID := text(management[0], "id")
	role := e.admin(http.MethodGet, "/clients/"+clientID+"/roles/realm-admin", nil)
	e.wants(http.StatusOK, role)
	e.refused(e.as(tenant, http.MethodPost, "/users/"+text(account.value, "id")+"/role-mappings/clients/"+clientID, []any{role.value}),
		http.StatusForbidden)
}

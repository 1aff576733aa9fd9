package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func userNotFound() *fault { return deny(http.StatusNotFound, "User not found") }

// userFields are what a representation of a user may hold; anything else is refused as by the real one.
var userFields = []string{
	"id", "username", "email", "emailVerified", "enabled", "firstName", "lastName", "groups", "requiredActions", "attributes",
	"credentials", "createdTimestamp", "totp", "disableableCredentialTypes", "notBefore", "access", "federationLink", "realmRoles",
	"clientRoles", "serviceAccountClientId", "userProfileMetadata", "origin", "self", "federatedIdentities", "clientConsents",
	"applicationRoles", "socialLinks",
}

func newUser(rep object) *user {
	u := &user{
		ID: newID(), Rep: with(rep, nil), UsedOTP: map[string]bool{}, Groups: map[string]bool{}, RealmRoles: map[string]bool{},
		ClientRoles: map[string]map[string]bool{},
	}
	u.Rep["id"] = u.ID
	return u
}

// userByLogin finds by username or e-mail, whatever the case.
func (r *realm) userByLogin(name string) *user {
	for _, u := range r.Users {
		if strings.EqualFold(text(u.Rep, "username"), name) || (name != "" && strings.EqualFold(text(u.Rep, "email"), name)) {
			return u
		}
	}
	return nil
}

func checkUser(rep object) *fault {
	for k := range rep {
		if !slices.Contains(userFields, k) {
			return failed(http.StatusBadRequest, object{"error": fmt.Sprintf("Unrecognized field %q (class org.keycloak.representations.idm.UserRepresentation), not marked as ignorable", k)})
		}
	}
	return nil
}

func createUser(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	if f := checkUser(rep); f != nil {
		return f
	}
	email := strings.ToLower(text(rep, "email"))
	name := strings.ToLower(text(rep, "username"))
	if truth(c.realm.Rep, "registrationEmailAsUsername") && email != "" {
		name = email
	}
	if name == "" {
		return failed(http.StatusBadRequest, object{"errorMessage": "User name is missing"})
	}
	for _, u := range c.realm.Users {
		switch {
		case text(u.Rep, "username") == name:
			return conflict("User exists with same username")
		case email != "" && text(u.Rep, "email") == email:
			return conflict("User exists with same email")
		}
	}
	groups := map[string]bool{}
	for _, path := range texts(rep, "groups") {
		id := c.realm.groupAt(path)
		if id == "" {
			return failed(http.StatusInternalServerError, object{"error": "unknown_error"})
		}
		groups[id] = true
	}
	u := newUser(rep)
	u.Groups = groups
	u.Rep["username"], u.Rep["createdTimestamp"] = name, c.sim.now().UnixMilli()
	if email != "" {
		u.Rep["email"] = email
	}
	u.credentials(rep)
	delete(u.Rep, "groups")
	c.realm.Users[u.ID] = u
	return c.created("users", u.ID)
}

func (r *realm) groupAt(path string) string {
	for id, g := range r.Groups {
		if r.path(g) == path {
			return id
		}
	}
	return ""
}

// credentials takes passwords and OTP secrets out of a representation.
func (u *user) credentials(rep object) {
	list, _ := rep["credentials"].([]any)
	for _, v := range list {
		cred, _ := v.(object)
		switch text(cred, "type") {
		case "password":
			u.setPassword(text(cred, "value"), truth(cred, "temporary"))
		case "otp":
			var secret struct{ Value string }
			if json.Unmarshal([]byte(text(cred, "secretData")), &secret) == nil {
				u.OTP = secret.Value
			}
		}
	}
	delete(u.Rep, "credentials")
}

// userCredentials returns the credentials of a user, without their secrets.
func userCredentials(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	list := []object{}
	for kind, held := range map[string]bool{"password": u.Password != "", "otp": u.OTP != ""} {
		if held {
			list = append(list, object{"id": kind + "-" + u.ID, "type": kind})
		}
	}
	return c.answer(list)
}

func (u *user) setPassword(password string, temporary bool) {
	u.Password = password
	actions := slices.DeleteFunc(texts(u.Rep, "requiredActions"), func(a string) bool { return a == "UPDATE_PASSWORD" })
	if temporary {
		actions = append(actions, "UPDATE_PASSWORD")
	}
	u.setActions(actions)
}

func (u *user) setActions(actions []string) {
	list := make([]any, len(actions))
	for i, a := range actions {
		list[i] = a
	}
	u.Rep["requiredActions"] = list
}

func (u *user) shown() object {
	return with(u.Rep, object{"totp": u.OTP != "", "enabled": truth(u.Rep, "enabled"), "emailVerified": truth(u.Rep, "emailVerified")})
}

// answerUsers responds with a hundred unless asked for more; service accounts are in lists of members only.
func (c *call) answerUsers(want func(*user) bool) *fault {
	out := []object{}
	for _, u := range c.realm.Users {
		if want(u) {
			out = append(out, u.shown())
		}
	}
	slices.SortFunc(out, func(a, b object) int { return strings.Compare(text(a, "username"), text(b, "username")) })
	return c.answer(page(out, c.r, 100))
}

func (c *call) matching() func(*user) bool {
	q := c.r.URL.Query()
	exact := q.Get("exact") == "true"
	like := func(have, want string) bool {
		have, want = strings.ToLower(have), strings.ToLower(want)
		if exact {
			return have == want
		}
		return strings.Contains(have, want)
	}
	return func(u *user) bool {
		if u.Client != "" && q.Get("username") == "" { // a service account is found by its name alone
			return false
		}
		for _, field := range []string{"username", "email", "firstName", "lastName"} {
			if v := q.Get(field); v != "" && !like(text(u.Rep, field), v) {
				return false
			}
		}
		search := q.Get("search")
		return search == "" || like(text(u.Rep, "username"), search) || like(text(u.Rep, "email"), search)
	}
}

func listUsers(c *call) *fault { return c.answerUsers(c.matching()) }

func countUsers(c *call) *fault {
	n, want := 0, c.matching()
	for _, u := range c.realm.Users {
		if want(u) {
			n++
		}
	}
	return c.answer(n)
}

func (c *call) user() (*user, *fault) {
	u := c.realm.Users[c.path("id")]
	if u == nil {
		return nil, userNotFound()
	}
	return u, nil
}

func getUser(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	return c.answer(u.shown())
}

// updateUser keeps what is not named, but one that names attributes erases the e-mail and the names it leaves out.
func updateUser(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	if f := checkUser(rep); f != nil {
		return f
	}
	email := strings.ToLower(text(rep, "email"))
	for _, other := range c.realm.Users {
		if other != u && email != "" && text(other.Rep, "email") == email {
			return conflict("User exists with same email")
		}
	}
	if _, ok := rep["attributes"]; ok {
		if email == "" && c.realm.requires("email") {
			return failed(http.StatusBadRequest, object{"field": "email", "errorMessage": "error-user-attribute-required", "params": []string{"email"}})
		}
		for _, field := range []string{"email", "firstName", "lastName"} {
			delete(u.Rep, field)
		}
	}
	delete(rep, "groups")
	u.Rep = with(u.Rep, rep)
	u.Rep["id"] = u.ID
	if email != "" {
		u.Rep["email"] = email
	}
	u.credentials(rep)
	return c.done()
}

// requires reports whether the user profile demands an attribute.
func (r *realm) requires(name string) bool {
	list, _ := r.Profile["attributes"].([]any)
	for _, v := range list {
		if a, _ := v.(object); text(a, "name") == name {
			return a["required"] != nil
		}
	}
	return false
}

func deleteUser(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	c.realm.dropSessions(u.ID)
	delete(c.realm.Users, u.ID)
	return c.done()
}

func (r *realm) dropSessions(user string) {
	for id, se := range r.Sessions {
		if se.User == user {
			delete(r.Sessions, id)
		}
	}
}

func logoutUser(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	c.realm.dropSessions(u.ID)
	return c.done()
}

func resetPassword(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	u.setPassword(text(rep, "value"), truth(rep, "temporary"))
	return c.done()
}

// sendActions has no mail server, as a realm without one.
func sendActions(c *call) *fault {
	if _, f := c.user(); f != nil {
		return f
	}
	return failed(http.StatusInternalServerError, object{"errorMessage": "Failed to send execute actions email"})
}

func userGroups(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	var list []*group
	for id := range u.Groups {
		list = append(list, c.realm.Groups[id])
	}
	slices.SortFunc(list, func(a, b *group) int { return strings.Compare(a.Name, b.Name) })
	return c.answerGroups(list, -1)
}

func joinGroup(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	if c.realm.Groups[c.path("group")] == nil {
		return deny(http.StatusNotFound, "Group not found")
	}
	u.Groups[c.path("group")] = true
	return c.done()
}

func leaveGroup(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	if c.realm.Groups[c.path("group")] == nil {
		return deny(http.StatusNotFound, "Group not found")
	}
	delete(u.Groups, c.path("group"))
	return c.done()
}

func userRealmRoles(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	out := []object{}
	for _, name := range sortedKeys(u.RealmRoles) {
		out = append(out, c.realm.Roles[name])
	}
	return c.answer(out)
}

func mapUserRoles(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	return c.mapRoles(u.RealmRoles)
}

func userClientRoles(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	cl := c.realm.Clients[c.path("client")]
	if cl == nil {
		return deny(http.StatusNotFound, "Client not found")
	}
	out := []object{}
	for _, name := range sortedKeys(u.ClientRoles[cl.ID]) {
		out = append(out, cl.Roles[name])
	}
	return c.answer(out)
}

// mapClientRoles refuses roles of administrators to callers who do not have them.
func mapClientRoles(c *call) *fault {
	u, f := c.user()
	if f != nil {
		return f
	}
	cl := c.realm.Clients[c.path("client")]
	if cl == nil {
		return deny(http.StatusNotFound, "Client not found")
	}
	roles, f := decode[[]object](c.r)
	if f != nil {
		return f
	}
	for _, role := range roles {
		name := text(role, "name")
		if cl.Roles[name] == nil {
			return deny(http.StatusNotFound, "Role not found")
		}
		if text(cl.Rep, "clientId") == management && !c.who.RealmRoles["admin"] && !c.realm.manages(c.who, name) {
			return deny(http.StatusForbidden, "HTTP 403 Forbidden")
		}
		if u.ClientRoles[cl.ID] == nil {
			u.ClientRoles[cl.ID] = map[string]bool{}
		}
		u.ClientRoles[cl.ID][name] = true
	}
	return c.done()
}

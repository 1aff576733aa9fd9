package sim

import "net/http"

func (cl *call) userView(u *user) map[string]any {
	v := map[string]any{
		"id": u.ID, "name": u.Name, "domain_id": u.DomainID, "enabled": u.Enabled,
		"password_expires_at": nil, "options": map[string]any{}, "links": cl.selfLink("users", u.ID),
	}
	for key, value := range map[string]string{
		"default_project_id": u.DefaultProjectID, "email": u.Email, "description": u.Description,
	} {
		if value != "" {
			v[key] = value
		}
	}
	return v
}

func (s *state) userNameTaken(name, domainID, except string) bool {
	_, taken := find(s.Users, func(u *user) bool { return u.Name == name && u.DomainID == domainID && u.ID != except })
	return taken
}

func errUserName(name, domainID string) *apiError {
	return failf(http.StatusConflict,
		"Conflict occurred attempting to store user - Duplicate entry found with name %s at domain ID %s.", name, domainID)
}

func createUser(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("user")
	if fail != nil {
		return refuse(fail)
	}
	name := a.name("")
	u := &user{
		DomainID: a.str("domain_id", defaultDomainID), DefaultProjectID: a.str("default_project_id", ""),
		Email: a.str("email", ""), Password: a.str("password", ""), Enabled: a.boolean("enabled", true),
		PasswordSetAt: cl.now,
	}
	description := a.str("description", "")
	if fail := identityName(a, name); fail != nil {
		return refuse(fail)
	}
	if cl.st.Domains[u.DomainID] == nil {
		return refuse(errMissing("domain", u.DomainID))
	}
	if cl.st.userNameTaken(name, u.DomainID, "") {
		return refuse(errUserName(name, u.DomainID))
	}
	u.meta = cl.st.newMeta(newHexID(), cl.now)
	u.Name, u.Description = name, description
	cl.st.Users[u.ID] = u
	return created(map[string]any{"user": cl.userView(u)})
}

func listUsers(cl *call) (reply, *apiError) {
	items := []any{}
	for _, u := range inOrder(cl.st.Users, func(u *user) bool {
		return cl.fresh(&u.meta) && fits(cl.query, map[string]string{
			"name": u.Name, "domain_id": u.DomainID, "enabled": boolText(u.Enabled),
		})
	}) {
		items = append(items, cl.userView(u))
	}
	return cl.collection("users", items)
}

func (cl *call) userInPath(action string) (*user, *apiError) {
	id := cl.path("user")
	if id != cl.who.userID && !cl.who.admin {
		return nil, errForbidden("identity:" + action)
	}
	u := cl.st.Users[id]
	if u == nil {
		return nil, errMissing("user", id)
	}
	return u, nil
}

func showUser(cl *call) (reply, *apiError) {
	u, fail := cl.userInPath("get_user")
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"user": cl.userView(u)})
}

func updateUser(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("user")
	if fail != nil {
		return refuse(fail)
	}
	u, fail := cl.userInPath("update_user")
	if fail != nil {
		return refuse(fail)
	}
	name, enabled := a.name(u.Name), a.boolean("enabled", u.Enabled)
	password, email := a.str("password", u.Password), a.str("email", u.Email)
	description, home := a.str("description", u.Description), a.str("default_project_id", u.DefaultProjectID)
	if fail := identityName(a, name); fail != nil {
		return refuse(fail)
	}
	if cl.st.userNameTaken(name, u.DomainID, u.ID) {
		return refuse(errUserName(name, u.DomainID))
	}
	// A disabled project or domain only suspends its tokens; a user's are gone for good.
	if u.Enabled && !enabled || a.has("password") {
		cl.st.revokeTokens(func(t *token) bool { return t.UserID == u.ID })
	}
	u.Name, u.Enabled, u.Password, u.Email = name, enabled, password, email
	u.Description, u.DefaultProjectID = description, home
	u.touch(cl.now)
	return ok(map[string]any{"user": cl.userView(u)})
}

// changePassword is a user's own: it asks for the old one, not for a role.
func changePassword(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("user")
	if fail != nil {
		return refuse(fail)
	}
	u := cl.st.Users[cl.path("user")]
	old, fresh := a.need("original_password"), a.need("password")
	if a.fail != nil {
		return refuse(failf(http.StatusBadRequest, "%s", a.fail.message))
	}
	if u == nil || !sameSecret(u.Password, old) {
		return refuse(errUnauthenticated())
	}
	u.Password, u.PasswordSetAt = fresh, cl.now
	cl.st.revokeTokens(func(t *token) bool { return t.UserID == u.ID })
	return noContent()
}

func deleteUser(cl *call) (reply, *apiError) {
	u := cl.st.Users[cl.path("user")]
	if u == nil {
		return refuse(errMissing("user", cl.path("user")))
	}
	cl.st.removeUser(u.ID)
	return noContent()
}

func (s *state) removeUser(id string) {
	s.dropAssignments(func(a assignment) bool { return a.UserID == id })
	for _, c := range inOrder(s.AppCredentials, func(c *appCredential) bool { return c.UserID == id }) {
		delete(s.AppCredentials, c.ID)
	}
	s.revokeTokens(func(t *token) bool { return t.UserID == id })
	delete(s.Users, id)
}

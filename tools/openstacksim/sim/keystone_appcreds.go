package sim

import (
	"net/http"
	"slices"
	"time"
)

func (cl *call) appCredentialView(a *appCredential) map[string]any {
	roles := make([]any, 0, len(a.RoleIDs))
	for _, id := range a.RoleIDs {
		if r := cl.st.Roles[id]; r != nil {
			roles = append(roles, map[string]any{"id": r.ID, "name": r.Name, "domain_id": nil})
		}
	}
	v := map[string]any{
		"id": a.ID, "name": a.Name, "description": nil, "project_id": a.ProjectID, "user_id": a.UserID,
		"roles": roles, "unrestricted": a.Unrestricted, "expires_at": nil, "system": nil,
		"links": cl.selfLink("users", a.UserID, "application_credentials", a.ID),
	}
	if a.Description != "" {
		v["description"] = a.Description
	}
	if a.ExpiresAt != nil {
		v["expires_at"] = novaStamp(*a.ExpiresAt)
	}
	if len(a.AccessRules) > 0 {
		v["access_rules"] = a.AccessRules
	}
	return v
}

// ownCredentials lets only the user manage them, an administrator included: in Keystone
// nobody makes a credential that acts for somebody else.
func (cl *call) ownCredentials(action string, adminToo bool) *apiError {
	if cl.path("user") != cl.who.userID && !(adminToo && cl.who.admin) {
		return errForbidden("identity:" + action)
	}
	return nil
}

func createAppCredential(cl *call) (reply, *apiError) {
	if fail := cl.ownCredentials("create_application_credential", false); fail != nil {
		return refuse(fail)
	}
	if fail := cl.unrestricted(); fail != nil {
		return refuse(fail)
	}
	a, fail := cl.envelope("application_credential")
	if fail != nil {
		return refuse(fail)
	}
	if cl.who.projectID == "" {
		return refuse(failf(http.StatusBadRequest, "Invalid application credential: the token is not scoped to a project"))
	}
	cred := &appCredential{
		UserID: cl.who.userID, Secret: a.str("secret", ""), Unrestricted: a.boolean("unrestricted", false),
	}
	name, description := a.name(""), a.str("description", "")
	if fail := identityName(a, name); fail != nil {
		return refuse(fail)
	}
	if fail := cl.credentialDetails(a, cred); fail != nil {
		return refuse(fail)
	}
	if _, taken := find(cl.st.AppCredentials, func(c *appCredential) bool {
		return c.UserID == cred.UserID && c.Name == name
	}); taken {
		return refuse(failf(http.StatusConflict,
			"Conflict occurred attempting to store application_credential - Duplicate entry found with name %s.", name))
	}
	cred.Secret = orDefault(cred.Secret, newSecret())
	cred.meta = cl.st.newMeta(newHexID(), cl.now)
	cred.Name, cred.Description, cred.ProjectID = name, description, cl.who.projectID
	cl.st.AppCredentials[cred.ID] = cred
	v := cl.appCredentialView(cred)
	v["secret"] = cred.Secret // shown this once
	return created(map[string]any{"application_credential": v})
}

func (cl *call) unrestricted() *apiError {
	if id := cl.who.token.AppCredentialID; id != "" && !cl.st.AppCredentials[id].Unrestricted {
		return failf(http.StatusForbidden, "Using method 'application_credential' is not allowed for managing "+
			"additional application credentials.")
	}
	return nil
}

func (cl *call) credentialDetails(a *attrs, cred *appCredential) *apiError {
	if text := a.str("expires_at", ""); text != "" {
		at, err := parseStamp(text)
		if err != nil {
			return failf(http.StatusBadRequest, "Invalid input for field 'expires_at': '%s' is not a 'date-time'", text)
		}
		if !at.After(cl.now) {
			return failf(http.StatusBadRequest, "The 'expires_at' must not be before now. The server could not comply with "+
				"the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.")
		}
		cred.ExpiresAt = &at
	}
	if a.into("access_rules", &cred.AccessRules) {
		for i := range cred.AccessRules {
			cred.AccessRules[i].ID = orDefault(cred.AccessRules[i].ID, newHexID())
		}
	}
	held := cl.st.roleObjects(cl.who.token)
	var wanted []nameRef
	if !a.into("roles", &wanted) {
		for _, r := range held {
			cred.RoleIDs = append(cred.RoleIDs, r.ID)
		}
		return nil
	}
	for _, ref := range wanted {
		i := slices.IndexFunc(held, func(r *role) bool { return r.ID == ref.ID || ref.ID == "" && r.Name == ref.Name })
		if i < 0 {
			return failf(http.StatusBadRequest, "Invalid application credential: Could not find role assignment with role: %s, "+
				"user or group: %s, project, domain, or system: %s.", orDefault(ref.ID, ref.Name), cl.who.userID, cl.who.projectID)
		}
		cred.RoleIDs = append(cred.RoleIDs, held[i].ID)
	}
	return nil
}

func parseStamp(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Parse(time.RFC3339, text)
}

func listAppCredentials(cl *call) (reply, *apiError) {
	if fail := cl.ownCredentials("list_application_credentials", true); fail != nil {
		return refuse(fail)
	}
	items := []any{}
	for _, a := range inOrder(cl.st.AppCredentials, func(a *appCredential) bool {
		return a.UserID == cl.path("user") && cl.fresh(&a.meta) && fits(cl.query, map[string]string{"name": a.Name})
	}) {
		items = append(items, cl.appCredentialView(a))
	}
	return cl.collection("application_credentials", items)
}

func (cl *call) appCredentialInPath() (*appCredential, *apiError) {
	a := cl.st.AppCredentials[cl.path("id")]
	if a == nil || a.UserID != cl.path("user") {
		return nil, errMissing("Application Credential", cl.path("id"))
	}
	return a, nil
}

func showAppCredential(cl *call) (reply, *apiError) {
	if fail := cl.ownCredentials("get_application_credential", true); fail != nil {
		return refuse(fail)
	}
	a, fail := cl.appCredentialInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"application_credential": cl.appCredentialView(a)})
}

func deleteAppCredential(cl *call) (reply, *apiError) {
	if fail := cl.ownCredentials("delete_application_credential", true); fail != nil {
		return refuse(fail)
	}
	if fail := cl.unrestricted(); fail != nil {
		return refuse(fail)
	}
	a, fail := cl.appCredentialInPath()
	if fail != nil {
		return refuse(fail)
	}
	cl.st.revokeTokens(func(t *token) bool { return t.AppCredentialID == a.ID })
	delete(cl.st.AppCredentials, a.ID)
	return noContent()
}

func listAccessRules(cl *call) (reply, *apiError) {
	if fail := cl.ownCredentials("list_access_rules", true); fail != nil {
		return refuse(fail)
	}
	items := []any{}
	for _, a := range inOrder(cl.st.AppCredentials, func(a *appCredential) bool { return a.UserID == cl.path("user") }) {
		for _, r := range a.AccessRules {
			items = append(items, r)
		}
	}
	return cl.collection("access_rules", items)
}

package sim

import (
	"net/http"
	"slices"
)

func (cl *call) projectView(p *project) map[string]any {
	return map[string]any{
		"id": p.ID, "name": p.Name, "description": p.Description, "enabled": p.Enabled,
		"domain_id": p.DomainID, "parent_id": p.ParentID, "is_domain": false,
		"tags": p.Tags, "options": map[string]any{}, "links": cl.selfLink("projects", p.ID),
	}
}

func (s *state) projectNameTaken(name, domainID, except string) *project {
	p, _ := find(s.Projects, func(p *project) bool {
		return p.Name == name && p.DomainID == domainID && p.ID != except
	})
	return p
}

func errProjectName(p *project) *apiError {
	return failf(http.StatusConflict, "Conflict occurred attempting to store project - it is not permitted to have "+
		"two projects with either the same name or same id in the same domain: name is %s, project id %s.", p.Name, p.ID)
}

func createProject(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("project")
	if fail != nil {
		return refuse(fail)
	}
	name := a.name("")
	domainID := a.str("domain_id", defaultDomainID)
	p := &project{
		DomainID: domainID, ParentID: a.str("parent_id", domainID), Enabled: a.boolean("enabled", true),
	}
	description, tags := a.str("description", ""), a.strings("tags", []string{})
	if fail := identityName(a, name); fail != nil {
		return refuse(fail)
	}
	if cl.st.Domains[domainID] == nil {
		return refuse(errMissing("domain", domainID))
	}
	if p.ParentID != domainID && cl.st.Projects[p.ParentID] == nil {
		return refuse(errMissing("project", p.ParentID))
	}
	if other := cl.st.projectNameTaken(name, domainID, ""); other != nil {
		return refuse(errProjectName(other))
	}
	if fail := checkIdentityTags(tags); fail != nil {
		return refuse(fail)
	}
	p.meta = cl.st.newMeta(newHexID(), cl.now)
	p.Name, p.Description, p.Tags = name, description, tags
	cl.st.Projects[p.ID] = p
	return created(map[string]any{"project": cl.projectView(p)})
}

func listProjects(cl *call) (reply, *apiError) {
	return cl.projectList(func(*project) bool { return true })
}

func (cl *call) projectList(keep func(*project) bool) (reply, *apiError) {
	items := []any{}
	if equalFilter("true", cl.query.Get("is_domain")) && cl.query.Has("is_domain") {
		return cl.collection("projects", items)
	}
	for _, p := range inOrder(cl.st.Projects, func(p *project) bool {
		return keep(p) && cl.fresh(&p.meta) && tagsFit(cl.query, p.Tags) && fits(cl.query, map[string]string{
			"name": p.Name, "domain_id": p.DomainID, "enabled": boolText(p.Enabled), "parent_id": p.ParentID,
		})
	}) {
		items = append(items, cl.projectView(p))
	}
	return cl.collection("projects", items)
}

// listOwnProjects is what a user may scope to: GET /v3/auth/projects and /users/{id}/projects.
func listOwnProjects(cl *call) (reply, *apiError) {
	userID := cl.path("user")
	if userID == "" {
		userID = cl.who.userID
	}
	if userID != cl.who.userID && !cl.who.admin {
		return refuse(errForbidden("identity:list_user_projects"))
	}
	return cl.projectList(func(p *project) bool {
		return slices.ContainsFunc(cl.st.Assignments, func(a assignment) bool {
			return a.UserID == userID && a.Scope == onProject && a.TargetID == p.ID
		})
	})
}

func (cl *call) projectInPath() (*project, *apiError) {
	p := cl.st.Projects[cl.path("id")]
	if p == nil {
		return nil, errMissing("project", cl.path("id"))
	}
	return p, nil
}

func showProject(cl *call) (reply, *apiError) {
	if !cl.who.owns(cl.path("id")) {
		return refuse(errForbidden("identity:get_project"))
	}
	p, fail := cl.projectInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"project": cl.projectView(p)})
}

func updateProject(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("project")
	if fail != nil {
		return refuse(fail)
	}
	p, fail := cl.projectInPath()
	if fail != nil {
		return refuse(fail)
	}
	name, enabled, description := a.name(p.Name), a.boolean("enabled", p.Enabled), a.str("description", p.Description)
	tags := a.strings("tags", p.Tags)
	if fail := identityName(a, name); fail != nil {
		return refuse(fail)
	}
	if a.has("domain_id") && a.str("domain_id", "") != p.DomainID {
		return refuse(failf(http.StatusBadRequest, "Update of `domain_id` is not allowed. The server could not comply with "+
			"the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."))
	}
	if other := cl.st.projectNameTaken(name, p.DomainID, p.ID); other != nil {
		return refuse(errProjectName(other))
	}
	if fail := checkIdentityTags(tags); fail != nil {
		return refuse(fail)
	}
	p.Name, p.Enabled, p.Description, p.Tags = name, enabled, description, tags
	p.touch(cl.now)
	return ok(map[string]any{"project": cl.projectView(p)})
}

func deleteProject(cl *call) (reply, *apiError) {
	p, fail := cl.projectInPath()
	if fail != nil {
		return refuse(fail)
	}
	cl.st.removeProject(p.ID)
	return noContent()
}

// removeProject leaves what other services hold for the project, as Keystone does.
func (s *state) removeProject(id string) {
	s.dropAssignments(func(a assignment) bool { return a.Scope == onProject && a.TargetID == id })
	for _, c := range inOrder(s.AppCredentials, func(c *appCredential) bool { return c.ProjectID == id }) {
		delete(s.AppCredentials, c.ID)
	}
	s.revokeTokens(func(t *token) bool { return t.ProjectID == id })
	delete(s.Projects, id)
}

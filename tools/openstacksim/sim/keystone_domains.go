package sim

import "net/http"

func (cl *call) domainView(d *domain) map[string]any {
	return map[string]any{
		"id": d.ID, "name": d.Name, "description": d.Description, "enabled": d.Enabled,
		"tags": d.Tags, "options": map[string]any{}, "links": cl.selfLink("domains", d.ID),
	}
}

func (s *state) domainNameTaken(name, except string) bool {
	_, taken := find(s.Domains, func(d *domain) bool { return d.Name == name && d.ID != except })
	return taken
}

func errDomainName(name string) *apiError {
	return failf(http.StatusConflict, "Conflict occurred attempting to store project - it is not permitted to have "+
		"two projects acting as domains with the same name: %s.", name)
}

func createDomain(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("domain")
	if fail != nil {
		return refuse(fail)
	}
	d := &domain{Enabled: a.boolean("enabled", true)}
	name, description := a.name(""), a.str("description", "")
	tags := a.strings("tags", []string{})
	if fail := identityName(a, name); fail != nil {
		return refuse(fail)
	}
	if cl.st.domainNameTaken(name, "") {
		return refuse(errDomainName(name))
	}
	d.meta = cl.st.newMeta(newHexID(), cl.now)
	d.Name, d.Description, d.Tags = name, description, tags
	cl.st.Domains[d.ID] = d
	return created(map[string]any{"domain": cl.domainView(d)})
}

func identityName(a *attrs, name string) *apiError {
	if a.fail != nil {
		return failf(http.StatusBadRequest, "%s", a.fail.message)
	}
	if name == "" {
		return failf(http.StatusBadRequest, "Invalid input for field 'name': '' is too short")
	}
	return nil
}

func listDomains(cl *call) (reply, *apiError) {
	items := []any{}
	for _, d := range inOrder(cl.st.Domains, func(d *domain) bool {
		return cl.fresh(&d.meta) && fits(cl.query, map[string]string{"name": d.Name, "enabled": boolText(d.Enabled)})
	}) {
		items = append(items, cl.domainView(d))
	}
	return cl.collection("domains", items)
}

func showDomain(cl *call) (reply, *apiError) {
	d := cl.st.Domains[cl.path("id")]
	if d == nil {
		return refuse(errMissing("domain", cl.path("id")))
	}
	return ok(map[string]any{"domain": cl.domainView(d)})
}

func updateDomain(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("domain")
	if fail != nil {
		return refuse(fail)
	}
	d := cl.st.Domains[cl.path("id")]
	if d == nil {
		return refuse(errMissing("domain", cl.path("id")))
	}
	name, description, enabled := a.name(d.Name), a.str("description", d.Description), a.boolean("enabled", d.Enabled)
	if fail := identityName(a, name); fail != nil {
		return refuse(fail)
	}
	if cl.st.domainNameTaken(name, d.ID) {
		return refuse(errDomainName(name))
	}
	d.Name, d.Description, d.Enabled = name, description, enabled
	d.touch(cl.now)
	return ok(map[string]any{"domain": cl.domainView(d)})
}

func deleteDomain(cl *call) (reply, *apiError) {
	d := cl.st.Domains[cl.path("id")]
	if d == nil {
		return refuse(errMissing("domain", cl.path("id")))
	}
	if d.Enabled {
		return refuse(failf(http.StatusForbidden, "Cannot delete a domain that is enabled, please disable it first."))
	}
	for _, u := range inOrder(cl.st.Users, func(u *user) bool { return u.DomainID == d.ID }) {
		cl.st.removeUser(u.ID)
	}
	for _, p := range inOrder(cl.st.Projects, func(p *project) bool { return p.DomainID == d.ID }) {
		cl.st.removeProject(p.ID)
	}
	cl.st.dropAssignments(func(a assignment) bool { return a.Scope == onDomain && a.TargetID == d.ID })
	delete(cl.st.Domains, d.ID)
	return noContent()
}

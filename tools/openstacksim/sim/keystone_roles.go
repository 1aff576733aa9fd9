package sim

import "net/http"

func (cl *call) roleView(r *role) map[string]any {
	v := map[string]any{
		"id": r.ID, "name": r.Name, "description": nil, "domain_id": nil,
		"options": map[string]any{}, "links": cl.selfLink("roles", r.ID),
	}
	if r.DomainID != "" {
		v["domain_id"] = r.DomainID
	}
	if r.Description != "" {
		v["description"] = r.Description
	}
	return v
}

func listRoles(cl *call) (reply, *apiError) {
	items := []any{}
	for _, r := range inOrder(cl.st.Roles, func(r *role) bool {
		return cl.fresh(&r.meta) && r.DomainID == cl.query.Get("domain_id") &&
			fits(cl.query, map[string]string{"name": r.Name})
	}) {
		items = append(items, cl.roleView(r))
	}
	return cl.collection("roles", items)
}

func createRole(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("role")
	if fail != nil {
		return refuse(fail)
	}
	name, domainID, description := a.name(""), a.str("domain_id", ""), a.str("description", "")
	if fail := identityName(a, name); fail != nil {
		return refuse(fail)
	}
	if _, taken := find(cl.st.Roles, func(r *role) bool { return r.Name == name && r.DomainID == domainID }); taken {
		return refuse(failf(http.StatusConflict,
			"Conflict occurred attempting to store role - Duplicate entry found with name %s.", name))
	}
	r := &role{meta: cl.st.newMeta(newHexID(), cl.now), DomainID: domainID}
	r.Name, r.Description = name, description
	cl.st.Roles[r.ID] = r
	return created(map[string]any{"role": cl.roleView(r)})
}

func showRole(cl *call) (reply, *apiError) {
	r := cl.st.Roles[cl.path("role")]
	if r == nil {
		return refuse(errMissing("role", cl.path("role")))
	}
	return ok(map[string]any{"role": cl.roleView(r)})
}

func deleteRole(cl *call) (reply, *apiError) {
	r := cl.st.Roles[cl.path("role")]
	if r == nil {
		return refuse(errMissing("role", cl.path("role")))
	}
	cl.st.dropAssignments(func(a assignment) bool { return a.RoleID == r.ID })
	delete(cl.st.Roles, r.ID)
	return noContent()
}

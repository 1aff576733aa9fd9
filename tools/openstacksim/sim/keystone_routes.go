package sim

func (c *Cloud) keystoneRoutes() {
	const v3 = "/identity/v3"
	h := func(pattern string, fn handlerFunc, flags ...routeFlags) {
		c.handle(keystone, pattern, fn, flags...)
	}
	a := func(pattern, action string, fn handlerFunc) { h(pattern, identityAdmin(action, fn)) }

	h("POST "+v3+"/auth/tokens", issueToken, public)
	h("GET "+v3+"/auth/tokens", showToken)
	h("DELETE "+v3+"/auth/tokens", revokeToken)
	h("GET "+v3+"/auth/catalog", showCatalog)
	h("GET "+v3+"/auth/projects", listOwnProjects)

	a("POST "+v3+"/domains", "create_domain", createDomain)
	a("GET "+v3+"/domains", "list_domains", listDomains)
	a("GET "+v3+"/domains/{id}", "get_domain", showDomain)
	a("PATCH "+v3+"/domains/{id}", "update_domain", updateDomain)
	a("DELETE "+v3+"/domains/{id}", "delete_domain", deleteDomain)

	a("POST "+v3+"/projects", "create_project", createProject)
	a("GET "+v3+"/projects", "list_projects", listProjects)
	h("GET "+v3+"/projects/{id}", showProject)
	a("PATCH "+v3+"/projects/{id}", "update_project", updateProject)
	a("DELETE "+v3+"/projects/{id}", "delete_project", deleteProject)
	a("GET "+v3+"/projects/{id}/tags", "list_project_tags", listProjectTags)
	a("PUT "+v3+"/projects/{id}/tags", "update_project_tags", replaceProjectTags)
	a("DELETE "+v3+"/projects/{id}/tags", "delete_project_tags", clearProjectTags)
	a("GET "+v3+"/projects/{id}/tags/{tag}", "get_project_tag", checkProjectTag)
	a("PUT "+v3+"/projects/{id}/tags/{tag}", "create_project_tag", addProjectTag)
	a("DELETE "+v3+"/projects/{id}/tags/{tag}", "delete_project_tag", removeProjectTag)

	a("POST "+v3+"/users", "create_user", createUser)
	a("GET "+v3+"/users", "list_users", listUsers)
	h("GET "+v3+"/users/{user}", showUser)
	a("PATCH "+v3+"/users/{user}", "update_user", updateUser)
	a("DELETE "+v3+"/users/{user}", "delete_user", deleteUser)
	h("POST "+v3+"/users/{user}/password", changePassword, public)
	h("GET "+v3+"/users/{user}/projects", listOwnProjects)

	h("POST "+v3+"/users/{user}/application_credentials", createAppCredential)
	h("GET "+v3+"/users/{user}/application_credentials", listAppCredentials)
	h("GET "+v3+"/users/{user}/application_credentials/{id}", showAppCredential)
	h("DELETE "+v3+"/users/{user}/application_credentials/{id}", deleteAppCredential)
	h("GET "+v3+"/users/{user}/access_rules", listAccessRules)

	a("GET "+v3+"/roles", "list_roles", listRoles)
	a("POST "+v3+"/roles", "create_role", createRole)
	a("GET "+v3+"/roles/{role}", "get_role", showRole)
	a("DELETE "+v3+"/roles/{role}", "delete_role", deleteRole)
	a("GET "+v3+"/role_assignments", "list_role_assignments", listAssignments)
	for kind, path := range map[scopeKind]string{
		onProject: v3 + "/projects/{id}/users/{user}/roles",
		onDomain:  v3 + "/domains/{id}/users/{user}/roles",
		onSystem:  v3 + "/system/users/{user}/roles",
	} {
		a("GET "+path, "list_grants", listGrants(kind))
		a("PUT "+path+"/{role}", "create_grant", grant(kind))
		a("GET "+path+"/{role}", "check_grant", checkGrant(kind))
		a("DELETE "+path+"/{role}", "revoke_grant", revoke(kind))
	}

	a("GET "+v3+"/services", "list_services", listServices)
	a("GET "+v3+"/endpoints", "list_endpoints", listEndpoints)
	h("GET "+v3+"/regions", listRegions)
	h("GET "+v3+"/regions/{id}", showRegion)
}

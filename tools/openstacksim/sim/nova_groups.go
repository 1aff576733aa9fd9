package sim

import (
	"net/http"
	"slices"
)

var groupPolicies = []string{"affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"}

func serverGroupView(g *serverGroup) map[string]any {
	rules := map[string]any{}
	if g.MaxHost > 0 {
		rules["max_server_per_host"] = g.MaxHost
	}
	return map[string]any{
		"id": g.ID, "name": g.Name, "policy": g.Policy, "policies": []string{g.Policy}, "rules": rules,
		"members": orEmpty(g.Members), "project_id": g.ProjectID, "user_id": g.UserID, "metadata": map[string]any{},
	}
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func listServerGroups(cl *call) (reply, *apiError) {
	items := []map[string]any{}
	all := cl.query.Has("all_projects") && cl.who.admin
	for _, g := range inOrder(cl.st.ServerGroups, func(g *serverGroup) bool {
		return (all || g.ProjectID == cl.who.projectID) && cl.fresh(&g.meta)
	}) {
		items = append(items, serverGroupView(g))
	}
	return ok(map[string]any{"server_groups": items})
}

func createServerGroup(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("server_group")
	if fail != nil {
		return refuse(fail)
	}
	g := &serverGroup{UserID: cl.who.userID, Policy: a.str("policy", "")}
	if list := a.strings("policies", nil); g.Policy == "" && len(list) > 0 {
		g.Policy = list[0]
	}
	var rules struct {
		MaxServerPerHost int `json:"max_server_per_host"`
	}
	a.into("rules", &rules)
	name := a.name("")
	if a.fail != nil {
		return refuse(a.fail)
	}
	if !slices.Contains(groupPolicies, g.Policy) {
		return refuse(failf(http.StatusBadRequest, "Invalid input for field/attribute policy. Value: %s. '%s' is not one of %s",
			g.Policy, g.Policy, pythonList(groupPolicies)))
	}
	limit := cl.st.novaQuota(cl.who.projectID)["server_groups"]
	if used := ownedBy(cl.st.ServerGroups, cl.who.projectID); limit >= 0 && used >= limit {
		return refuse(failf(http.StatusForbidden, "Quota exceeded, too many server groups."))
	}
	g.MaxHost = rules.MaxServerPerHost
	g.meta = cl.st.newMeta(newUUID(), cl.now)
	g.Name, g.ProjectID = name, cl.who.projectID
	cl.st.ServerGroups[g.ID] = g
	return ok(map[string]any{"server_group": serverGroupView(g)})
}

func (cl *call) serverGroup(id string) (*serverGroup, *apiError) {
	g := cl.st.ServerGroups[id]
	if g == nil || !cl.who.owns(g.ProjectID) {
		return nil, failf(http.StatusNotFound, "Instance group %s could not be found.", id)
	}
	return g, nil
}

func showServerGroup(cl *call) (reply, *apiError) {
	g, fail := cl.serverGroup(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"server_group": serverGroupView(g)})
}

func deleteServerGroup(cl *call) (reply, *apiError) {
	g, fail := cl.serverGroup(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	delete(cl.st.ServerGroups, g.ID)
	return noContent()
}

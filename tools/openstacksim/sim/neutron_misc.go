package sim

import (
	"crypto/sha256"
	"net/http"
)

var netExtensions = []string{
	"address-scope", "agent", "allowed-address-pairs", "availability_zone", "binding", "default-subnetpools",
	"dns-integration", "ext-gw-mode", "external-net", "extraroute", "extraroute-atomic", "filter-validation",
	"net-mtu", "net-mtu-writable", "network_availability_zone", "pagination", "port-security", "project-id",
	"provider", "quotas", "quota_details", "rbac-address-scope", "rbac-policies", "rbac-security-groups",
	"rbac-subnetpool", "revision-if-match", "router", "security-group", "sorting", "standard-attr-description",
	"standard-attr-revisions", "standard-attr-tag", "standard-attr-timestamp", "stateful-security-group",
	"subnet-service-types", "subnet_allocation", "subnetpool-prefix-ops", "tag-ports-during-bulk-creation",
}

func extensionView(alias string) map[string]any {
	return map[string]any{
		"alias": alias, "name": alias, "description": alias, "links": []any{}, "updated": "2022-10-05T00:00:00-00:00",
	}
}

func listExtensions(*call) (reply, *apiError) {
	items := make([]any, 0, len(netExtensions))
	for _, alias := range netExtensions {
		items = append(items, extensionView(alias))
	}
	return ok(map[string]any{"extensions": items})
}

func showExtension(cl *call) (reply, *apiError) {
	if !containsString(netExtensions, cl.path("alias")) {
		return refuse(netFail(http.StatusNotFound, "HTTPNotFound", "Extension with alias %s does not exist", cl.path("alias")))
	}
	return ok(map[string]any{"extension": extensionView(cl.path("alias"))})
}

// agentID is the same for a host in every run.
func agentID(host string) string {
	sum := sha256.Sum256([]byte("ovn-controller " + host))
	return formatUUID(sum[:16])
}

func (cl *call) agentView(h *computeHost) map[string]any {
	beat := cl.now.UTC().Format("2006-01-02 15:04:05")
	return map[string]any{
		"id": agentID(h.Name), "agent_type": "OVN Controller agent", "binary": "ovn-controller", "host": h.Name,
		"alive": !h.Down, "admin_state_up": true, "topic": "n/a", "availability_zone": "", "description": "",
		"configurations": map[string]any{"chassis_name": h.Name, "bridge-mappings": ""},
		"created_at":     h.CreatedAt.UTC().Format("2006-01-02 15:04:05"),
		"started_at":     h.CreatedAt.UTC().Format("2006-01-02 15:04:05"), "heartbeat_timestamp": beat,
		"resources_synced": nil, "resource_versions": map[string]any{},
	}
}

// listAgents responds with nothing to a filter by "alive", as ML2/OVN does.
func listAgents(cl *call) (reply, *apiError) {
	if !cl.who.admin {
		return refuse(errPolicy("get_agent"))
	}
	items := []any{}
	for _, h := range inOrder(cl.st.Hosts, nil) {
		v := cl.agentView(h)
		if !cl.query.Has("alive") && fits(cl.query, map[string]string{
			"host": h.Name, "binary": "ovn-controller", "agent_type": "OVN Controller agent", "id": agentID(h.Name),
		}) {
			items = append(items, v)
		}
	}
	return ok(map[string]any{"agents": items})
}

func showAgent(cl *call) (reply, *apiError) {
	for _, h := range cl.st.Hosts {
		if cl.who.admin && agentID(h.Name) == cl.path("id") {
			return ok(map[string]any{"agent": cl.agentView(h)})
		}
	}
	return refuse(netFail(http.StatusNotFound, "AgentNotFound", "Agent %s could not be found.", cl.path("id")))
}

// changePrefixes is the subnetpool-prefix-ops extension.
func changePrefixes(add bool) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		o, fail := subnetPools().getOwned(cl, cl.path("id"), "update")
		if fail != nil {
			return refuse(fail)
		}
		var body struct {
			Prefixes []string `json:"prefixes"`
		}
		if fail := cl.decode(&body); fail != nil {
			return refuse(netBadRequest("%s", fail.message))
		}
		next := *o
		list := append([]string{}, o.Prefixes...)
		for _, p := range body.Prefixes {
			list = without(list, p)
			if add {
				list = append(list, p)
			}
		}
		if fail := next.setPrefixes(list); fail != nil {
			return refuse(fail)
		}
		if fail := cl.checkScope(&next, next.ProjectID); fail != nil {
			return refuse(fail)
		}
		for _, n := range cl.st.Subnets {
			if n.SubnetPoolID == o.ID && !prefixesCover(next.Prefixes, []string{n.CIDR}) {
				return refuse(netFail(http.StatusBadRequest, "IllegalSubnetPoolPrefixUpdate",
					"Illegal update to prefixes: the prefix of subnet %s would be removed.", n.ID))
			}
		}
		*o = next
		o.touch(cl.now)
		return ok(map[string]any{"prefixes": o.Prefixes})
	}
}

func (c *Cloud) neutronRoutes() {
	addressScopes().register(c)
	subnetPools().register(c)
	networks().register(c)
	subnets().register(c)
	ports().register(c)
	routers().register(c)
	secGroups().register(c)
	secRules().register(c)
	rbacPolicies().register(c)
	floatingIPs().register(c)
	c.routerActionRoutes()
	c.netQuotaRoutes()
	c.handle(neutron, "PUT "+netPrefix+"subnetpools/{id}/add_prefixes", changePrefixes(true))
	c.handle(neutron, "PUT "+netPrefix+"subnetpools/{id}/remove_prefixes", changePrefixes(false))
	c.handle(neutron, "GET "+netPrefix+"extensions", listExtensions)
	c.handle(neutron, "GET "+netPrefix+"extensions/{alias}", showExtension)
	c.handle(neutron, "GET "+netPrefix+"agents", listAgents)
	c.handle(neutron, "GET "+netPrefix+"agents/{id}", showAgent)
}

package sim

import (
	"net/http"
	"slices"
)

// netQuotaDefaults are those of Neutron.
var netQuotaDefaults = map[string]int{
	"network": 100, "subnet": 100, "subnetpool": -1, "port": 500, "router": 10, "floatingip": 50,
	"security_group": 10, "security_group_rule": 100, "rbac_policy": 10, "trunk": -1, "address_group": -1,
}

func (s *state) netQuota(projectID string) map[string]int {
	out := make(map[string]int, len(netQuotaDefaults))
	for k, v := range netQuotaDefaults {
		out[k] = v
	}
	for k, v := range s.NetQuotas[projectID] {
		out[k] = v
	}
	return out
}

func (s *state) netUsed(resource, projectID string) int {
	switch resource {
	case "network":
		return ownedBy(s.Networks, projectID)
	case "subnet":
		return ownedBy(s.Subnets, projectID)
	case "subnetpool":
		return ownedBy(s.SubnetPools, projectID)
	case "port":
		return ownedBy(s.Ports, projectID)
	case "router":
		return ownedBy(s.Routers, projectID)
	case "floatingip":
		return ownedBy(s.FloatingIPs, projectID)
	case "security_group":
		return ownedBy(s.SecGroups, projectID)
	case "security_group_rule":
		return ownedBy(s.SecRules, projectID)
	case "rbac_policy":
		return ownedBy(s.RBAC, projectID)
	default:
		return 0
	}
}

func ownedBy[T object](t table[T], projectID string) int {
	return count(t, func(o T) bool { return o.base().ProjectID == projectID })
}

// checkNetQuota asks for room for one more.
func (s *state) checkNetQuota(resource, projectID string) *apiError {
	return s.checkNetQuotaFor(resource, projectID, 1)
}

func (s *state) checkNetQuotaFor(resource, projectID string, n int) *apiError {
	limit := netQuotaDefaults[resource]
	if own, set := s.NetQuotas[projectID][resource]; set {
		limit = own
	}
	if limit < 0 || s.netUsed(resource, projectID)+n <= limit {
		return nil
	}
	return netFail(http.StatusConflict, "OverQuota", "Quota exceeded for resources: ['%s'].", resource)
}

func (c *Cloud) netQuotaRoutes() {
	base := netPrefix + "quotas"
	c.handle(neutron, "GET "+base, listNetQuotas)
	c.handle(neutron, "GET "+base+"/{id}", showNetQuota)
	c.handle(neutron, "GET "+base+"/{id}/details", detailNetQuota)
	c.handle(neutron, "GET "+base+"/{id}/details.json", detailNetQuota)
	c.handle(neutron, "GET "+base+"/{id}/default", showDefaultNetQuota)
	c.handle(neutron, "PUT "+base+"/{id}", setNetQuota)
	c.handle(neutron, "DELETE "+base+"/{id}", resetNetQuota)
}

func (cl *call) quotaProject() (string, *apiError) {
	id := cl.path("id")
	if !cl.who.owns(id) {
		return "", errPolicy("get_quota")
	}
	return id, nil
}

func listNetQuotas(cl *call) (reply, *apiError) {
	if !cl.who.admin {
		return refuse(errPolicy("get_quota"))
	}
	items := []any{}
	ids := make([]string, 0, len(cl.st.NetQuotas))
	for id := range cl.st.NetQuotas {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		v := map[string]any{"project_id": id, "tenant_id": id}
		for k, n := range cl.st.netQuota(id) {
			v[k] = n
		}
		items = append(items, v)
	}
	return ok(map[string]any{"quotas": items})
}

func showNetQuota(cl *call) (reply, *apiError) {
	id, fail := cl.quotaProject()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"quota": cl.st.netQuota(id)})
}

func showDefaultNetQuota(*call) (reply, *apiError) {
	return ok(map[string]any{"quota": netQuotaDefaults})
}

func detailNetQuota(cl *call) (reply, *apiError) {
	id, fail := cl.quotaProject()
	if fail != nil {
		return refuse(fail)
	}
	detail := map[string]any{}
	for k, limit := range cl.st.netQuota(id) {
		detail[k] = map[string]int{"limit": limit, "used": cl.st.netUsed(k, id), "reserved": 0}
	}
	return ok(map[string]any{"quota": detail})
}

func setNetQuota(cl *call) (reply, *apiError) {
	if !cl.who.admin {
		return refuse(errPolicy("update_quota"))
	}
	a, fail := cl.envelope("quota")
	if fail != nil {
		return refuse(fail)
	}
	id := cl.path("id")
	merged := map[string]int{}
	for k, v := range cl.st.NetQuotas[id] {
		merged[k] = v
	}
	for key := range a.m {
		if key == "project_id" || key == "tenant_id" {
			continue
		}
		if _, known := netQuotaDefaults[key]; !known {
			return refuse(netBadRequest("Unrecognized attribute(s) '%s'", key))
		}
		n := a.integer(key, 0)
		if n < -1 {
			return refuse(netBadRequest("Invalid input for %s. Reason: '%d' is too small - must be at least '-1'.", key, n))
		}
		merged[key] = n
	}
	if a.fail != nil {
		return refuse(a.fail)
	}
	cl.st.NetQuotas[id] = merged
	return ok(map[string]any{"quota": cl.st.netQuota(id)})
}

func resetNetQuota(cl *call) (reply, *apiError) {
	if !cl.who.admin {
		return refuse(errPolicy("delete_quota"))
	}
	if cl.st.NetQuotas[cl.path("id")] == nil {
		return refuse(netFail(http.StatusNotFound, "TenantQuotaNotFound",
			"Quota for tenant %s could not be found.", cl.path("id")))
	}
	delete(cl.st.NetQuotas, cl.path("id"))
	return noContent()
}

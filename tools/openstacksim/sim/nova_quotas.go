package sim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// novaQuotaDefaults are those of Nova.
var novaQuotaDefaults = map[string]int{
	"instances": 10, "cores": 20, "ram": 50 * 1024, "metadata_items": 128, "key_pairs": 100,
	"server_groups": 10, "server_group_members": 10, "injected_files": 5, "injected_file_content_bytes": 10240,
	"injected_file_path_bytes": 255, "fixed_ips": -1, "floating_ips": -1, "security_groups": -1, "security_group_rules": -1,
}

func (s *state) novaQuota(projectID string) map[string]int {
	out := maps.Clone(novaQuotaDefaults)
	maps.Copy(out, s.NovaQuotas[projectID])
	return out
}

func (s *state) novaUsed(projectID string) map[string]int {
	used := map[string]int{"server_groups": ownedBy(s.ServerGroups, projectID)}
	for _, v := range s.Servers {
		if v.ProjectID == projectID {
			used["instances"]++
			used["cores"] += v.Flavor.VCPUs
			used["ram"] += v.Flavor.RAM
		}
	}
	return used
}

// checkNovaQuota asks for room for n servers of a flavor.
func (s *state) checkNovaQuota(projectID string, f *flavor, n int) *apiError {
	quota, used := s.novaQuota(projectID), s.novaUsed(projectID)
	want := map[string]int{"cores": f.VCPUs * n, "instances": n, "ram": f.RAM * n}
	var over, asked, have, allowed []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if quota[key] < 0 || used[key]+want[key] <= quota[key] {
			continue
		}
		over = append(over, key)
		asked = append(asked, fmt.Sprint(want[key]))
		have = append(have, fmt.Sprint(used[key]))
		allowed = append(allowed, fmt.Sprint(quota[key]))
	}
	if len(over) == 0 {
		return nil
	}
	join := func(list []string) string { return strings.Join(list, ", ") }
	return failf(http.StatusForbidden, "Quota exceeded for %s: Requested %s, but already used %s of %s %s",
		join(over), join(asked), join(have), join(allowed), join(over))
}

func showNovaQuota(detail bool) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		id := cl.path("id")
		if !cl.who.owns(id) {
			return refuse(failf(http.StatusForbidden, "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed."))
		}
		used := cl.st.novaUsed(id)
		set := map[string]any{"id": id}
		for key, limit := range cl.st.novaQuota(id) {
			set[key] = limit
			if detail {
				set[key] = map[string]int{"limit": limit, "in_use": used[key], "reserved": 0}
			}
		}
		return ok(map[string]any{"quota_set": set})
	}
}

func showNovaQuotaDefaults(cl *call) (reply, *apiError) {
	set := map[string]any{"id": cl.path("id")}
	for key, limit := range novaQuotaDefaults {
		set[key] = limit
	}
	return ok(map[string]any{"quota_set": set})
}

func setNovaQuota(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("quota_set")
	if fail != nil {
		return refuse(fail)
	}
	id := cl.path("id")
	merged := map[string]int{}
	maps.Copy(merged, cl.st.NovaQuotas[id])
	used := cl.st.novaUsed(id)
	for key := range a.m {
		if key == "force" || key == "tenant_id" {
			continue
		}
		if _, known := novaQuotaDefaults[key]; !known {
			return refuse(failf(http.StatusBadRequest, "Additional properties are not allowed ('%s' was unexpected)", key))
		}
		n := a.integer(key, 0)
		if n >= 0 && n < used[key] && !a.boolean("force", false) {
			return refuse(failf(http.StatusBadRequest, "Quota limit %d for %s must be greater than or equal to already used and reserved %d.",
				n, key, used[key]))
		}
		merged[key] = n
	}
	if a.fail != nil {
		return refuse(a.fail)
	}
	cl.st.NovaQuotas[id] = merged
	return ok(map[string]any{"quota_set": cl.st.novaQuota(id)})
}

func resetNovaQuota(cl *call) (reply, *apiError) {
	delete(cl.st.NovaQuotas, cl.path("id"))
	return reply{status: http.StatusAccepted}, nil
}

func showLimits(cl *call) (reply, *apiError) {
	id := cl.who.projectID
	if other := cl.query.Get("tenant_id"); other != "" && cl.who.admin {
		id = other
	}
	quota, used := cl.st.novaQuota(id), cl.st.novaUsed(id)
	return ok(map[string]any{"limits": map[string]any{"rate": []any{}, "absolute": map[string]int{
		"maxTotalInstances": quota["instances"], "maxTotalCores": quota["cores"], "maxTotalRAMSize": quota["ram"],
		"maxServerMeta": quota["metadata_items"], "maxTotalKeypairs": quota["key_pairs"],
		"maxServerGroups": quota["server_groups"], "maxServerGroupMembers": quota["server_group_members"],
		"maxImageMeta": 128, "totalInstancesUsed": used["instances"], "totalCoresUsed": used["cores"],
		"totalRAMUsed": used["ram"], "totalServerGroupsUsed": used["server_groups"],
	}}})
}

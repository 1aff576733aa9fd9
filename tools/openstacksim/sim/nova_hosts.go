package sim

import "net/http"

func (cl *call) hypervisorView(h *computeHost, detail bool) map[string]any {
	v := map[string]any{
		"id": h.ID, "hypervisor_hostname": h.Name, "state": h.state(), "status": h.status(),
	}
	if !detail {
		return v
	}
	used := cl.st.usages(h.ID)
	inv := cl.st.Providers[h.ID].Inventories
	running := count(cl.st.Servers, func(s *server) bool { return s.Host == h.Name })
	v["hypervisor_type"], v["hypervisor_version"], v["host_ip"] = "fake", 1000, "127.0.0.1"
	v["vcpus"], v["vcpus_used"] = inv["VCPU"].Total, used["VCPU"]
	v["memory_mb"], v["memory_mb_used"] = inv["MEMORY_MB"].Total, used["MEMORY_MB"]
	v["free_ram_mb"] = inv["MEMORY_MB"].Total - used["MEMORY_MB"]
	v["local_gb"], v["local_gb_used"] = inv["DISK_GB"].Total, used["DISK_GB"]
	v["free_disk_gb"] = inv["DISK_GB"].Total - used["DISK_GB"]
	v["disk_available_least"], v["current_workload"], v["running_vms"] = v["free_disk_gb"], 0, running
	v["uptime"] = nil
	v["service"] = map[string]any{"id": h.ServiceID, "host": h.Name, "disabled_reason": orNil(h.Reason)}
	if cl.query.Get("with_servers") == "true" {
		servers := []any{}
		for _, s := range inOrder(cl.st.Servers, func(s *server) bool { return s.Host == h.Name }) {
			servers = append(servers, map[string]any{"uuid": s.ID, "name": s.Name})
		}
		v["servers"] = servers
	}
	return v
}

func (h *computeHost) state() string {
	if h.Down {
		return "down"
	}
	return "up"
}

func (h *computeHost) status() string {
	if h.Disabled {
		return "disabled"
	}
	return "enabled"
}

func listHypervisors(detail bool) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		items := []map[string]any{}
		for _, h := range inOrder(cl.st.Hosts, func(h *computeHost) bool {
			want := cl.query.Get("hypervisor_hostname_pattern")
			return want == "" || want == h.Name
		}) {
			items = append(items, cl.hypervisorView(h, detail))
		}
		return cl.novaPage("hypervisors", items)
	}
}

func showHypervisor(cl *call) (reply, *apiError) {
	h := cl.st.Hosts[cl.path("id")]
	if h == nil {
		return refuse(failf(http.StatusNotFound, "Hypervisor with ID '%s' could not be found.", cl.path("id")))
	}
	return ok(map[string]any{"hypervisor": cl.hypervisorView(h, true)})
}

func hypervisorStatistics(cl *call) (reply, *apiError) {
	sum := map[string]int{"count": len(cl.st.Hosts)}
	for _, h := range cl.st.Hosts {
		v := cl.hypervisorView(h, true)
		for _, key := range []string{
			"vcpus", "vcpus_used", "memory_mb", "memory_mb_used", "free_ram_mb", "local_gb", "local_gb_used",
			"free_disk_gb", "disk_available_least", "running_vms", "current_workload",
		} {
			if n, isInt := v[key].(int); isInt {
				sum[key] += n
			}
		}
	}
	return ok(map[string]any{"hypervisor_statistics": sum})
}

func (cl *call) computeServiceView(h *computeHost) map[string]any {
	return map[string]any{
		"id": h.ServiceID, "binary": "nova-compute", "host": h.Name, "zone": "nova", "state": h.state(),
		"status": h.status(), "disabled_reason": orNil(h.Reason), "forced_down": h.Down, "updated_at": novaStamp(cl.now),
	}
}

func listComputeServices(cl *call) (reply, *apiError) {
	items := []any{}
	for _, h := range inOrder(cl.st.Hosts, func(h *computeHost) bool {
		return fits(cl.query, map[string]string{"host": h.Name, "binary": "nova-compute"})
	}) {
		items = append(items, cl.computeServiceView(h))
	}
	return ok(map[string]any{"services": items})
}

func updateComputeService(cl *call) (reply, *apiError) {
	a, fail := parseAttrs(cl.body)
	if fail != nil {
		return refuse(fail)
	}
	h, found := find(cl.st.Hosts, func(h *computeHost) bool { return h.ServiceID == cl.path("id") })
	if !found {
		return refuse(errNova404("Service", cl.path("id")))
	}
	h.Disabled = a.str("status", h.status()) == "disabled"
	h.Reason, h.Down = a.str("disabled_reason", ""), a.boolean("forced_down", h.Down)
	if !h.Disabled {
		h.Reason = ""
	}
	return ok(map[string]any{"service": cl.computeServiceView(h)})
}

func listZones(cl *call) (reply, *apiError) {
	zones := []any{map[string]any{"zoneName": "nova", "zoneState": map[string]bool{"available": true}, "hosts": nil}}
	for _, a := range inOrder(cl.st.Aggregates, func(a *aggregate) bool { return a.Zone != "" }) {
		zones = append(zones, map[string]any{
			"zoneName": a.Zone, "zoneState": map[string]bool{"available": true}, "hosts": nil,
		})
	}
	return ok(map[string]any{"availabilityZoneInfo": zones})
}

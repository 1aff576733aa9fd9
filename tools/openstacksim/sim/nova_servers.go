package sim

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

func (cl *call) serverLinks(id string) []link {
	return []link{{Rel: "self", Href: cl.baseURL() + novaPrefix + "servers/" + id}}
}

func (cl *call) serverView(s *server, detail bool) map[string]any {
	if !detail {
		return map[string]any{"id": s.ID, "name": s.Name, "links": cl.serverLinks(s.ID)}
	}
	v := map[string]any{
		"id": s.ID, "name": s.Name, "status": s.Status, "tenant_id": s.ProjectID, "user_id": s.UserID,
		"created": stamp(s.CreatedAt), "updated": stamp(s.UpdatedAt), "links": cl.serverLinks(s.ID),
		"metadata": s.Metadata, "addresses": cl.serverAddresses(s), "hostId": "", "progress": 0,
		"key_name": orNil(s.KeyName), "config_drive": "", "accessIPv4": "", "accessIPv6": "", "tags": s.Tags,
		"description": orNil(s.Description), "locked": s.Locked, "locked_reason": nil,
		"OS-DCF:diskConfig": "MANUAL", "OS-EXT-AZ:availability_zone": orDefault(s.Zone, "nova"),
		"OS-EXT-STS:vm_state": s.vmState(), "OS-EXT-STS:task_state": nil, "OS-EXT-STS:power_state": s.powerState(),
		"OS-SRV-USG:launched_at": nil, "OS-SRV-USG:terminated_at": nil,
		"os-extended-volumes:volumes_attached": cl.serverVolumesView(s), "security_groups": cl.serverGroupsView(s),
		"trusted_image_certificates": nil, "server_groups": []string{}, "image": "",
		"flavor": map[string]any{
			"original_name": s.Flavor.Name, "vcpus": s.Flavor.VCPUs, "ram": s.Flavor.RAM, "disk": s.Flavor.Disk,
			"ephemeral": s.Flavor.Ephemeral, "swap": s.Flavor.Swap, "extra_specs": s.Flavor.ExtraSpecs,
		},
	}
	if s.ImageID != "" {
		v["image"] = map[string]any{"id": s.ImageID, "links": []any{}}
	}
	if s.ConfigDrive {
		v["config_drive"] = "True"
	}
	if s.GroupID != "" {
		v["server_groups"] = []string{s.GroupID}
	}
	if s.LaunchedAt != nil {
		v["OS-SRV-USG:launched_at"] = novaStamp(*s.LaunchedAt)
	}
	if s.Status == "BUILD" {
		v["OS-EXT-STS:task_state"] = "spawning"
	}
	if s.Fault != nil {
		v["fault"] = map[string]any{"code": s.Fault.Code, "message": s.Fault.Message, "created": stamp(s.Fault.At)}
	}
	if cl.who.admin {
		cl.serverAdminView(s, v)
	}
	return v
}

func (cl *call) serverVolumesView(s *server) []any {
	out := []any{}
	for _, v := range cl.st.attachedTo(s.ID) {
		out = append(out, map[string]any{"id": v.ID, "delete_on_termination": false})
	}
	return out
}

func (cl *call) serverAdminView(s *server, v map[string]any) {
	host := ""
	if s.Status != "BUILD" {
		host = s.Host
	}
	v["OS-EXT-SRV-ATTR:host"], v["OS-EXT-SRV-ATTR:hypervisor_hostname"] = orNil(host), orNil(host)
	v["OS-EXT-SRV-ATTR:instance_name"], v["OS-EXT-SRV-ATTR:hostname"] = "instance-"+s.ID[:8], s.Name
	v["OS-EXT-SRV-ATTR:user_data"], v["OS-EXT-SRV-ATTR:root_device_name"] = orNil(s.UserData), "/dev/vda"
	v["OS-EXT-SRV-ATTR:reservation_id"], v["OS-EXT-SRV-ATTR:launch_index"] = "r-"+s.ID[:8], 0
	v["OS-EXT-SRV-ATTR:kernel_id"], v["OS-EXT-SRV-ATTR:ramdisk_id"] = "", ""
	v["host_status"] = "UP"
}

func (s *server) vmState() string {
	switch s.Status {
	case "ACTIVE":
		return "active"
	case "SHUTOFF":
		return "stopped"
	case "ERROR":
		return "error"
	default:
		return "building"
	}
}

func (s *server) powerState() int {
	switch s.Status {
	case "ACTIVE":
		return 1
	case "SHUTOFF":
		return 4
	default:
		return 0
	}
}

func (cl *call) serverAddresses(s *server) map[string][]any {
	out := map[string][]any{}
	for _, id := range s.Ports {
		p := cl.st.Ports[id]
		if p == nil {
			continue
		}
		n := cl.st.Networks[p.NetworkID]
		for _, f := range p.FixedIPs {
			out[n.Name] = append(out[n.Name], map[string]any{
				"addr": f.IPAddress, "version": ipVersion(mustAddr(f.IPAddress)),
				"OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": p.MAC,
			})
		}
	}
	return out
}

func (cl *call) serverGroupsView(s *server) []any {
	out := []any{}
	seen := map[string]bool{}
	for _, id := range s.Ports {
		p := cl.st.Ports[id]
		if p == nil {
			continue
		}
		for _, gid := range p.SecGroups {
			if g := cl.st.SecGroups[gid]; g != nil && !seen[gid] {
				seen[gid] = true
				out = append(out, map[string]any{"name": g.Name})
			}
		}
	}
	return out
}

func listServers(detail bool) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		match, fail := cl.serverFilter()
		if fail != nil {
			return refuse(fail)
		}
		items := []map[string]any{}
		found := inOrder(cl.st.Servers, match)
		slices.Reverse(found) // Nova lists the youngest first
		for _, s := range found {
			items = append(items, cl.serverView(s, detail))
		}
		return cl.novaPage("servers", items)
	}
}

// serverFilter reads the filters of a list; the name is a regular expression in Nova.
func (cl *call) serverFilter() (func(*server) bool, *apiError) {
	q := cl.query
	name, err := regexp.Compile(q.Get("name"))
	if err != nil {
		return nil, failf(http.StatusBadRequest, "Invalid regular expression %s", q.Get("name"))
	}
	all := cl.who.admin && (q.Has("all_tenants") && equalFilter(orDefault(q.Get("all_tenants"), "1"), "true"))
	project := cl.who.projectID
	if p := q.Get("project_id") + q.Get("tenant_id"); all {
		project = p
	}
	return func(s *server) bool {
		return (project == "" && all || s.ProjectID == project) && cl.fresh(&s.meta) &&
			name.MatchString(s.Name) && tagsFit(q, s.Tags) &&
			(!q.Has("status") || strings.EqualFold(q.Get("status"), s.Status)) &&
			(!q.Has("flavor") || q.Get("flavor") == s.FlavorID) &&
			(!q.Has("image") || q.Get("image") == s.ImageID) &&
			(!q.Has("host") || q.Get("host") == s.Host) &&
			(!q.Has("uuid") || q.Get("uuid") == s.ID)
	}, nil
}

func (cl *call) serverInPath() (*server, *apiError) {
	s := cl.st.Servers[cl.path("id")]
	if s == nil || !cl.who.owns(s.ProjectID) {
		return nil, failf(http.StatusNotFound, "Instance %s could not be found.", cl.path("id"))
	}
	return s, nil
}

func showServer(cl *call) (reply, *apiError) {
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"server": cl.serverView(s, true)})
}

func updateServer(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("server")
	if fail != nil {
		return refuse(fail)
	}
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	name, description := a.name(s.Name), a.str("description", s.Description)
	if a.fail != nil {
		return refuse(a.fail)
	}
	s.Name, s.Description = name, description
	s.touch(cl.now)
	return ok(map[string]any{"server": cl.serverView(s, true)})
}

// deleteServer gives back what the server used: its allocation, its own ports, and the
// ports that were lent to it, which stay.
func deleteServer(cl *call) (reply, *apiError) {
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	if s.Locked && !cl.who.admin {
		return refuse(failf(http.StatusConflict, "Instance %s is locked", s.ID))
	}
	cl.st.releaseServer(s, cl.now)
	delete(cl.st.Servers, s.ID)
	return noContent()
}

func (s *state) releaseServer(v *server, now time.Time) {
	delete(s.Allocations, v.ID)
	for _, disk := range s.attachedTo(v.ID) {
		disk.detach(v.ID, now)
	}
	for _, id := range v.Ports {
		p := s.Ports[id]
		if p == nil {
			continue
		}
		if slices.Contains(v.OwnPorts, id) {
			s.forgetPort(id)
			delete(s.Ports, id)
			continue
		}
		p.DeviceID, p.DeviceOwner, p.HostID = "", "", ""
		p.bind()
		p.touch(now)
	}
	if g := s.ServerGroups[v.GroupID]; g != nil {
		g.Members = without(g.Members, v.ID)
	}
}

func showServerMetadata(cl *call) (reply, *apiError) {
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"metadata": s.Metadata})
}

func setServerMetadata(replace bool) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		var body struct {
			Metadata map[string]string `json:"metadata"`
		}
		if fail := cl.decode(&body); fail != nil {
			return refuse(fail)
		}
		s, fail := cl.serverInPath()
		if fail != nil {
			return refuse(fail)
		}
		next := map[string]string{}
		if !replace {
			maps.Copy(next, s.Metadata)
		}
		maps.Copy(next, body.Metadata)
		s.Metadata = next
		return ok(map[string]any{"metadata": next})
	}
}

func listServerInterfaces(cl *call) (reply, *apiError) {
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	items := []any{}
	for _, id := range s.Ports {
		if p := cl.st.Ports[id]; p != nil {
			items = append(items, map[string]any{
				"port_id": p.ID, "net_id": p.NetworkID, "mac_addr": p.MAC, "port_state": p.Status, "fixed_ips": p.FixedIPs,
			})
		}
	}
	return ok(map[string]any{"interfaceAttachments": items})
}

func showServerAddresses(cl *call) (reply, *apiError) {
	s, fail := cl.serverInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"addresses": cl.serverAddresses(s)})
}

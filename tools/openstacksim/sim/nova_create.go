package sim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// maxUserData counts the characters of the base64 text.
const maxUserData = 65535

type networkWish struct {
	UUID    string `json:"uuid"`
	Port    string `json:"port"`
	FixedIP string `json:"fixed_ip"`
}

// serverOrder is a create request, checked.
type serverOrder struct {
	template server
	flavor   *flavor
	group    *serverGroup
	networks []networkWish
	count    int
	secIDs   []string
}

func createServers(cl *call) (reply, *apiError) {
	order, fail := cl.readOrder()
	if fail != nil {
		return refuse(fail)
	}
	if fail := cl.st.checkNovaQuota(cl.who.projectID, order.flavor, order.count); fail != nil {
		return refuse(fail)
	}
	if fail := cl.checkNetworks(order); fail != nil {
		return refuse(fail)
	}
	var first *server
	for i := range order.count {
		s := cl.makeServer(order, i)
		if first == nil {
			first = s
		}
	}
	groups := []any{}
	for _, id := range order.secIDs {
		groups = append(groups, map[string]any{"name": cl.st.SecGroups[id].Name})
	}
	return reply{status: http.StatusAccepted, body: map[string]any{"server": map[string]any{
		"id": first.ID, "links": cl.serverLinks(first.ID), "adminPass": newSecret()[:12],
		"OS-DCF:diskConfig": "MANUAL", "security_groups": groups,
	}}}, nil
}

func (cl *call) readOrder() (*serverOrder, *apiError) {
	a, fail := cl.envelope("server")
	if fail != nil {
		return nil, fail
	}
	o := &serverOrder{count: max(a.integer("min_count", 1), a.integer("max_count", 1))}
	s := &o.template
	s.Name, s.Description = a.name(""), a.str("description", "")
	s.FlavorID, s.ImageID, s.KeyName = a.str("flavorRef", ""), a.str("imageRef", ""), a.str("key_name", "")
	s.UserData, s.ConfigDrive = a.str("user_data", ""), a.boolean("config_drive", false)
	s.Zone, s.Tags, s.Metadata = a.str("availability_zone", ""), a.strings("tags", []string{}), map[string]string{}
	a.into("metadata", &s.Metadata)
	if auto, isText := a.m["networks"].(string); isText {
		if auto != "auto" && auto != "none" {
			return nil, failf(http.StatusBadRequest, "Invalid input for field/attribute networks. Value: %s.", auto)
		}
		if auto == "auto" {
			o.networks = nil
		} else {
			o.networks = []networkWish{}
		}
	} else if a.has("networks") {
		o.networks = []networkWish{}
		a.into("networks", &o.networks)
	}
	if a.fail != nil {
		return nil, failf(http.StatusBadRequest, "%s", a.fail.message)
	}
	if s.Name == "" || o.count < 1 || o.count > maxServersInCall {
		return nil, failf(http.StatusBadRequest, "Invalid input for field/attribute server. Value: name and count are required.")
	}
	if _, err := base64.StdEncoding.DecodeString(s.UserData); err != nil || len(s.UserData) > maxUserData {
		return nil, failf(http.StatusBadRequest, "User data needs to be valid base 64 of at most %d characters.", maxUserData)
	}
	if fail := cl.resolveOrder(o); fail != nil {
		return nil, fail
	}
	return o, cl.readSecGroups(a, o)
}

// resolveOrder finds what the order names.
func (cl *call) resolveOrder(o *serverOrder) *apiError {
	s := &o.template
	f, fail := cl.flavor(s.FlavorID)
	if fail != nil {
		return failf(http.StatusBadRequest, "Flavor %s could not be found.", s.FlavorID)
	}
	o.flavor, s.Flavor = f, *f
	if s.ImageID != "" {
		img := cl.st.Images[s.ImageID]
		if img == nil || !cl.seesImage(img) {
			return failf(http.StatusBadRequest, "Can not find requested image")
		}
		if img.Status != "active" {
			return failf(http.StatusBadRequest, "Image %s is not active.", img.ID)
		}
		if img.MinRAM > f.RAM || img.MinDisk > f.Disk && f.Disk > 0 {
			return failf(http.StatusBadRequest, "Flavor's memory or disk is too small for requested image.")
		}
	}
	if s.KeyName != "" && cl.keypair(s.KeyName) == nil {
		return failf(http.StatusBadRequest, "Invalid key_name provided.")
	}
	var hints map[string]json.RawMessage
	if fail := cl.decode(&hints); fail != nil {
		return fail
	}
	var hint struct {
		Group string `json:"group"`
	}
	for _, key := range []string{"os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"} {
		if raw := hints[key]; len(raw) > 0 && json.Unmarshal(raw, &hint) != nil {
			return failf(http.StatusBadRequest, "Invalid input for field/attribute %s.", key)
		}
	}
	if hint.Group != "" {
		g, fail := cl.serverGroup(hint.Group)
		if fail != nil {
			return failf(http.StatusBadRequest, "%s", fail.message)
		}
		if limit := cl.st.novaQuota(cl.who.projectID)["server_group_members"]; limit >= 0 && len(g.Members)+o.count > limit {
			return failf(http.StatusForbidden, "Quota exceeded, too many servers in group")
		}
		o.group, s.GroupID = g, g.ID
	}
	return nil
}

func (cl *call) readSecGroups(a *attrs, o *serverOrder) *apiError {
	var named []struct {
		Name string `json:"name"`
	}
	a.into("security_groups", &named)
	for _, want := range named {
		if want.Name == defaultGroupName {
			cl.st.ensureDefaultGroup(cl, cl.who.projectID)
		}
		g, found := find(cl.st.SecGroups, func(g *secGroup) bool {
			return g.ProjectID == cl.who.projectID && (g.Name == want.Name || g.ID == want.Name)
		})
		if !found {
			return failf(http.StatusBadRequest, "Security group %s not found for project %s.", want.Name, cl.who.projectID)
		}
		o.secIDs = append(o.secIDs, g.ID)
	}
	return nil
}

// checkNetworks refuses before anything is made, as Nova's API does.
func (cl *call) checkNetworks(o *serverOrder) *apiError {
	if o.networks == nil {
		own := inOrder(cl.st.Networks, func(n *network) bool { return n.ProjectID == cl.who.projectID && !n.External })
		if len(own) > 1 {
			return failf(http.StatusConflict, "Multiple possible networks found, use a Network ID to be more specific.")
		}
		o.networks = []networkWish{}
		if len(own) == 1 {
			o.networks = append(o.networks, networkWish{UUID: own[0].ID})
		}
	}
	fresh := 0
	for _, w := range o.networks {
		if w.Port != "" {
			p, fail := ports().get(cl, w.Port)
			if fail != nil {
				return failf(http.StatusBadRequest, "Port %s could not be found.", w.Port)
			}
			if p.DeviceID != "" {
				return failf(http.StatusConflict, "Port %s is still in use.", p.ID)
			}
			if o.count > 1 {
				return failf(http.StatusBadRequest, "Unable to launch multiple instances with a single configured port ID. "+
					"Please launch your instance one by one with different ports.")
			}
			continue
		}
		n := cl.st.Networks[w.UUID]
		if n == nil || !cl.seesNetwork(n) {
			return failf(http.StatusBadRequest, "Network %s could not be found.", w.UUID)
		}
		if len(cl.st.oneOfEach(n.ID, "")) == 0 {
			return failf(http.StatusBadRequest, "Network %s requires a subnet in order to boot instances on.", n.ID)
		}
		fresh++
	}
	limit := cl.st.netQuota(cl.who.projectID)["port"]
	if limit >= 0 && cl.st.netUsed("port", cl.who.projectID)+fresh*o.count > limit {
		return failf(http.StatusForbidden, "Maximum number of ports exceeded")
	}
	return nil
}

func (cl *call) makeServer(o *serverOrder, index int) *server {
	s := o.template
	s.meta = cl.st.newMeta(newUUID(), cl.now)
	s.Name, s.Description, s.Tags = o.template.Name, o.template.Description, o.template.Tags
	if o.count > 1 {
		s.Name += "-" + strconv.Itoa(index+1)
	}
	s.ProjectID, s.UserID, s.Status = cl.who.projectID, cl.who.userID, "BUILD"
	s.DueAt = cl.now.Add(cl.cloud.opts.BuildDelay)
	cl.st.Servers[s.ID] = &s
	if o.group != nil {
		o.group.Members = append(slices.Clone(o.group.Members), s.ID)
	}
	host := cl.st.schedule(&s, o.group)
	if host == nil {
		s.Fault = &serverFault{Code: http.StatusInternalServerError, Message: "No valid host was found. ", At: cl.now}
	} else {
		s.Host = host.Name
		cl.st.allocateServer(&s, host)
		if fail := cl.plugServer(&s, o); fail != nil {
			s.Fault = &serverFault{
				Code: http.StatusInternalServerError, At: cl.now,
				Message: "Build of instance " + s.ID + " aborted: " + fail.message,
			}
		}
	}
	cl.cloud.dueAt(s.DueAt)
	return &s
}

// plugServer binds the ports that were given and makes those that were not.
func (cl *call) plugServer(s *server, o *serverOrder) *apiError {
	for _, w := range o.networks {
		if w.Port != "" {
			p := cl.st.Ports[w.Port]
			p.DeviceID, p.DeviceOwner, p.HostID = s.ID, "compute:"+orDefault(s.Zone, "nova"), s.Host
			p.touch(cl.now)
			s.Ports = append(s.Ports, p.ID)
			continue
		}
		p := &port{
			NetworkID: w.UUID, AdminStateUp: true, DeviceID: s.ID, HostID: s.Host, Status: "DOWN",
			DeviceOwner: "compute:" + orDefault(s.Zone, "nova"), PortSecurity: cl.st.Networks[w.UUID].PortSecurity,
		}
		p.ProjectID = s.ProjectID
		wanted := cl.st.oneOfEach(w.UUID, p.DeviceOwner)
		if w.FixedIP != "" {
			wanted = []fixedIP{{IPAddress: w.FixedIP}}
		}
		if fail := cl.plug(p, wanted); fail != nil {
			return fail
		}
		p.SecGroups = slices.Clone(o.secIDs)
		if len(p.SecGroups) == 0 && p.PortSecurity {
			cl.st.ensureDefaultGroup(cl, s.ProjectID)
			p.SecGroups = []string{cl.st.defaultGroup(s.ProjectID).ID}
		}
		s.Ports, s.OwnPorts = append(s.Ports, p.ID), append(s.OwnPorts, p.ID)
	}
	return nil
}

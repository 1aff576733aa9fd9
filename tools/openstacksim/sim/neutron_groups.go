package sim

import "net/http"

const defaultGroupName = "default"

func secGroups() *netResource[*secGroup] {
	return &netResource[*secGroup]{
		singular: "security_group", plural: "security_groups", path: "security-groups", quota: "security_group",
		table: func(s *state) table[*secGroup] { return s.SecGroups },
		visible: func(cl *call, o *secGroup) bool {
			return owned(cl, o) || cl.st.sharedWith("security_group", o.ID, cl.who.projectID)
		},
		missing: errNoGroup,
		view:    secGroupView,
		prepare: func(cl *call, projectID string) { cl.st.ensureDefaultGroup(cl, projectID) },
		create:  createGroup,
		update:  updateGroup,
		remove:  removeGroup,
		purge:   func(s *state, o *secGroup) { s.dropRules(func(r *secRule) bool { return r.SecGroupID == o.ID }) },
	}
}

func errNoGroup(id string) *apiError {
	return netFail(http.StatusNotFound, "SecurityGroupNotFound", "Security group %s does not exist", id)
}

func secGroupView(cl *call, o *secGroup) map[string]any {
	rules := []any{}
	for _, r := range inOrder(cl.st.SecRules, func(r *secRule) bool { return r.SecGroupID == o.ID }) {
		rules = append(rules, secRuleView(cl, r))
	}
	v := stdView(&o.meta)
	v["security_group_rules"], v["stateful"] = rules, o.Stateful
	v["shared"] = cl.st.sharedWith("security_group", o.ID, cl.who.projectID)
	return v
}

func createGroup(cl *call, a *attrs, projectID string) (*secGroup, *apiError) {
	if fail := a.only(allow("stateful")...); fail != nil {
		return nil, fail
	}
	if a.str("name", "") == defaultGroupName {
		return nil, netFail(http.StatusConflict, "SecurityGroupDefaultAlreadyExists", "Default security group already exists.")
	}
	o := &secGroup{Stateful: a.boolean("stateful", true)}
	o.meta = cl.newNetMeta(a)
	if a.fail != nil {
		return nil, a.fail
	}
	if fail := cl.st.checkNetQuotaFor("security_group_rule", projectID, 2); fail != nil {
		return nil, fail
	}
	o.Revision = 1
	cl.st.addEgressRules(cl, o.ID, projectID)
	return o, nil
}

// addEgressRules are the two rules that every new group has.
func (s *state) addEgressRules(cl *call, groupID, projectID string) {
	for _, version := range []string{"IPv4", "IPv6"} {
		s.addRule(cl, &secRule{SecGroupID: groupID, Direction: "egress", EtherType: version}, projectID)
	}
}

func (s *state) addRule(cl *call, r *secRule, projectID string) {
	r.meta = s.newMeta(newUUID(), cl.now)
	r.ProjectID = projectID
	s.SecRules[r.ID] = r
}

func (s *state) defaultGroup(projectID string) *secGroup {
	g, _ := find(s.SecGroups, func(g *secGroup) bool { return g.ProjectID == projectID && g.Name == defaultGroupName })
	return g
}

// ensureDefaultGroup makes a project's default group when the project first needs one.
// Quotas do not stop it.
func (s *state) ensureDefaultGroup(cl *call, projectID string) {
	if projectID == "" || s.defaultGroup(projectID) != nil {
		return
	}
	g := &secGroup{meta: s.newMeta(newUUID(), cl.now), Stateful: true}
	g.Name, g.Description, g.ProjectID, g.Revision = defaultGroupName, "Default security group", projectID, 1
	s.SecGroups[g.ID] = g
	for _, version := range []string{"IPv4", "IPv6"} {
		s.addRule(cl, &secRule{
			SecGroupID: g.ID, Direction: "ingress", EtherType: version, RemoteGroupID: g.ID,
		}, projectID)
	}
	s.addEgressRules(cl, g.ID, projectID)
}

func updateGroup(cl *call, o *secGroup, a *attrs) *apiError {
	if fail := a.only("name", "description", "stateful"); fail != nil {
		return fail
	}
	name, description, stateful := a.name(o.Name), a.str("description", o.Description), a.boolean("stateful", o.Stateful)
	if a.fail != nil {
		return a.fail
	}
	if o.Name == defaultGroupName && name != o.Name {
		return netFail(http.StatusConflict, "SecurityGroupCannotUpdateDefault", "Updating default security group not allowed.")
	}
	if stateful != o.Stateful {
		if fail := cl.st.groupInUse(o.ID); fail != nil {
			return fail
		}
	}
	o.Name, o.Description, o.Stateful = name, description, stateful
	return nil
}

func (s *state) groupInUse(id string) *apiError {
	_, used := find(s.Ports, func(p *port) bool { return containsString(p.SecGroups, id) })
	if used {
		return netFail(http.StatusConflict, "SecurityGroupInUse", "Security Group %s in use.", id)
	}
	return nil
}

func containsString(list []string, want string) bool {
	for _, v := range list {
		if v == want {
			return true
		}
	}
	return false
}

// removeGroup takes with it the rules of other groups that name it as their remote.
func removeGroup(cl *call, o *secGroup) *apiError {
	if o.Name == defaultGroupName && !cl.who.admin {
		return netFail(http.StatusConflict, "SecurityGroupCannotRemoveDefault",
			"Insufficient rights for removing default security group.")
	}
	if fail := cl.st.groupInUse(o.ID); fail != nil {
		return fail
	}
	cl.st.dropRules(func(r *secRule) bool { return r.SecGroupID == o.ID || r.RemoteGroupID == o.ID })
	cl.st.dropRBAC(o.ID)
	return nil
}

func (s *state) dropRules(match func(*secRule) bool) {
	for _, r := range inOrder(s.SecRules, match) {
		delete(s.SecRules, r.ID)
	}
}

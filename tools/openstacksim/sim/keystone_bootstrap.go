package sim

import "time"

const defaultDomainID = "default"

func (c *Cloud) bootstrapIdentity(st *state, now time.Time) {
	d := &domain{meta: st.newMeta(defaultDomainID, now), Enabled: true}
	d.Name, d.Description = "Default", "The default domain"
	st.Domains[d.ID] = d

	for _, name := range []string{"admin", "member", "reader", "service"} {
		r := &role{meta: st.newMeta(newHexID(), now)}
		r.Name = name
		st.Roles[r.ID] = r
	}
	for _, name := range []string{"admin", "service"} {
		p := &project{meta: st.newMeta(newHexID(), now), DomainID: d.ID, ParentID: d.ID, Enabled: true}
		p.Name = name
		st.Projects[p.ID] = p
	}
	u := &user{
		meta: st.newMeta(newHexID(), now), DomainID: d.ID, Enabled: true,
		Password: c.opts.AdminPassword, PasswordSetAt: now,
	}
	u.Name = c.opts.AdminName
	st.Users[u.ID] = u

	admin, _ := find(st.Roles, func(r *role) bool { return r.Name == "admin" })
	home, _ := find(st.Projects, func(p *project) bool { return p.Name == "admin" })
	st.Assignments = []assignment{
		{UserID: u.ID, RoleID: admin.ID, Scope: onProject, TargetID: home.ID},
		{UserID: u.ID, RoleID: admin.ID, Scope: onDomain, TargetID: d.ID},
		{UserID: u.ID, RoleID: admin.ID, Scope: onSystem, TargetID: "all"},
	}
}

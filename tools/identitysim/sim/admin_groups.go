package sim

import (
	"net/http"
	"slices"
	"strings"
)

func groupNotFound() *fault { return deny(http.StatusNotFound, "Could not find group by id") }

func (r *realm) children(parent string) []*group {
	var out []*group
	for _, g := range r.Groups {
		if g.Parent == parent {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b *group) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// shown is a group as responses hold it: children are counted, never included.
func (r *realm) shown(g *group, full bool) object {
	out := object{
		"id": g.ID, "name": g.Name, "path": r.path(g), "subGroups": []any{}, "subGroupCount": len(r.children(g.ID)),
	}
	if g.Parent != "" {
		out["parentId"] = g.Parent
	}
	if full {
		out["attributes"], out["realmRoles"], out["clientRoles"] = g.Attributes, sortedKeys(g.RealmRoles), object{}
	}
	return out
}

func (c *call) answerGroups(list []*group, limit int) *fault {
	out := []object{}
	for _, g := range page(list, c.r, limit) {
		out = append(out, c.realm.shown(g, c.r.URL.Query().Get("briefRepresentation") == "false"))
	}
	return c.answer(out)
}

func listGroups(c *call) *fault {
	list := c.realm.children("")
	if search := c.r.URL.Query().Get("search"); search != "" {
		list = slices.DeleteFunc(list, func(g *group) bool { return !strings.Contains(g.Name, search) })
	}
	return c.answerGroups(list, -1)
}

func createGroup(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	parent, name := c.path("id"), text(rep, "name")
	if parent != "" && c.realm.Groups[parent] == nil {
		return groupNotFound()
	}
	if name == "" {
		return failed(http.StatusBadRequest, object{"errorMessage": "Group name is missing"})
	}
	for _, g := range c.realm.children(parent) {
		switch {
		case g.Name == name && parent == "":
			return conflict("Top level group named '%s' already exists.", name)
		case g.Name == name:
			return conflict("Sibling group named '%s' already exists.", name)
		}
	}
	g := &group{ID: newID(), Name: name, Parent: parent, Attributes: with(child(rep, "attributes"), nil), RealmRoles: map[string]bool{}}
	c.realm.Groups[g.ID] = g
	if parent == "" {
		return c.created("groups", g.ID)
	}
	c.w.Header().Set("Location", c.sim.base+"/admin/realms/"+c.realm.Name+"/groups/"+g.ID)
	writeJSON(c.w, http.StatusCreated, c.realm.shown(g, true))
	return nil
}

func getGroup(c *call) *fault {
	g := c.realm.Groups[c.path("id")]
	if g == nil {
		return groupNotFound()
	}
	return c.answer(c.realm.shown(g, true))
}

func updateGroup(c *call) *fault {
	g := c.realm.Groups[c.path("id")]
	rep, f := decode[object](c.r)
	switch {
	case g == nil:
		return groupNotFound()
	case f != nil:
		return f
	}
	if name := text(rep, "name"); name != "" {
		g.Name = name
	}
	if attributes := child(rep, "attributes"); attributes != nil {
		g.Attributes = attributes
	}
	return c.done()
}

// deleteGroup takes the children along.
func deleteGroup(c *call) *fault {
	g := c.realm.Groups[c.path("id")]
	if g == nil {
		return groupNotFound()
	}
	c.realm.dropGroup(g)
	return c.done()
}

func (r *realm) dropGroup(g *group) {
	for _, sub := range r.children(g.ID) {
		r.dropGroup(sub)
	}
	for _, u := range r.Users {
		delete(u.Groups, g.ID)
	}
	delete(r.Groups, g.ID)
}

// listChildren responds with ten unless asked for more.
func listChildren(c *call) *fault {
	id := c.path("id")
	if c.realm.Groups[id] == nil {
		return groupNotFound()
	}
	return c.answerGroups(c.realm.children(id), 10)
}

// listMembers leaves out the members of children.
func listMembers(c *call) *fault {
	id := c.path("id")
	if c.realm.Groups[id] == nil {
		return groupNotFound()
	}
	return c.answerUsers(func(u *user) bool { return u.Groups[id] })
}

func groupByPath(c *call) *fault {
	parent := ""
	var at *group
	for name := range strings.SplitSeq(strings.Trim(c.path("path"), "/"), "/") {
		at = nil
		for _, g := range c.realm.children(parent) {
			if g.Name == name {
				at = g
			}
		}
		if at == nil {
			return deny(http.StatusNotFound, "Group path does not exist")
		}
		parent = at.ID
	}
	return c.answer(c.realm.shown(at, true))
}

func mapGroupRoles(c *call) *fault {
	g := c.realm.Groups[c.path("id")]
	if g == nil {
		return groupNotFound()
	}
	return c.mapRoles(g.RealmRoles)
}

// mapRoles adds or removes realm roles by the method.
func (c *call) mapRoles(have map[string]bool) *fault {
	roles, f := decode[[]object](c.r)
	if f != nil {
		return f
	}
	for _, role := range roles {
		name := text(role, "name")
		if c.realm.Roles[name] == nil {
			return deny(http.StatusNotFound, "Role not found")
		}
		if c.r.Method == http.MethodDelete {
			delete(have, name)
		} else {
			have[name] = true
		}
	}
	return c.done()
}

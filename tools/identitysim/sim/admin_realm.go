package sim

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// created responds 201 with the place of the new object, whose last part is its id.
func (c *call) created(kind, id string) *fault {
	c.w.Header().Set("Location", c.sim.base+"/admin/realms/"+c.realm.Name+"/"+kind+"/"+id)
	c.w.WriteHeader(http.StatusCreated)
	return nil
}

func (c *call) done() *fault {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) answer(v any) *fault {
	writeJSON(c.w, http.StatusOK, v)
	return nil
}

func (s *Sim) newRealm(rep object) (*realm, error) {
	k, err := newKey(100)
	if err != nil {
		return nil, err
	}
	rep = with(object{"accessTokenLifespan": float64(300), "ssoSessionIdleTimeout": float64(1800), "browserFlow": "browser"}, rep)
	rep["id"] = newID()
	r := &realm{
		Name: text(rep, "realm"), Rep: rep, Keys: []*key{k}, HMAC: random(64), Users: map[string]*user{}, Groups: map[string]*group{},
		Clients: map[string]*client{}, Scopes: map[string]object{}, Roles: map[string]object{}, Flows: map[string]*flow{},
		Sessions: map[string]*session{}, Devices: map[string]*device{}, Codes: map[string]*grant{}, Logins: map[string]*login{},
		Profile: object{"attributes": []any{
			object{"name": "username"},
			object{"name": "email", "required": object{"roles": []any{"user"}}},
			object{"name": "firstName", "required": object{"roles": []any{"user"}}},
			object{"name": "lastName", "required": object{"roles": []any{"user"}}},
		}},
	}
	browser := &flow{ID: newID(), Alias: "browser", BuiltIn: true}
	r.Flows[browser.ID] = browser
	for _, name := range []string{"offline_access", "uma_authorization", "default-roles-" + r.Name} {
		r.Roles[name] = object{"id": newID(), "name": name}
	}
	m := &client{ID: newID(), Rep: object{"clientId": management, "enabled": true, "bearerOnly": true}, Roles: map[string]object{}}
	for _, name := range []string{
		"realm-admin", "manage-users", "view-users", "query-users", "query-groups", "manage-clients", "view-clients", "query-clients",
		"create-client", "manage-realm", "view-realm", "view-events", "manage-events",
	} {
		m.Roles[name] = object{"id": newID(), "name": name, "clientRole": true, "containerId": m.ID}
	}
	r.Clients[m.ID] = m
	return r, nil
}

func createRealm(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	name := text(rep, "realm")
	if c.sim.st.Realms[name] != nil {
		return conflict("Realm %s already exists", name)
	}
	r, err := c.sim.newRealm(rep)
	if err != nil {
		return oauthError(http.StatusInternalServerError, "unknown_error", err.Error())
	}
	c.sim.st.Realms[name] = r
	c.w.Header().Set("Location", c.sim.base+"/admin/realms/"+name)
	c.w.WriteHeader(http.StatusCreated)
	return nil
}

func getRealm(c *call) *fault { return c.answer(c.realm.Rep) }

// updateRealm keeps what is not named.
func updateRealm(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	if alias := text(rep, "browserFlow"); alias != "" && c.realm.flowByAlias(alias) == nil {
		return failed(http.StatusBadRequest, object{"error": "unknown_error"})
	}
	attributes := with(child(c.realm.Rep, "attributes"), child(rep, "attributes"))
	c.realm.Rep = with(c.realm.Rep, rep)
	c.realm.Rep["attributes"] = attributes
	return c.done()
}

func deleteRealm(c *call) *fault {
	delete(c.sim.st.Realms, c.realm.Name)
	return c.done()
}

func listKeys(c *call) *fault {
	keys := []any{}
	for _, k := range slices.Backward(c.realm.Keys) {
		status := "ACTIVE"
		switch {
		case !k.Enabled:
			status = "DISABLED"
		case !k.Active:
			status = "PASSIVE"
		}
		keys = append(keys, object{"kid": k.ID, "algorithm": "RS256", "status": status, "providerPriority": k.Priority, "use": "SIG", "type": "RSA"})
	}
	return c.answer(object{"active": object{"RS256": c.realm.signer().ID}, "keys": keys})
}

// createComponent knows keys only. Like the real one it makes a second when asked twice.
func createComponent(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	if text(rep, "providerId") != "rsa-generated" {
		return failed(http.StatusBadRequest, object{"error": "Invalid provider type or no such provider"})
	}
	priority := 0
	if p := texts(child(rep, "config"), "priority"); len(p) > 0 {
		priority, _ = strconv.Atoi(p[0])
	}
	k, err := newKey(priority)
	if err != nil {
		return oauthError(http.StatusInternalServerError, "unknown_error", err.Error())
	}
	c.realm.Keys = append(c.realm.Keys, k)
	return c.created("components", k.ID)
}

// listEvents responds with the newest first unless told otherwise; dateFrom is a day or milliseconds since 1970.
func listEvents(c *call) *fault {
	q := c.r.URL.Query()
	from := int64(0)
	if v := q.Get("dateFrom"); v != "" {
		if day, err := time.Parse(time.DateOnly, v); err == nil {
			from = day.UnixMilli()
		} else if ms, err := strconv.ParseInt(v, 10, 64); err == nil {
			from = ms
		} else {
			return deny(http.StatusBadRequest, "Invalid value for 'Date(From)', expected format is yyyy-MM-dd or an Epoch timestamp")
		}
	}
	out := []event{}
	for _, e := range c.realm.Events {
		if e.Time < from || (len(q["type"]) > 0 && !contains(q["type"], e.Type)) || (q.Get("client") != "" && q.Get("client") != e.Client) {
			continue
		}
		out = append(out, e)
	}
	if q.Get("direction") != "asc" {
		slices.Reverse(out)
	}
	return c.answer(page(out, c.r, 100))
}

// page cuts a list by first and max; a negative max means all.
func page[T any](list []T, r *http.Request, limit int) []T {
	q := r.URL.Query()
	if v, err := strconv.Atoi(q.Get("max")); err == nil {
		limit = v
	}
	first, _ := strconv.Atoi(q.Get("first"))
	list = list[min(max(first, 0), len(list)):]
	if limit >= 0 {
		list = list[:min(limit, len(list))]
	}
	return list
}

func getProfile(c *call) *fault { return c.answer(c.realm.Profile) }

func putProfile(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	c.realm.Profile = rep
	return c.answer(rep)
}

func listRoles(c *call) *fault { return c.answer(values(c.realm.Roles)) }

func values(m map[string]object) []object {
	out := []object{}
	for _, name := range sortedKeys(m) {
		out = append(out, m[name])
	}
	return out
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func createRole(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	name := text(rep, "name")
	if c.realm.Roles[name] != nil {
		return conflict("Role with name %s already exists", name)
	}
	c.realm.Roles[name] = with(rep, object{"id": newID()})
	return c.created("roles", name)
}

func getRole(c *call) *fault {
	role := c.realm.Roles[c.path("role")]
	if role == nil {
		return deny(http.StatusNotFound, "Could not find role")
	}
	return c.answer(role)
}

func deleteRole(c *call) *fault {
	if c.realm.Roles[c.path("role")] == nil {
		return deny(http.StatusNotFound, "Could not find role")
	}
	delete(c.realm.Roles, c.path("role"))
	return c.done()
}

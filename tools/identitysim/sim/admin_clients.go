package sim

import (
	"net/http"
	"slices"
	"strings"
)

func clientNotFound() *fault { return deny(http.StatusNotFound, "Could not find client") }

const mask = "**********"

// shown is a client as responses hold it. Keycloak shows a client's secret to those who may view clients.
func (r *realm) shownClient(cl *client) object {
	names := []any{}
	for _, id := range cl.Scopes {
		names = append(names, text(r.Scopes[id], "name"))
	}
	out := with(cl.Rep, object{"id": cl.ID, "defaultClientScopes": names})
	if cl.Secret != "" {
		out["secret"] = cl.Secret
	}
	return out
}

func listClients(c *call) *fault {
	q := c.r.URL.Query()
	want, search := q.Get("clientId"), q.Get("search") == "true"
	out := []object{}
	for _, cl := range c.realm.Clients {
		id := text(cl.Rep, "clientId")
		if want == "" || id == want || (search && strings.Contains(id, want)) {
			out = append(out, c.realm.shownClient(cl))
		}
	}
	slices.SortFunc(out, func(a, b object) int { return strings.Compare(text(a, "clientId"), text(b, "clientId")) })
	return c.answer(page(out, c.r, -1))
}

func createClient(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	name := text(rep, "clientId")
	if c.realm.clientByName(name) != nil {
		return conflict("Client %s already exists", name)
	}
	cl := &client{ID: newID(), Rep: with(object{"enabled": true}, rep), Scopes: slices.Clone(c.realm.Defaults), Roles: map[string]object{}}
	for _, scope := range texts(rep, "defaultClientScopes") {
		for id, o := range c.realm.Scopes {
			if text(o, "name") == scope && !slices.Contains(cl.Scopes, id) {
				cl.Scopes = append(cl.Scopes, id)
			}
		}
	}
	c.realm.settle(cl, rep)
	c.realm.Clients[cl.ID] = cl
	return c.created("clients", cl.ID)
}

// settle brings secret and service account in line with the representation.
func (r *realm) settle(cl *client, rep object) {
	if s := text(rep, "secret"); s != "" && s != mask {
		cl.Secret = s
	}
	if cl.Secret == "" && !truth(cl.Rep, "publicClient") && !truth(cl.Rep, "bearerOnly") {
		cl.Secret = newSecret()
	}
	delete(cl.Rep, "secret")
	delete(cl.Rep, "defaultClientScopes")
	if truth(cl.Rep, "serviceAccountsEnabled") && cl.User == "" {
		u := newUser(object{"username": strings.ToLower("service-account-" + text(cl.Rep, "clientId")), "enabled": true})
		u.Client = cl.ID
		cl.User = u.ID
		r.Users[u.ID] = u
	}
}

func (c *call) clientByID() (*client, *fault) {
	cl := c.realm.Clients[c.path("id")]
	if cl == nil {
		return nil, clientNotFound()
	}
	return cl, nil
}

func getClient(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	return c.answer(c.realm.shownClient(cl))
}

// updateClient keeps what is not named; an attribute is cleared by an empty value.
func updateClient(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	if name := text(rep, "clientId"); name != "" && name != text(cl.Rep, "clientId") && c.realm.clientByName(name) != nil {
		return conflict("Client %s already exists", name)
	}
	attributes := with(child(cl.Rep, "attributes"), child(rep, "attributes"))
	cl.Rep = with(cl.Rep, rep)
	cl.Rep["attributes"] = attributes
	c.realm.settle(cl, rep)
	return c.done()
}

func deleteClient(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	delete(c.realm.Users, cl.User)
	delete(c.realm.Clients, cl.ID)
	return c.done()
}

func getSecret(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	return c.answer(object{"type": "secret", "value": cl.Secret})
}

// newClientSecret ends the one before at once.
func newClientSecret(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	cl.Secret = newSecret()
	return c.answer(object{"type": "secret", "value": cl.Secret})
}

func serviceAccountUser(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	u := c.realm.Users[cl.User]
	if u == nil {
		return failed(http.StatusBadRequest, object{"error": "unknown_error"})
	}
	return c.answer(with(u.shown(), object{"serviceAccountClientId": text(cl.Rep, "clientId")}))
}

func listClientRoles(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	return c.answer(values(cl.Roles))
}

func getClientRole(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	role := cl.Roles[c.path("role")]
	if role == nil {
		return deny(http.StatusNotFound, "Could not find role")
	}
	return c.answer(role)
}

func clientScopes(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	out := []object{}
	for _, id := range cl.Scopes {
		out = append(out, object{"id": id, "name": text(c.realm.Scopes[id], "name")})
	}
	return c.answer(out)
}

func addClientScope(c *call) *fault {
	cl, f := c.clientByID()
	if f != nil {
		return f
	}
	id := c.path("scope")
	if c.realm.Scopes[id] == nil {
		return deny(http.StatusNotFound, "Client scope not found")
	}
	if !slices.Contains(cl.Scopes, id) {
		cl.Scopes = append(cl.Scopes, id)
	}
	return c.done()
}

func addDefaultScope(c *call) *fault {
	id := c.path("id")
	if c.realm.Scopes[id] == nil {
		return deny(http.StatusNotFound, "Client scope not found")
	}
	if !slices.Contains(c.realm.Defaults, id) {
		c.realm.Defaults = append(c.realm.Defaults, id)
	}
	return c.done()
}

func listScopes(c *call) *fault { return c.answer(values(c.realm.Scopes)) }

func createScope(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	for _, o := range c.realm.Scopes {
		if text(o, "name") == text(rep, "name") {
			return conflict("Client Scope %s already exists", text(rep, "name"))
		}
	}
	id := newID()
	c.realm.Scopes[id] = with(rep, object{"id": id})
	return c.created("client-scopes", id)
}

func listMappers(c *call) *fault {
	scope := c.realm.Scopes[c.path("id")]
	if scope == nil {
		return deny(http.StatusNotFound, "Could not find client scope")
	}
	return c.answer(append([]object{}, mappers(scope)...))
}

func createMapper(c *call) *fault {
	scope := c.realm.Scopes[c.path("id")]
	if scope == nil {
		return deny(http.StatusNotFound, "Could not find client scope")
	}
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	all := []any{}
	for _, m := range mappers(scope) {
		if text(m, "name") == text(rep, "name") {
			return conflict("Protocol mapper exists with same name")
		}
		all = append(all, m)
	}
	id := newID()
	scope["protocolMappers"] = append(all, with(rep, object{"id": id}))
	return c.created("client-scopes/"+c.path("id")+"/protocol-mappers/models", id)
}

func updateMapper(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	scope := c.realm.Scopes[c.path("id")]
	all, found := []any{}, false
	for _, m := range mappers(scope) {
		if text(m, "id") == c.path("mapper") {
			m, found = with(m, rep), true
		}
		all = append(all, m)
	}
	if !found {
		return deny(http.StatusNotFound, "Model not found")
	}
	scope["protocolMappers"] = all
	return c.done()
}

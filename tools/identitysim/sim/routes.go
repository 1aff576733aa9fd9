package sim

import (
	"net/http"
)

// call is one request on its way through a handler that holds the lock.
type call struct {
	sim   *Sim
	realm *realm
	w     http.ResponseWriter
	r     *http.Request
	who   *user // of the admin API
}

func (c *call) path(name string) string { return c.r.PathValue(name) }

func (s *Sim) routes() {
	s.mux.HandleFunc("GET /_sim/ready", s.ready)
	oidc := "/realms/{realm}/protocol/openid-connect"
	s.public("GET /realms/{realm}/.well-known/openid-configuration", discovery)
	s.public("GET "+oidc+"/certs", certs)
	s.public("POST "+oidc+"/token", tokenEndpoint)
	s.public("POST "+oidc+"/token/introspect", introspect)
	s.public("GET "+oidc+"/userinfo", userinfo)
	s.public("POST "+oidc+"/auth/device", authorizeDevice)
	s.public("POST "+oidc+"/logout", logout)
	s.public("POST "+oidc+"/revoke", logout)
	s.public("GET "+oidc+"/auth", authorize)
	s.public("GET /realms/{realm}/device", devicePage)
	s.public("GET /realms/{realm}/device/status", deviceStatus)
	s.public("GET /realms/{realm}/login-actions/{step}", loginPage)
	s.public("POST /realms/{realm}/login-actions/{step}", loginStep)

	s.mux.HandleFunc("POST /admin/realms", s.admin("", createRealm))
	s.mux.HandleFunc("POST /admin/realms/{$}", s.admin("", createRealm))
	s.adminRoutes("", map[string]adminHandler{
		"GET ":    {"view-realm", getRealm},
		"PUT ":    {"manage-realm", updateRealm},
		"DELETE ": {"manage-realm", deleteRealm},

		"GET /keys":        {"view-realm", listKeys},
		"POST /components": {"manage-realm", createComponent},
		"GET /events":      {"view-events", listEvents},

		"GET /users/profile":   {"view-realm", getProfile},
		"PUT /users/profile":   {"manage-realm", putProfile},
		"GET /roles":           {"view-realm", listRoles},
		"POST /roles":          {"manage-realm", createRole},
		"GET /roles/{role}":    {"view-realm", getRole},
		"DELETE /roles/{role}": {"manage-realm", deleteRole},

		"GET /groups":                             {"view-users", listGroups},
		"POST /groups":                            {"manage-users", createGroup},
		"GET /groups/{id}":                        {"view-users", getGroup},
		"PUT /groups/{id}":                        {"manage-users", updateGroup},
		"DELETE /groups/{id}":                     {"manage-users", deleteGroup},
		"GET /groups/{id}/children":               {"view-users", listChildren},
		"POST /groups/{id}/children":              {"manage-users", createGroup},
		"GET /groups/{id}/members":                {"view-users", listMembers},
		"POST /groups/{id}/role-mappings/realm":   {"manage-users", mapGroupRoles},
		"DELETE /groups/{id}/role-mappings/realm": {"manage-users", mapGroupRoles},
		"GET /group-by-path/{path...}":            {"view-users", groupByPath},

		"GET /users":                                      {"view-users", listUsers},
		"GET /users/count":                                {"view-users", countUsers},
		"POST /users":                                     {"manage-users", createUser},
		"GET /users/{id}":                                 {"view-users", getUser},
		"PUT /users/{id}":                                 {"manage-users", updateUser},
		"DELETE /users/{id}":                              {"manage-users", deleteUser},
		"PUT /users/{id}/reset-password":                  {"manage-users", resetPassword},
		"GET /users/{id}/credentials":                     {"manage-users", userCredentials},
		"PUT /users/{id}/execute-actions-email":           {"manage-users", sendActions},
		"POST /users/{id}/logout":                         {"manage-users", logoutUser},
		"GET /users/{id}/groups":                          {"view-users", userGroups},
		"PUT /users/{id}/groups/{group}":                  {"manage-users", joinGroup},
		"DELETE /users/{id}/groups/{group}":               {"manage-users", leaveGroup},
		"GET /users/{id}/role-mappings/realm":             {"view-users", userRealmRoles},
		"POST /users/{id}/role-mappings/realm":            {"manage-users", mapUserRoles},
		"DELETE /users/{id}/role-mappings/realm":          {"manage-users", mapUserRoles},
		"GET /users/{id}/role-mappings/clients/{client}":  {"view-users", userClientRoles},
		"POST /users/{id}/role-mappings/clients/{client}": {"manage-users", mapClientRoles},

		"GET /clients":                                             {"query-clients", listClients},
		"POST /clients":                                            {"manage-clients", createClient},
		"GET /clients/{id}":                                        {"view-clients", getClient},
		"PUT /clients/{id}":                                        {"manage-clients", updateClient},
		"DELETE /clients/{id}":                                     {"manage-clients", deleteClient},
		"GET /clients/{id}/client-secret":                          {"view-clients", getSecret},
		"POST /clients/{id}/client-secret":                         {"manage-clients", newClientSecret},
		"GET /clients/{id}/service-account-user":                   {"view-clients", serviceAccountUser},
		"GET /clients/{id}/default-client-scopes":                  {"view-clients", clientScopes},
		"PUT /clients/{id}/default-client-scopes/{scope}":          {"manage-clients", addClientScope},
		"GET /clients/{id}/roles":                                  {"view-clients", listClientRoles},
		"GET /clients/{id}/roles/{role}":                           {"view-clients", getClientRole},
		"GET /client-scopes":                                       {"view-clients", listScopes},
		"POST /client-scopes":                                      {"manage-clients", createScope},
		"GET /client-scopes/{id}/protocol-mappers/models":          {"view-clients", listMappers},
		"POST /client-scopes/{id}/protocol-mappers/models":         {"manage-clients", createMapper},
		"PUT /client-scopes/{id}/protocol-mappers/models/{mapper}": {"manage-clients", updateMapper},
		"PUT /default-default-client-scopes/{id}":                  {"manage-realm", addDefaultScope},

		"GET /authentication/flows":                               {"view-realm", listFlows},
		"POST /authentication/flows":                              {"manage-realm", createFlow},
		"DELETE /authentication/flows/{id}":                       {"manage-realm", deleteFlow},
		"GET /authentication/flows/{alias}/executions":            {"view-realm", listExecutions},
		"PUT /authentication/flows/{alias}/executions":            {"manage-realm", updateExecution},
		"POST /authentication/flows/{alias}/executions/execution": {"manage-realm", addExecution},
		"POST /authentication/flows/{alias}/executions/flow":      {"manage-realm", addSubflow},
		"POST /authentication/executions/{id}/config":             {"manage-realm", configureExecution},
		"GET /authentication/config/{id}":                         {"view-realm", readConfig},
		"PUT /authentication/config/{id}":                         {"manage-realm", updateConfig},
	})
}

// public is a route that needs no administrator.
func (s *Sim) public(pattern string, fn func(*call) *fault) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		realm := s.st.Realms[r.PathValue("realm")]
		if realm == nil {
			deny(http.StatusNotFound, "Realm does not exist").write(w)
			return
		}
		if f := fn(&call{sim: s, realm: realm, w: w, r: r}); f != nil {
			f.write(w)
		}
	})
}

type adminHandler struct {
	role string // of the client realm-management
	fn   func(*call) *fault
}

func (s *Sim) adminRoutes(_ string, handlers map[string]adminHandler) {
	for pattern, h := range handlers {
		method, rest := cutMethod(pattern)
		s.mux.HandleFunc(method+" /admin/realms/{realm}"+rest, s.admin(h.role, h.fn))
	}
}

func cutMethod(pattern string) (method, rest string) {
	for i := range pattern {
		if pattern[i] == ' ' {
			return pattern[:i], pattern[i+1:]
		}
	}
	return pattern, ""
}

// admin is a route for those who have the role in the realm; an empty role means administrators of the realm master.
func (s *Sim) admin(role string, fn func(*call) *fault) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		c := &call{sim: s, w: w, r: r}
		if f := c.admit(role); f != nil {
			f.write(w)
			return
		}
		if f := fn(c); f != nil {
			f.write(w)
		}
	}
}

// admit finds who calls and whether they may. A foreign realm is forbidden to all but administrators of master.
func (c *call) admit(role string) *fault {
	unauthorized := deny(http.StatusUnauthorized, "HTTP 401 Unauthorized")
	forbidden := deny(http.StatusForbidden, "HTTP 403 Forbidden")
	home, who := c.sim.caller(bearer(c.r))
	if who == nil {
		return unauthorized
	}
	c.who = who
	name := c.path("realm")
	c.realm = c.sim.st.Realms[name]
	super := home.Name == "master" && who.RealmRoles["admin"]
	switch {
	case super && name == "":
		return nil
	case super && c.realm == nil:
		return deny(http.StatusNotFound, "Realm not found.")
	case super:
		return nil
	case c.realm == nil || c.realm != home || !c.realm.manages(who, role):
		return forbidden
	}
	return nil
}

// caller is the user of an access token of any realm.
func (s *Sim) caller(token string) (*realm, *user) {
	for _, r := range s.st.Realms {
		claims, err := s.open(r, token)
		if err != nil || text(claims, "typ") != "Bearer" || text(claims, "iss") != s.issuer(r) {
			continue
		}
		return r, r.Users[text(claims, "sub")]
	}
	return nil, nil
}

// implied are the roles that a role brings along.
var implied = map[string][]string{
	"realm-admin":    {"manage-users", "manage-clients", "manage-realm", "view-events", "create-client"},
	"manage-users":   {"view-users"},
	"view-users":     {"query-users", "query-groups"},
	"manage-clients": {"view-clients"},
	"view-clients":   {"query-clients"},
	"manage-realm":   {"view-realm"},
}

const management = "realm-management"

// manages reports whether a user has a role of realm-management, itself or by another that implies it.
func (r *realm) manages(u *user, role string) bool {
	c := r.clientByName(management)
	if c == nil {
		return false
	}
	todo := []string{}
	for have := range u.ClientRoles[c.ID] {
		todo = append(todo, have)
	}
	for len(todo) > 0 {
		have := todo[0]
		todo = todo[1:]
		if have == role {
			return true
		}
		todo = append(todo, implied[have]...)
	}
	return false
}

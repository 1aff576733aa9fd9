package sim

import (
	"maps"
	"net/http"
	"path"
	"strings"
)

// rolesOf gives the names of the roles a token carries, implied ones too, as the
// assignments stand now.
func (s *state) rolesOf(tok *token) []string {
	var names []string
	for _, r := range s.roleObjects(tok) {
		names = append(names, r.Name)
	}
	return names
}

// roleObjects is the assigned roles with those they imply; an application credential
// narrows them to the roles it was made with.
func (s *state) roleObjects(tok *token) []*role {
	names := map[string]bool{}
	for _, a := range s.Assignments {
		if a.UserID == tok.UserID && a.covers(tok) {
			s.addRole(names, a.RoleID)
		}
	}
	if cred := s.AppCredentials[tok.AppCredentialID]; cred != nil {
		granted := map[string]bool{}
		for _, id := range cred.RoleIDs {
			s.addRole(granted, id)
		}
		maps.DeleteFunc(names, func(name string, _ bool) bool { return !granted[name] })
	}
	return inOrder(s.Roles, func(r *role) bool { return names[r.Name] })
}

func (s *state) addRole(names map[string]bool, id string) {
	r := s.Roles[id]
	if r == nil {
		return
	}
	names[r.Name] = true
	for _, implied := range impliedRoles[r.Name] {
		names[implied] = true
	}
}

func (a assignment) covers(tok *token) bool {
	switch a.Scope {
	case onProject:
		return tok.ProjectID != "" && a.TargetID == tok.ProjectID
	case onDomain:
		return tok.DomainID != "" && a.TargetID == tok.DomainID
	default:
		return tok.System
	}
}

func (s *state) domainRef(id string) map[string]any {
	name := ""
	if d := s.Domains[id]; d != nil {
		name = d.Name
	}
	return map[string]any{"id": id, "name": name}
}

// expiryOf has no zone when the token ends with its application credential: so does Keystone's.
func (cl *call) expiryOf(tok *token) string {
	cred := cl.st.AppCredentials[tok.AppCredentialID]
	if cred != nil && cred.ExpiresAt != nil && cred.ExpiresAt.Equal(tok.ExpiresAt) {
		return tok.ExpiresAt.UTC().Format("2006-01-02T15:04:05")
	}
	return microStamp(tok.ExpiresAt)
}

func (cl *call) tokenView(tok *token, who *principal) map[string]any {
	u := cl.st.Users[tok.UserID]
	v := map[string]any{
		"methods": tok.Methods, "audit_ids": tok.AuditIDs,
		"issued_at": microStamp(tok.IssuedAt), "expires_at": cl.expiryOf(tok),
		"user": map[string]any{
			"id": u.ID, "name": u.Name, "domain": cl.st.domainRef(u.DomainID), "password_expires_at": nil,
		},
	}
	switch {
	case tok.ProjectID != "":
		p := cl.st.Projects[tok.ProjectID]
		v["project"] = map[string]any{"id": p.ID, "name": p.Name, "domain": cl.st.domainRef(p.DomainID)}
		v["is_domain"] = false
	case tok.DomainID != "":
		v["domain"] = cl.st.domainRef(tok.DomainID)
	case tok.System:
		v["system"] = map[string]any{"all": true}
	}
	if cred := cl.st.AppCredentials[tok.AppCredentialID]; cred != nil {
		v["application_credential"] = map[string]any{
			"id": cred.ID, "name": cred.Name, "restricted": !cred.Unrestricted,
		}
	}
	if len(who.roles) > 0 {
		roles := make([]any, 0, len(who.roles))
		for _, r := range cl.st.roleObjects(tok) {
			roles = append(roles, map[string]any{"id": r.ID, "name": r.Name})
		}
		v["roles"] = roles
		if !cl.query.Has("nocatalog") {
			v["catalog"] = cl.catalog()
		}
	}
	return v
}

// subject finds the token a request is about; others' tokens are for administrators.
func (cl *call) subject() (*token, *principal, *apiError) {
	tok := cl.st.Tokens[cl.r.Header.Get("X-Subject-Token")]
	if tok == nil {
		return nil, nil, failf(http.StatusNotFound, "Failed to validate token")
	}
	if tok.UserID != cl.who.userID && !cl.who.admin {
		return nil, nil, errForbidden("identity:validate_token")
	}
	who := cl.st.principalOf(tok, cl)
	if who == nil {
		return nil, nil, failf(http.StatusNotFound, "Failed to validate token")
	}
	return tok, who, nil
}

// showToken serves HEAD too: the body is left out on the way.
func showToken(cl *call) (reply, *apiError) {
	tok, who, fail := cl.subject()
	if fail != nil {
		return refuse(fail)
	}
	return reply{
		status: http.StatusOK,
		body:   map[string]any{"token": cl.tokenView(tok, who)},
		header: map[string]string{"X-Subject-Token": tok.ID},
	}, nil
}

func revokeToken(cl *call) (reply, *apiError) {
	tok, _, fail := cl.subject()
	if fail != nil {
		return refuse(fail)
	}
	delete(cl.st.Tokens, tok.ID)
	return noContent()
}

// checkAccessRules holds a token of an application credential with access rules to them.
func (s *state) checkAccessRules(tok *token, svc service, r *http.Request) *apiError {
	cred := s.AppCredentials[tok.AppCredentialID]
	if cred == nil || len(cred.AccessRules) == 0 {
		return nil
	}
	_, apiPath, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	for _, rule := range cred.AccessRules {
		if rule.Service != string(svc) || rule.Method != r.Method {
			continue
		}
		if ruleMatches(rule.Path, "/"+apiPath) {
			return nil
		}
	}
	return errUnauthenticated()
}

// ruleMatches knows Keystone's wildcards: * and {name} for one segment, ** for many.
func ruleMatches(pattern, p string) bool {
	if prefix, found := strings.CutSuffix(pattern, "**"); found {
		return strings.HasPrefix(p, prefix)
	}
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}") {
			parts[i] = "*"
		}
	}
	matched, err := path.Match(strings.Join(parts, "/"), p)
	return err == nil && matched
}

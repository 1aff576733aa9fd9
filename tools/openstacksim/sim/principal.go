package sim

import (
	"net/http"
	"slices"
)

// principal is the caller, as the token says and the assignments still grant.
type principal struct {
	token     *token
	userID    string
	projectID string
	domainID  string // of the project, for responses that name it
	roles     []string
	admin     bool
}

// authenticate checks the token of a request. The caller holds the lock.
func (c *Cloud) authenticate(cl *call, svc service) (*principal, *apiError) {
	id := cl.r.Header.Get("X-Auth-Token")
	if id == "" {
		return nil, errUnauthenticated()
	}
	tok := cl.st.Tokens[id]
	if tok == nil {
		return nil, errUnauthenticated()
	}
	who := cl.st.principalOf(tok, cl)
	if who == nil {
		return nil, errUnauthenticated()
	}
	if svc != keystone && tok.unscoped() {
		return nil, errUnauthenticated()
	}
	if fail := cl.st.checkAccessRules(tok, svc, cl.r); fail != nil {
		return nil, fail
	}
	return who, nil
}

// principalOf gives nil when the token no longer counts: it expired, or something it
// stands on was disabled, deleted or taken away.
func (s *state) principalOf(tok *token, cl *call) *principal {
	if !cl.now.Before(tok.ExpiresAt) || !s.userEnabled(tok.UserID) {
		return nil
	}
	who := &principal{token: tok, userID: tok.UserID, projectID: tok.ProjectID}
	if tok.AppCredentialID != "" {
		cred := s.AppCredentials[tok.AppCredentialID]
		if cred == nil || cred.expired(cl.now) {
			return nil
		}
	}
	switch {
	case tok.ProjectID != "":
		if !s.projectEnabled(tok.ProjectID) {
			return nil
		}
		who.domainID = s.Projects[tok.ProjectID].DomainID
	case tok.DomainID != "":
		if d := s.Domains[tok.DomainID]; d == nil || !d.Enabled {
			return nil
		}
	case !tok.System:
		return who // unscoped: no roles
	}
	who.roles = s.rolesOf(tok)
	if len(who.roles) == 0 {
		return nil
	}
	who.admin = slices.Contains(who.roles, "admin")
	return who
}

func (s *state) userEnabled(id string) bool {
	u := s.Users[id]
	if u == nil || !u.Enabled {
		return false
	}
	d := s.Domains[u.DomainID]
	return d != nil && d.Enabled
}

func (s *state) projectEnabled(id string) bool {
	p := s.Projects[id]
	if p == nil || !p.Enabled {
		return false
	}
	d := s.Domains[p.DomainID]
	return d != nil && d.Enabled
}

// owns reports whether the caller may act on objects of a project.
func (p *principal) owns(projectID string) bool { return p.admin || p.projectID == projectID }

// identityAdmin guards what Keystone leaves to administrators.
func identityAdmin(action string, fn handlerFunc) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		if !cl.who.admin {
			return refuse(errForbidden("identity:" + action))
		}
		return fn(cl)
	}
}

// novaAdmin guards what Nova leaves to administrators.
func novaAdmin(policy string, fn handlerFunc) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		if !cl.who.admin {
			return refuse(failf(http.StatusForbidden, "Policy doesn't allow os_compute_api:%s to be performed.", policy))
		}
		return fn(cl)
	}
}

// placementAdmin guards all of Placement.
func placementAdmin(fn handlerFunc) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		if !cl.who.admin {
			return refuse(failf(http.StatusForbidden, "Access was denied to this resource.\n\n admin required  "))
		}
		return fn(cl)
	}
}

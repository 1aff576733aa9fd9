package sim

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"time"
)

type nameRef struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Domain *nameRef `json:"domain"`
}

type authRequest struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password struct {
				User struct {
					nameRef
					Password string `json:"password"`
				} `json:"user"`
			} `json:"password"`
			Token struct {
				ID string `json:"id"`
			} `json:"token"`
			AppCredential struct {
				ID     string  `json:"id"`
				Name   string  `json:"name"`
				Secret string  `json:"secret"`
				User   nameRef `json:"user"`
			} `json:"application_credential"`
		} `json:"identity"`
		Scope *authScope `json:"scope"`
	} `json:"auth"`
}

type authScope struct {
	Project *nameRef       `json:"project"`
	Domain  *nameRef       `json:"domain"`
	System  map[string]any `json:"system"`
}

// issueToken is POST /v3/auth/tokens. For any fault of the credentials, the response
// is the same 401, as Keystone gives it.
func issueToken(cl *call) (reply, *apiError) {
	var req authRequest
	if fail := cl.decode(&req); fail != nil {
		return refuse(fail)
	}
	if len(req.Auth.Identity.Methods) == 0 {
		return refuse(failf(http.StatusBadRequest, "Expecting to find methods in identity. The server could not "+
			"comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."))
	}
	tok := &token{
		ID: "gAAAAAB" + newSecret(), Methods: req.Auth.Identity.Methods, AuditIDs: []string{newSecret()[:22]},
		IssuedAt: cl.now, ExpiresAt: cl.now.Add(cl.cloud.opts.TokenTTL),
	}
	if fail := cl.identify(&req, tok); fail != nil {
		return refuse(fail)
	}
	if !cl.st.userEnabled(tok.UserID) {
		return refuse(errUnauthenticated())
	}
	if fail := cl.scope(req.Auth.Scope, tok); fail != nil {
		return refuse(fail)
	}
	who := cl.st.principalOf(tok, cl)
	if who == nil {
		return refuse(errUnauthenticated())
	}
	cl.st.dropExpiredTokens(cl.now)
	cl.st.Tokens[tok.ID] = tok
	return reply{
		status: http.StatusCreated,
		body:   map[string]any{"token": cl.tokenView(tok, who)},
		header: map[string]string{"X-Subject-Token": tok.ID},
	}, nil
}

func (cl *call) identify(req *authRequest, tok *token) *apiError {
	id := &req.Auth.Identity
	for _, method := range id.Methods {
		var fail *apiError
		switch method {
		case "password":
			fail = cl.byPassword(id.Password.User.nameRef, id.Password.User.Password, tok)
		case "token":
			fail = cl.byToken(id.Token.ID, tok)
		case "application_credential":
			cred := cl.st.resolveAppCredential(id.AppCredential.ID, id.AppCredential.Name, id.AppCredential.User)
			if cred == nil || cred.expired(cl.now) || !sameSecret(cred.Secret, id.AppCredential.Secret) {
				return errUnauthenticated()
			}
			tok.UserID, tok.ProjectID, tok.AppCredentialID = cred.UserID, cred.ProjectID, cred.ID
			if cred.ExpiresAt != nil && cred.ExpiresAt.Before(tok.ExpiresAt) {
				tok.ExpiresAt = *cred.ExpiresAt
			}
		default:
			fail = failf(http.StatusUnauthorized, "Attempted to authenticate with an unsupported method.")
		}
		if fail != nil {
			return fail
		}
	}
	return nil
}

func (cl *call) byPassword(ref nameRef, password string, tok *token) *apiError {
	u := cl.st.resolveUser(ref)
	if u == nil || u.Password == "" || !sameSecret(u.Password, password) {
		return errUnauthenticated()
	}
	tok.UserID = u.ID
	return nil
}

// byToken rescopes: the new token lives no longer than the old one.
func (cl *call) byToken(id string, tok *token) *apiError {
	old := cl.st.Tokens[id]
	if old == nil || cl.st.principalOf(old, cl) == nil {
		return errUnauthenticated()
	}
	if old.AppCredentialID != "" {
		return errForbidden("rescope a token of an application credential")
	}
	tok.UserID, tok.ExpiresAt = old.UserID, old.ExpiresAt
	tok.AuditIDs = append(tok.AuditIDs, old.AuditIDs[len(old.AuditIDs)-1])
	tok.Methods = slices.Compact(append(slices.Clone(tok.Methods), old.Methods...))
	return nil
}

func (cl *call) scope(want *authScope, tok *token) *apiError {
	switch {
	case tok.AppCredentialID != "":
		if want != nil {
			return failf(http.StatusUnauthorized, "Application credentials cannot request a scope.")
		}
	case want == nil:
		u := cl.st.Users[tok.UserID]
		if u.DefaultProjectID == "" || !cl.st.projectEnabled(u.DefaultProjectID) {
			return nil
		}
		tok.ProjectID = u.DefaultProjectID
		if len(cl.st.rolesOf(tok)) == 0 {
			tok.ProjectID = "" // Keystone falls back to an unscoped token
		}
	case want.Project != nil:
		p := cl.st.resolveProject(*want.Project)
		if p == nil {
			return errUnauthenticated()
		}
		tok.ProjectID = p.ID
	case want.Domain != nil:
		d := cl.st.resolveDomain(want.Domain)
		if d == nil {
			return errUnauthenticated()
		}
		tok.DomainID = d.ID
	case want.System != nil:
		tok.System = true
	}
	return nil
}

func sameSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *state) resolveDomain(ref *nameRef) *domain {
	if ref == nil {
		return nil
	}
	if ref.ID != "" {
		return s.Domains[ref.ID]
	}
	d, _ := find(s.Domains, func(d *domain) bool { return d.Name == ref.Name })
	return d
}

func (s *state) resolveUser(ref nameRef) *user {
	if ref.ID != "" {
		return s.Users[ref.ID]
	}
	d := s.resolveDomain(ref.Domain)
	if d == nil {
		return nil
	}
	u, _ := find(s.Users, func(u *user) bool { return u.Name == ref.Name && u.DomainID == d.ID })
	return u
}

func (s *state) resolveProject(ref nameRef) *project {
	if ref.ID != "" {
		return s.Projects[ref.ID]
	}
	d := s.resolveDomain(ref.Domain)
	if d == nil {
		return nil
	}
	p, _ := find(s.Projects, func(p *project) bool { return p.Name == ref.Name && p.DomainID == d.ID })
	return p
}

func (s *state) resolveAppCredential(id, name string, owner nameRef) *appCredential {
	if id != "" {
		return s.AppCredentials[id]
	}
	u := s.resolveUser(owner)
	if u == nil {
		return nil
	}
	a, _ := find(s.AppCredentials, func(a *appCredential) bool { return a.Name == name && a.UserID == u.ID })
	return a
}

// dropExpiredTokens keeps the table small without a goroutine of its own.
func (s *state) dropExpiredTokens(now time.Time) {
	if len(s.Tokens)%64 != 0 {
		return
	}
	s.revokeTokens(func(t *token) bool { return !now.Before(t.ExpiresAt) })
}

func (s *state) revokeTokens(match func(*token) bool) {
	for id, t := range s.Tokens {
		if match(t) {
			delete(s.Tokens, id)
		}
	}
}

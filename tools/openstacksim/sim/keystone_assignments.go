package sim

import (
	"net/http"
	"slices"
)

// grantTarget reads the path of a grant and checks that all it names exists.
func (cl *call) grantTarget(kind scopeKind, withRole bool) (assignment, *apiError) {
	a := assignment{UserID: cl.path("user"), RoleID: cl.path("role"), Scope: kind, TargetID: cl.path("id")}
	if withRole && cl.st.Roles[a.RoleID] == nil {
		return a, errMissing("role", a.RoleID)
	}
	if cl.st.Users[a.UserID] == nil {
		return a, errMissing("user", a.UserID)
	}
	switch kind {
	case onProject:
		if cl.st.Projects[a.TargetID] == nil {
			return a, errMissing("project", a.TargetID)
		}
	case onDomain:
		if cl.st.Domains[a.TargetID] == nil {
			return a, errMissing("domain", a.TargetID)
		}
	case onSystem:
		a.TargetID = "all"
	}
	return a, nil
}

func errNoGrant(a assignment) *apiError {
	return failf(http.StatusNotFound, "Could not find role assignment with role: %s, user or group: %s, "+
		"project, domain, or system: %s.", a.RoleID, a.UserID, a.TargetID)
}

func grant(kind scopeKind) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		a, fail := cl.grantTarget(kind, true)
		if fail != nil {
			return refuse(fail)
		}
		if !slices.Contains(cl.st.Assignments, a) {
			cl.st.Assignments = append(slices.Clone(cl.st.Assignments), a)
		}
		return noContent()
	}
}

func checkGrant(kind scopeKind) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		a, fail := cl.grantTarget(kind, true)
		if fail != nil {
			return refuse(fail)
		}
		if !slices.Contains(cl.st.Assignments, a) {
			return refuse(errNoGrant(a))
		}
		return noContent()
	}
}

func revoke(kind scopeKind) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		a, fail := cl.grantTarget(kind, true)
		if fail != nil {
			return refuse(fail)
		}
		if !slices.Contains(cl.st.Assignments, a) {
			return refuse(errNoGrant(a))
		}
		cl.st.dropAssignments(func(x assignment) bool { return x == a })
		return noContent()
	}
}

func listGrants(kind scopeKind) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		want, fail := cl.grantTarget(kind, false)
		if fail != nil {
			return refuse(fail)
		}
		items := []any{}
		for _, a := range cl.st.Assignments {
			if a.UserID == want.UserID && a.Scope == kind && a.TargetID == want.TargetID {
				items = append(items, cl.roleView(cl.st.Roles[a.RoleID]))
			}
		}
		return cl.collection("roles", items)
	}
}

// dropAssignments also ends the application credentials that a lost role stood behind.
func (s *state) dropAssignments(match func(assignment) bool) {
	kept := make([]assignment, 0, len(s.Assignments))
	for _, a := range s.Assignments {
		if !match(a) {
			kept = append(kept, a)
			continue
		}
		for _, c := range inOrder(s.AppCredentials, func(c *appCredential) bool {
			return a.Scope == onProject && c.UserID == a.UserID && c.ProjectID == a.TargetID
		}) {
			delete(s.AppCredentials, c.ID)
		}
	}
	s.Assignments = kept
}

func listAssignments(cl *call) (reply, *apiError) {
	names := cl.query.Has("include_names")
	effective := cl.query.Has("effective")
	items := []any{}
	for _, a := range cl.st.Assignments {
		if !cl.assignmentWanted(a) {
			continue
		}
		for _, r := range cl.st.spread(a, effective) {
			if cl.query.Has("role.id") && cl.query.Get("role.id") != r.ID {
				continue
			}
			items = append(items, cl.assignmentView(a, r, names))
		}
	}
	return cl.collection("role_assignments", items)
}

func (cl *call) assignmentWanted(a assignment) bool {
	q := cl.query
	return !(q.Has("user.id") && q.Get("user.id") != a.UserID ||
		q.Has("group.id") ||
		q.Has("scope.project.id") && (a.Scope != onProject || q.Get("scope.project.id") != a.TargetID) ||
		q.Has("scope.domain.id") && (a.Scope != onDomain || q.Get("scope.domain.id") != a.TargetID) ||
		q.Has("scope.system") && a.Scope != onSystem)
}

// spread gives the role of an assignment, with the ones it implies when they are asked for.
func (s *state) spread(a assignment, effective bool) []*role {
	direct := s.Roles[a.RoleID]
	if direct == nil {
		return nil
	}
	out := []*role{direct}
	if effective {
		out = append(out, inOrder(s.Roles, func(r *role) bool {
			return slices.Contains(impliedRoles[direct.Name], r.Name)
		})...)
	}
	return out
}

func (cl *call) assignmentView(a assignment, r *role, names bool) map[string]any {
	roleRef := map[string]any{"id": r.ID}
	userRef := map[string]any{"id": a.UserID}
	target := map[string]any{"id": a.TargetID}
	if names {
		u := cl.st.Users[a.UserID]
		roleRef["name"] = r.Name
		userRef["name"], userRef["domain"] = u.Name, cl.st.domainRef(u.DomainID)
		switch a.Scope {
		case onProject:
			p := cl.st.Projects[a.TargetID]
			target["name"], target["domain"] = p.Name, cl.st.domainRef(p.DomainID)
		case onDomain:
			target = cl.st.domainRef(a.TargetID)
		}
	}
	scope := map[string]any{string(a.Scope): target}
	if a.Scope == onSystem {
		scope = map[string]any{"system": map[string]any{"all": true}}
	}
	return map[string]any{"role": roleRef, "user": userRef, "scope": scope, "links": cl.selfLink("role_assignments")}
}

package authz

import (
	"github.com/cedar-policy/cedar-go"
)

// situation is everything a decision depends on. Names of tenants are not part of it: Cedar is asked about roles on levels,
// so there are few situations and each is decided once.
type situation struct {
	permission string
	level      Level
	standing   standing
	// stepUp is needed, steppedUp was done.
	stepUp, steppedUp bool
}

// maxMemo bounds the decisions that are remembered; they number thousands at most.
const maxMemo = 1 << 16

// allows decides.
func (a *Authorizer) allows(s situation) bool {
	a.mu.RLock()
	allowed, known := a.memo[s]
	a.mu.RUnlock()
	if known {
		return allowed
	}
	allowed = a.ask(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.memo) >= maxMemo {
		clear(a.memo)
	}
	a.memo[s] = allowed
	return allowed
}

// ask asks Cedar.
func (a *Authorizer) ask(s situation) bool {
	action := cedar.NewEntityUID("Action", cedar.String(s.permission))
	decision, trouble := cedar.Authorize(a.policies, a.world(s), cedar.Request{
		Principal: caller, Action: action, Resource: uids[s.level],
		Context: cedar.NewRecord(cedar.RecordMap{"stepUp": cedar.Boolean(s.stepUp), "steppedUp": cedar.Boolean(s.steppedUp)}),
	})
	// A policy that cannot be evaluated may be one that forbids.
	return decision == cedar.Allow && len(trouble.Errors) == 0
}

var (
	caller = cedar.NewEntityUID("User", "caller")
	// anyAction holds the permissions that methods declare.
	anyAction = cedar.NewEntityUID("Action", "any")

	uids = [levels]cedar.EntityUID{
		Platform:     cedar.NewEntityUID("Platform", platformName),
		Tenant:       cedar.NewEntityUID("Tenant", "tenant"),
		Organisation: cedar.NewEntityUID("Organisation", "organisation"),
		VPC:          cedar.NewEntityUID("Vpc", "vpc"),
	}
)

// member is the role of every caller with any role on a resource or below it.
const member Role = "member"

// weaker is the role that each role holds too.
var weaker = map[Role]Role{Owner: Admin, Admin: Operator, Operator: Viewer, Viewer: member, Billing: member}

// stronger is the role that holds a role too.
func stronger(r Role) (Role, bool) {
	for s, w := range weaker {
		if w == r {
			return s, true
		}
	}
	return "", false
}

func roleUID(l Level, r Role) cedar.EntityUID {
	return cedar.NewEntityUID("Role", uids[l].ID+"#"+cedar.String(r))
}

// world is the entities of a situation: the caller in his roles, each role in the weaker one and in the same one of the
// level below, each level in the one above, and the permission among those that exist.
func (a *Authorizer) world(s situation) cedar.EntityMap {
	world := cedar.EntityMap{}
	add := func(uid cedar.EntityUID, attributes cedar.RecordMap, parents ...cedar.EntityUID) {
		world[uid] = cedar.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(parents...), Attributes: cedar.NewRecord(attributes)}
	}
	var held []cedar.EntityUID
	if s.standing.at[Platform].has(Operator) {
		held = append(held, roleUID(Platform, Operator))
	}
	add(uids[Platform], nil)
	for l := Tenant; l <= s.level; l++ {
		attributes := cedar.RecordMap{"member": roleUID(l, member)}
		for _, r := range Roles() {
			parents := []cedar.EntityUID{roleUID(l, weaker[r])}
			if l < s.level {
				parents = append(parents, roleUID(l+1, r))
			}
			add(roleUID(l, r), nil, parents...)
			attributes[cedar.String(r)] = roleUID(l, r)
			if s.standing.at[l].has(r) {
				held = append(held, roleUID(l, r))
			}
		}
		add(uids[l], attributes, uids[l-1])
	}
	if s.standing.below && s.level != Platform {
		held = append(held, roleUID(s.level, member))
	}
	add(caller, nil, held...)
	if a.methods.needs(s.permission) {
		add(cedar.NewEntityUID("Action", cedar.String(s.permission)), nil, anyAction)
	}
	return world
}

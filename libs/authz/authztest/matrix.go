package authztest

import (
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/identity"
)

// Matrix is every actor × every call × every kind of target. On each wire it checks that
//
//   - an unidentified caller gets UNAUTHENTICATED and nothing else;
//   - on his own tenant an actor is refused exactly what his roles do not give, or what lacks a second factor;
//   - on another tenant he gets the response for an absent one, to the byte; and for things of another tenant under his own tenant's name, the response for absent things;
//   - no response holds a foreign name that the request did not hold, except where an audit trail repeats the request.
//
// Allowed calls ask for the plan where there is one, so that the world stays as it is.
type Matrix struct {
	Authorizer *authz.Authorizer
	Actors     []Actor
	// Own are the things of the actors' tenant, Foreign those of another tenant, Absent do not exist. NestedForeign and
	// NestedAbsent are the latter two under the name of the own tenant.
	Own, Foreign, Absent, NestedForeign, NestedAbsent World
}

// Nest are the worlds with the things of others under the name of the own tenant.
func (m Matrix) Nest() Matrix {
	under := func(w World) World {
		out := make(World)
		for k, v := range w {
			out[k] = v
		}
		out["tenants"] = m.Own["tenants"]
		return out
	}
	m.NestedForeign, m.NestedAbsent = under(m.Foreign), under(m.Absent)
	return m
}

// Wire is a way to make calls; one that cannot make a call says so.
type Wire struct {
	Name string
	// Takes is true for calls that can be made over it; nil takes all.
	Takes func(Call) bool
	Do    func(t testing.TB, a Actor, c Call, request proto.Message) Answer
}

// Run makes all calls over one wire and returns their number.
func (m Matrix) Run(t *testing.T, w Wire) int {
	t.Helper()
	n := 0
	for _, a := range m.Actors {
		t.Run(w.Name+"/"+a.Name, func(t *testing.T) {
			for _, c := range Calls(t) {
				if w.Takes == nil || w.Takes(c) {
					r := &round{Matrix: m, T: t, wire: w, actor: a, call: c}
					r.all()
					n += r.made
				}
			}
		})
	}
	t.Logf("%s: %d calls", w.Name, n)
	return n
}

// round is one actor with one call.
type round struct {
	Matrix
	*testing.T
	wire  Wire
	actor Actor
	call  Call
	made  int
}

func (r *round) all() {
	expect := r.actor.Expect(r.Authorizer, r.call, false)
	switch {
	case !r.call.InTenant() && r.call.Field != "":
		r.check("platform", r.do(r.Own, expect == ""), expect)
	case r.actor.Refused != "":
		for _, w := range []World{r.Own, r.Foreign, r.Absent} {
			r.check("anything", r.do(w, false), expect)
		}
	case r.actor.Operator:
		r.check("own", r.do(r.Own, true), expect)
		r.do(r.Absent, true)
	case len(r.actor.Roles) == 0:
		r.stranger(expect)
	default:
		r.member(expect)
	}
}

// stranger has no role on the own tenant.
func (r *round) stranger(expect string) {
	absent := r.do(r.Absent, false)
	if !r.call.InTenant() {
		r.check("absent", absent, expect)
	}
	foreign := map[string]World{"own": r.Own, "foreign": r.Foreign}
	if r.actor.Elsewhere {
		delete(foreign, "foreign") // that is his
	}
	for what, w := range foreign {
		r.foreign(what, r.do(w, false), w, absent)
	}
}

// member holds a role on the own tenant.
func (r *round) member(expect string) {
	plan := expect == ""
	r.check("own", r.do(r.Own, plan), expect)
	r.foreign("foreign", r.do(r.Foreign, false), r.Foreign, r.do(r.Absent, false))
	if !r.call.InTenant() {
		return
	}
	nestedForeign, nestedAbsent := r.do(r.NestedForeign, plan), r.do(r.NestedAbsent, plan)
	// Two responses about his own things, such as plans, differ in their times and show nothing of others.
	if nestedForeign.Reason != "" || nestedAbsent.Reason != "" {
		r.same("nested foreign", nestedForeign.Alike(r.NestedForeign), nestedAbsent.Alike(r.NestedAbsent))
	}
	if expect == authz.ReasonDenied {
		r.check("nested foreign", nestedForeign, expect)
	}
}

// foreign is a response about another tenant's things, which must equal the one about absent things.
func (r *round) foreign(what string, a Answer, w World, absent Answer) {
	if r.call.InTenant() && !strings.HasSuffix(a.Reason, "_NOT_FOUND") {
		r.Errorf("%s %s: got %s", r.call.Name(), what, a.Text)
	}
	r.same(what, a.Alike(w), absent.Alike(r.Absent))
}

// do makes the call about things of a world.
func (r *round) do(w World, plan bool) Answer {
	r.made++
	a := r.wire.Do(r.T, r.actor, r.call, r.call.Request(r.T, w, plan))
	if !r.actor.Operator && !r.actor.Elsewhere {
		text := a.Text
		if r.call.Service == "audit" {
			text = r.withoutOwn(text)
		}
		for collection, id := range r.Foreign {
			if w[collection] != id && strings.Contains(text, id) {
				r.Errorf("%s shows %q of another tenant: %s", r.call.Name(), id, a.Text)
			}
		}
	}
	return a
}

// withoutOwn is a text without names under the own tenant. An audit trail repeats those that anybody asked for, and the matrix
// asks for things of others there.
func (r *round) withoutOwn(text string) string {
	return regexp.MustCompile(regexp.QuoteMeta("tenants/"+r.Own["tenants"])+`/[A-Za-z0-9/_-]+`).ReplaceAllString(text, "")
}

func (r *round) check(what string, a Answer, expect string) {
	refusals := []string{identity.ReasonMissing, identity.ReasonExpired, identity.ReasonInvalid, authz.ReasonDenied, authz.ReasonStepUp}
	if expect != "" && a.Reason != expect {
		r.Errorf("%s %s: got %q, want %s: %s", r.call.Name(), what, a.Reason, expect, a.Text)
	}
	for _, refusal := range refusals {
		if expect == "" && a.Reason == refusal {
			r.Errorf("%s %s: must be allowed, but got %s", r.call.Name(), what, a.Text)
		}
	}
}

func (r *round) same(what, got, want string) {
	if got != want {
		r.Errorf("%s: %s and absent differ\n got %s\nwant %s", r.call.Name(), what, got, want)
	}
}

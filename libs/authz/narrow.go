package authz

import (
	"context"
	"strings"

	"github.com/low-layer/platform/libs/identity"
)

// Places are where a caller may do what he asked for, when he may not do it everywhere.
type Places struct {
	// All is true when there is no limit.
	All bool
	// Names are tenants, organisations and VPCs; the permission is given there and below.
	Names []string
}

type placesKey struct{}

func with(ctx context.Context, p Places) context.Context {
	return context.WithValue(ctx, placesKey{}, p)
}

// Narrowed are the places to which the handler of a `narrowed` method limits its result. Calls of other services, and
// calls without a configured issuer, have no limit.
func Narrowed(ctx context.Context) Places {
	if p, ok := ctx.Value(placesKey{}).(Places); ok {
		return p
	}
	_, identified := identity.From(ctx)
	return Places{All: !identified}
}

// Holds reports whether the caller has the role or a stronger one, on the resource or above it, or operates the
// platform. It is true without a configured issuer (see Narrowed). It serves rules beyond permissions, such as which
// role a caller may give.
func Holds(ctx context.Context, resource string, role Role) bool {
	p, identified := identity.From(ctx)
	if !identified {
		return true
	}
	r, ok := ParseResource(resource)
	if !ok {
		return false
	}
	s := standingOf(p, r)
	for held, next := role, true; next; held, next = stronger(held) {
		for l := Tenant; l <= r.level; l++ {
			if s.at[l].has(held) {
				return true
			}
		}
	}
	return s.at[Platform].has(Operator)
}

// Operates reports whether the caller operates the platform; true without a configured issuer (see Narrowed).
func Operates(ctx context.Context) bool {
	p, identified := identity.From(ctx)
	return !identified || standingOf(p, platform).at[Platform].has(Operator)
}

// Covers is true for a resource at one of the places or below it.
func (p Places) Covers(name string) bool {
	if p.All {
		return true
	}
	for _, place := range p.Names {
		if rest, ok := strings.CutPrefix(name, place); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// Limit are the resources of a level that are one of the places or hold one; nil when there is no limit.
func (p Places) Limit(l Level) []string {
	return p.names(func(r Resource) (string, bool) { return r.above[l], r.level >= l })
}

// Above are the places above a level, whose resources they cover; nil when there is no limit.
func (p Places) Above(l Level) []string {
	return p.names(func(r Resource) (string, bool) { return r.Name, r.level < l })
}

func (p Places) names(pick func(Resource) (string, bool)) []string {
	if p.All {
		return nil
	}
	out := []string{}
	for _, place := range p.Names {
		if r, ok := ParseResource(place); ok {
			if name, wanted := pick(r); wanted {
				out = append(out, name)
			}
		}
	}
	return out
}

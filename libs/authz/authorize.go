package authz

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
)

// Authorize returns nil when the caller may call the method with the request. For methods that narrow their result, the
// returned context holds the limits for the handler.
func (a *Authorizer) Authorize(ctx context.Context, p *identity.Principal, method string, request proto.Message) (context.Context, error) {
	m := a.methods[method]
	if m == nil || m.Internal {
		// Which of the two is no business of users.
		return nil, errs.New(errs.PermissionDenied, ReasonDenied,
			"this method is not for users; call one of the reference at /docs")
	}
	r, err := m.resource(request)
	if err != nil {
		return nil, err
	}
	s := situation{
		permission: m.Permission, level: r.level, standing: standingOf(p, r), stepUp: m.confirms(request), steppedUp: p.SteppedUp(time.Now()),
	}
	if a.allows(s) {
		if m.Narrowed {
			ctx = with(ctx, Places{All: true})
		}
		return ctx, nil
	}
	if m.Narrowed {
		places := a.places(p, r, s)
		// Every caller may list what he may see of the platform, even when that is nothing.
		if len(places.Names) > 0 || r.level == Platform {
			return with(ctx, places), nil
		}
	}
	return nil, a.refusal(r, s)
}

// resource is what the request is about.
func (m *Method) resource(request proto.Message) (Resource, error) {
	if m.Scope != authzv1.Scope_SCOPE_UNSPECIFIED {
		return platform, nil
	}
	name, ok := m.nameIn(request)
	if !ok {
		return Resource{}, errs.Internal(fmt.Errorf("authorize %s: the request is a %T", m.Full, request))
	}
	r, ok := ParseResource(name)
	if !ok {
		return Resource{}, errs.InvalidAs(reasonName, errs.Field(m.Field, "is not the name of a resource such as tenants/{tenant}"))
	}
	return r, nil
}

// places are where below the resource the caller holds a role that gives the permission.
func (a *Authorizer) places(p *identity.Principal, r Resource, s situation) Places {
	var out Places
	for _, group := range p.Groups {
		name, role := split(group)
		if role == 0 || !isBelow(name, r) {
			continue
		}
		place, _ := ParseResource(name)
		s.level, s.standing = place.level, standing{}
		s.standing.at[place.level] = role
		if a.allows(s) {
			out.Names = append(out.Names, name)
		}
	}
	return out
}

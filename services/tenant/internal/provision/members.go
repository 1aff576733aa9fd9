package provision

import (
	"context"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
)

// MemberRemover ends roles and service accounts at a place and below it.
type MemberRemover interface {
	Remove(ctx context.Context, tenantUID string, scope member.Scope) error
}

type remover = func(context.Context, *provision.Run, provision.External) error

// withoutMembers removes who had roles in a tenant before what they had them in: the id is free afterwards, and a tenant made
// with it later must not let anybody of the old one in.
func (k *tenants) withoutMembers(remove remover) remover {
	return func(ctx context.Context, run *provision.Run, e provision.External) error {
		spec, err := tenantOf(run.Resource)
		if err != nil {
			return err
		}
		if k.Members != nil {
			if err := k.Members.Remove(ctx, spec.UID, member.Scope{Tenant: spec.ID}); err != nil {
				return err
			}
		}
		return remove(ctx, run, e)
	}
}

// withoutMembers is the same for an organisation.
func (k *organisations) withoutMembers(remove remover) remover {
	return func(ctx context.Context, run *provision.Run, e provision.External) error {
		spec, err := organisationOf(run.Resource)
		if err != nil {
			return err
		}
		if k.Members != nil {
			if err := k.Members.Remove(ctx, spec.TenantUID, member.Scope{Tenant: spec.TenantID, Organisation: spec.ID}); err != nil {
				return err
			}
		}
		return remove(ctx, run, e)
	}
}

package kit

import (
	"context"
	"net/netip"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Scopes are address scopes of the platform's own project.
type Scopes struct{ provision.Type[neutron.Scope] }

// NewScopes are the address scopes of a cloud.
func NewScopes(cloud neutron.Cloud) Scopes {
	return Scopes{provision.Type[neutron.Scope]{
		Name: neutron.TypeScope,
		Attributes: []provision.Attribute[neutron.Scope]{
			provision.Attr("name", func(s *neutron.Scope) *string { return &s.Name }),
			provision.Attr("shared", func(s *neutron.Scope) *bool { return &s.Shared }).Fixed(), // Neutron shares for good
		},
		External: func(s neutron.Scope) provision.External { return provision.External{ID: s.ID, Name: s.Name} },
		Find: func(ctx context.Context, want neutron.Scope) ([]neutron.Scope, error) {
			return cloud.Scopes(ctx, neutron.Filter{Name: want.Name})
		},
		Read:   func(ctx context.Context, ids []string) ([]neutron.Scope, error) { return cloud.Scopes(ctx, byIDs(ids)) },
		Update: cloud.UpdateScope,
		Create: func(ctx context.Context, want neutron.Scope) (neutron.Scope, error) {
			return cloud.CreateScope(ctx, want)
		},
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return cloud.DeleteScope(ctx, o.ID)
		},
	}}
}

// Make is the step that makes an address scope.
func (t Scopes) Make(s provision.Step, name string) provision.Step {
	s.Digest = provision.Digest(name)
	return t.Type.Make(provision.Want[neutron.Scope]{Step: s, Object: neutron.Scope{Name: name}})
}

// Pools are subnet pools of the platform's own project.
type Pools struct{ provision.Type[neutron.Pool] }

// NewPools are the subnet pools of a cloud.
func NewPools(cloud neutron.Cloud) Pools {
	return Pools{provision.Type[neutron.Pool]{
		Name: neutron.TypePool,
		Attributes: []provision.Attribute[neutron.Pool]{
			provision.Attr("name", func(p *neutron.Pool) *string { return &p.Name }),
			provision.SetAttr("prefixes", func(p *neutron.Pool) *[]netip.Prefix { return &p.Prefixes }).Fixed(),
			provision.Attr("address_scope_id", func(p *neutron.Pool) *string { return &p.ScopeID }),
			provision.Attr("shared", func(p *neutron.Pool) *bool { return &p.Shared }).Fixed(),
		},
		External: func(p neutron.Pool) provision.External { return provision.External{ID: p.ID, Name: p.Name} },
		Find: func(ctx context.Context, want neutron.Pool) ([]neutron.Pool, error) {
			return cloud.Pools(ctx, neutron.Filter{Name: want.Name})
		},
		Read:   func(ctx context.Context, ids []string) ([]neutron.Pool, error) { return cloud.Pools(ctx, byIDs(ids)) },
		Update: cloud.UpdatePool,
		Create: func(ctx context.Context, want neutron.Pool) (neutron.Pool, error) { return cloud.CreatePool(ctx, want) },
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return cloud.DeletePool(ctx, o.ID)
		},
	}}
}

// Make is the step that makes a subnet pool in the address scope of another step.
func (t Pools) Make(s provision.Step, scope, name string, space netip.Prefix) provision.Step {
	s.Needs, s.Digest = []string{scope}, provision.Digest(name, space)
	return t.Type.Make(provision.Want[neutron.Pool]{
		Step: s, Object: neutron.Pool{Name: name, Prefixes: []netip.Prefix{space}},
		Complete: func(_ context.Context, run *provision.Run, want *neutron.Pool) (err error) {
			want.ScopeID, err = run.Made(scope)
			return err
		},
	})
}

package neutron

import (
	"context"
	"errors"
	"slices"
)

// Snapshot is what a cloud listed in bulk.
type Snapshot struct {
	Scopes   []Scope
	Pools    []Pool
	Networks []Network
	Subnets  []Subnet
	Routers  []Router
	Ports    []Port
	Groups   []Group

	scopes   map[string]Scope
	pools    map[string]Pool
	networks map[string]Network
	subnets  map[string]Subnet
	routers  map[string]Router
	ports    map[string]Port
	groups   map[string]Group
	rules    map[string]Rule
	devices  map[string][]Port
}

// Take lists everything a cloud holds, of all projects: each type with one list, side by side.
func Take(ctx context.Context, cloud Cloud) (*Snapshot, error) {
	s, all := &Snapshot{}, Filter{}
	calls := []func() error{
		func() (err error) { s.Scopes, err = cloud.Scopes(ctx, all); return err },
		func() (err error) { s.Pools, err = cloud.Pools(ctx, all); return err },
		func() (err error) { s.Networks, err = cloud.Networks(ctx, all); return err },
		func() (err error) { s.Subnets, err = cloud.Subnets(ctx, all); return err },
		func() (err error) { s.Routers, err = cloud.Routers(ctx, all); return err },
		func() (err error) { s.Ports, err = cloud.Ports(ctx, all); return err },
		func() (err error) { s.Groups, err = cloud.Groups(ctx, all); return err },
	}
	results := make(chan error, len(calls))
	for _, call := range calls {
		go func() { results <- call() }()
	}
	var failed []error
	for range calls {
		failed = append(failed, <-results)
	}
	s.index()
	return s, errors.Join(failed...)
}

func (s *Snapshot) index() {
	s.scopes = byID(s.Scopes, func(o Scope) string { return o.ID })
	s.pools = byID(s.Pools, func(o Pool) string { return o.ID })
	s.networks = byID(s.Networks, func(o Network) string { return o.ID })
	s.subnets = byID(s.Subnets, func(o Subnet) string { return o.ID })
	s.routers = byID(s.Routers, func(o Router) string { return o.ID })
	s.ports = byID(s.Ports, func(o Port) string { return o.ID })
	s.groups = byID(s.Groups, func(o Group) string { return o.ID })
	s.rules, s.devices = map[string]Rule{}, map[string][]Port{}
	for _, g := range s.Groups {
		for _, r := range g.Rules {
			s.rules[r.ID] = r
		}
	}
	for _, p := range s.Ports {
		s.devices[p.DeviceID] = append(s.devices[p.DeviceID], p)
	}
}

func byID[T any](of []T, id func(T) string) map[string]T {
	out := make(map[string]T, len(of))
	for _, o := range of {
		out[id(o)] = o
	}
	return out
}

type snapshotKey struct{}

// In is a context in which a Recall cloud reads from the snapshot.
func (s *Snapshot) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, snapshotKey{}, s)
}

// Recall is a cloud that looks objects up in the snapshot of the context, if there is one. It asks the cloud for an object that the
// snapshot lacks: a list that was paged through while others worked may have a hole. Other lists, and all writes, go to the cloud.
func Recall(cloud Cloud) Cloud { return recall{cloud} }

type recall struct{ Cloud }

// lookUp returns the objects of a filter that names ids alone.
func lookUp[T any](
	ctx context.Context, f Filter, table func(*Snapshot) map[string]T, ask func(context.Context, Filter) ([]T, error),
) ([]T, error) {
	s, ok := ctx.Value(snapshotKey{}).(*Snapshot)
	if !ok || len(f.IDs) == 0 {
		return ask(ctx, f)
	}
	var found []T
	var absent []string
	for _, id := range f.IDs {
		if o, ok := table(s)[id]; ok {
			found = append(found, o)
		} else {
			absent = append(absent, id)
		}
	}
	if len(absent) == 0 {
		return found, nil
	}
	more, err := ask(ctx, Filter{IDs: absent})
	return append(found, more...), err
}

func (c recall) Scopes(ctx context.Context, f Filter) ([]Scope, error) {
	return lookUp(ctx, f, func(s *Snapshot) map[string]Scope { return s.scopes }, c.Cloud.Scopes)
}

func (c recall) Pools(ctx context.Context, f Filter) ([]Pool, error) {
	return lookUp(ctx, f, func(s *Snapshot) map[string]Pool { return s.pools }, c.Cloud.Pools)
}

func (c recall) Networks(ctx context.Context, f Filter) ([]Network, error) {
	return lookUp(ctx, f, func(s *Snapshot) map[string]Network { return s.networks }, c.Cloud.Networks)
}

func (c recall) Subnets(ctx context.Context, f Filter) ([]Subnet, error) {
	return lookUp(ctx, f, func(s *Snapshot) map[string]Subnet { return s.subnets }, c.Cloud.Subnets)
}

func (c recall) Routers(ctx context.Context, f Filter) ([]Router, error) {
	return lookUp(ctx, f, func(s *Snapshot) map[string]Router { return s.routers }, c.Cloud.Routers)
}

func (c recall) Ports(ctx context.Context, f Filter) ([]Port, error) {
	if s, ok := ctx.Value(snapshotKey{}).(*Snapshot); ok && f.DeviceID != "" {
		return slices.Clone(s.devices[f.DeviceID]), nil
	}
	return lookUp(ctx, f, func(s *Snapshot) map[string]Port { return s.ports }, c.Cloud.Ports)
}

func (c recall) Groups(ctx context.Context, f Filter) ([]Group, error) {
	return lookUp(ctx, f, func(s *Snapshot) map[string]Group { return s.groups }, c.Cloud.Groups)
}

func (c recall) Rules(ctx context.Context, f Filter) ([]Rule, error) {
	if s, ok := ctx.Value(snapshotKey{}).(*Snapshot); ok && f.GroupID != "" {
		return slices.Clone(s.groups[f.GroupID].Rules), nil
	}
	return lookUp(ctx, f, func(s *Snapshot) map[string]Rule { return s.rules }, c.Cloud.Rules)
}

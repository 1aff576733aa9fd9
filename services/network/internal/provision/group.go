package provision

import (
	"context"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

// groupStep makes a security group. Neutron lets nothing in to it and everything out.
func (k *Kit) groupStep(step, title, name, project string) engine.Step {
	return engine.Step{
		Name: step, Title: title, Object: topology.TypeGroup, Digest: digest(name, project),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			return lookFor(ctx, run, neutron.Filter{Name: name, ProjectID: project}, k.cloud.Groups, groupExternal)
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			if had, ok := run.Existing(); ok {
				found, err := k.cloud.Groups(ctx, neutron.Filter{IDs: []string{had.ID}})
				if err != nil {
					return engine.External{}, err
				}
				if len(found) > 0 {
					return k.mendGroup(ctx, found[0], name)
				}
			}
			made, err := k.cloud.CreateGroup(ctx, neutron.Group{Name: name, ProjectID: project})
			return groupExternal(made), err
		},
	}
}

func (k *Kit) mendGroup(ctx context.Context, is neutron.Group, name string) (engine.External, error) {
	if is.Name == name {
		return groupExternal(is), nil
	}
	is.Name = name
	_, err := k.cloud.UpdateGroup(ctx, is)
	return groupExternal(is), err
}

func groupExternal(g neutron.Group) engine.External { return engine.External{ID: g.ID, Name: g.Name} }

func (k *Kit) groupEnd() engine.Object {
	return engine.Object{
		Type: topology.TypeGroup,
		Delete: func(ctx context.Context, run *engine.Run, o engine.External) error {
			return k.blame(ctx, k.cloud.DeleteGroup(ctx, o.ID), "security group", o, inNetworks(run))
		},
		Gone: func(ctx context.Context, _ *engine.Run, of []engine.External) ([]engine.External, error) {
			listed, err := k.cloud.Groups(ctx, neutron.Filter{IDs: ids(of)})
			return still(of, listed, func(g neutron.Group) string { return g.ID }), err
		},
	}
}

// rulesStep makes the rules of a group what is wanted, and nothing else: a rule added by hand opens what should be shut.
// keep spares rules that belong to others of ours.
func (k *Kit) rulesStep(step, title, group string, want []neutron.Rule, keep func(context.Context) (func(neutron.Rule) bool, error)) engine.Step {
	return engine.Step{
		Name: step, Title: title, Needs: []string{group}, Digest: digest(want),
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			id, err := need(run, group)
			if err != nil {
				return engine.External{}, err
			}
			have, err := k.cloud.Rules(ctx, neutron.Filter{GroupID: id})
			if err != nil {
				return engine.External{}, err
			}
			spared, err := keep(ctx)
			if err != nil {
				return engine.External{}, err
			}
			wanted := slices.Clone(want)
			for i := range wanted {
				wanted[i].GroupID = id
			}
			return engine.External{}, k.setRules(ctx, have, wanted, spared)
		},
	}
}

// setRules adds before it removes, so that traffic that is allowed before and after is never cut; only a rule that takes
// the place of an equal one under another name must wait for that to go.
func (k *Kit) setRules(ctx context.Context, have, want []neutron.Rule, keep func(neutron.Rule) bool) error {
	missing, surplus := topology.CompareRules(have, want, keep)
	var now, later []neutron.Rule
	for _, m := range missing {
		if slices.ContainsFunc(surplus, func(s neutron.Rule) bool { return s.Traffic() == m.Traffic() }) {
			later = append(later, m)
		} else {
			now = append(now, m)
		}
	}
	if err := k.createRules(ctx, now); err != nil {
		return err
	}
	for _, s := range surplus {
		if err := k.cloud.DeleteRule(ctx, s.ID); err != nil {
			return err
		}
	}
	return k.createRules(ctx, later)
}

func (k *Kit) createRules(ctx context.Context, rules []neutron.Rule) error {
	if len(rules) == 0 {
		return nil
	}
	_, err := k.cloud.CreateRules(ctx, rules)
	return err
}

// tagStep tags the object another step made. Tagging again changes nothing.
func (k *Kit) tagStep(step, title, of string, kind neutron.Taggable, tags []string) engine.Step {
	return engine.Step{
		Name: step, Title: title, Needs: []string{of}, Digest: digest(tags),
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			id, err := need(run, of)
			if err != nil {
				return engine.External{}, err
			}
			return engine.External{}, k.cloud.SetTags(ctx, kind, id, tags)
		},
	}
}

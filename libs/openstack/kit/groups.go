package kit

import (
	"context"
	"slices"

	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Groups are Neutron security groups. A new one lets nothing in and everything out.
type Groups struct {
	provision.Type[neutron.Group]
	cloud neutron.Cloud
}

// NewGroups are the security groups of a cloud. Network is the step whose network has the ports that may hold a group.
func NewGroups(cloud neutron.Cloud, network string) Groups {
	return Groups{cloud: cloud, Type: provision.Type[neutron.Group]{
		Name: neutron.TypeGroup,
		Attributes: []provision.Attribute[neutron.Group]{
			provision.Attr("name", func(g *neutron.Group) *string { return &g.Name }),
			provision.Attr("stateful", func(g *neutron.Group) *bool { return &g.Stateless }).Inverse(),
			provision.Attr("project_id", func(g *neutron.Group) *string { return &g.ProjectID }).Fixed(),
		},
		External: func(g neutron.Group) provision.External { return provision.External{ID: g.ID, Name: g.Name} },
		Find: func(ctx context.Context, want neutron.Group) ([]neutron.Group, error) {
			return cloud.Groups(ctx, neutron.Filter{Name: want.Name, ProjectID: want.ProjectID})
		},
		Read: func(ctx context.Context, ids []string) ([]neutron.Group, error) { return cloud.Groups(ctx, byIDs(ids)) },
		Create: func(ctx context.Context, want neutron.Group) (neutron.Group, error) {
			return cloud.CreateGroup(ctx, want)
		},
		Update: cloud.UpdateGroup,
		Delete: func(ctx context.Context, run *provision.Run, o provision.External) error {
			return blame(ctx, cloud.DeleteGroup(ctx, o.ID), "security group", o, func(ctx context.Context) ([]string, error) {
				id, err := run.Made(network)
				if err != nil {
					return nil, err
				}
				return foreignPorts(cloud, neutron.Filter{NetworkID: id}, neutron.Port.Describe)(ctx)
			})
		},
	}}
}

// Make is the step that makes a security group.
func (t Groups) Make(s provision.Step, want neutron.Group) provision.Step {
	s.Digest = provision.Digest(want.Name, want.ProjectID)
	return t.Type.Make(provision.Want[neutron.Group]{Step: s, Object: want})
}

// Tag is the step that sets the tags of the group that another step made.
func (t Groups) Tag(s provision.Step, of string, want []string) provision.Step {
	return tags(t.cloud, t.Type, neutron.TagGroup, s, of, want, func(o neutron.Group) []string { return o.Tags })
}

// Compare returns which wanted rules a group misses, and which rules it has too many.
type Compare func(ctx context.Context, have, want []neutron.Rule) (missing, surplus []neutron.Rule, err error)

// Rules is the step that gives the group of another step the wanted rules and no others: a rule added by hand opens what
// should be shut.
func (t Groups) Rules(s provision.Step, group string, want []neutron.Rule, compare Compare) provision.Step {
	s.Needs, s.Digest = []string{group}, provision.Digest(want)
	look := func(ctx context.Context, run *provision.Run) (id string, missing, surplus []neutron.Rule, err error) {
		if id, err = run.Made(group); err != nil {
			return id, nil, nil, err
		}
		have, err := t.cloud.Rules(ctx, neutron.Filter{GroupID: id})
		if err != nil {
			return id, nil, nil, err
		}
		wanted := slices.Clone(want)
		for i := range wanted {
			wanted[i].GroupID = id
		}
		missing, surplus, err = compare(ctx, have, wanted)
		return id, missing, surplus, err
	}
	s.Check = func(ctx context.Context, run *provision.Run) ([]provision.Difference, error) {
		id, missing, surplus, err := look(ctx, run)
		if err != nil {
			return nil, err
		}
		if found, err := t.Read(ctx, []string{id}); err != nil || len(found) == 0 {
			return nil, err // the group itself is missing
		}
		return provision.Of(difference(run, neutron.TypeGroup, group), provision.Values("security_group_rules", missing, surplus)), nil
	}
	return provision.Set(s, func(ctx context.Context, run *provision.Run) error {
		_, missing, surplus, err := look(ctx, run)
		if err != nil {
			return err
		}
		return t.setRules(ctx, missing, surplus)
	})
}

// setRules adds before it removes, so that traffic that is allowed before and after is never cut. Only a rule for the
// traffic of a surplus one waits until that is gone.
func (t Groups) setRules(ctx context.Context, missing, surplus []neutron.Rule) error {
	var now, later []neutron.Rule
	for _, m := range missing {
		if slices.ContainsFunc(surplus, func(s neutron.Rule) bool { return s.Traffic() == m.Traffic() }) {
			later = append(later, m)
		} else {
			now = append(now, m)
		}
	}
	if err := t.createRules(ctx, now); err != nil {
		return err
	}
	for _, s := range surplus {
		if err := t.cloud.DeleteRule(ctx, s.ID); err != nil {
			return err
		}
	}
	return t.createRules(ctx, later)
}

func (t Groups) createRules(ctx context.Context, rules []neutron.Rule) error {
	if len(rules) == 0 {
		return nil
	}
	_, err := t.cloud.CreateRules(ctx, rules)
	return err
}

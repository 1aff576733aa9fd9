package kit

import (
	"context"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/provision"
)

// Rules are single rules in the security groups of other resources. Neutron holds no two rules for one traffic, so a rule
// may serve several resources: the second adopts it, and the first to go leaves it. Its description does not say for whom
// it stays.
type Rules struct {
	cloud neutron.Cloud
	// Ours is true of a rule that the platform made.
	Ours func(neutron.Rule) bool
	// Unwanted returns those of the rules that no other resource of the platform wants; a removal leaves the others.
	Unwanted func(ctx context.Context, run *provision.Run, of []neutron.Rule) ([]neutron.Rule, error)
}

// NewRules are the rules of a cloud.
func NewRules(cloud neutron.Cloud, ours func(neutron.Rule) bool,
	unwanted func(ctx context.Context, run *provision.Run, of []neutron.Rule) ([]neutron.Rule, error),
) Rules {
	return Rules{cloud: cloud, Ours: ours, Unwanted: unwanted}
}

// Make is the step that adds one rule to a group, or adopts the platform's rule for the same traffic.
func (t Rules) Make(s provision.Step, group Ref, rule neutron.Rule) provision.Step {
	s.Object, s.Digest = neutron.TypeRule, provision.Digest(rule)
	s.Find = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		id, err := group(ctx, run)
		if err != nil {
			return nil, provision.AbsentIsNone(err)
		}
		ours, _, err := t.sameTraffic(ctx, id, rule)
		return ours, err
	}
	s.Check = func(ctx context.Context, run *provision.Run) ([]provision.Difference, error) {
		d := difference(run, neutron.TypeRule, s.Name)
		found, err := t.cloud.Rules(ctx, byIDs([]string{d.ID}))
		if err != nil || len(found) > 0 {
			return nil, err
		}
		d.Missing = true
		return []provision.Difference{d}, nil
	}
	s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
		id, err := group(ctx, run)
		if err != nil {
			return provision.External{}, err
		}
		if _, ok := run.Existing(); ok {
			if ours, _, err := t.sameTraffic(ctx, id, rule); err != nil || len(ours) > 0 {
				return first(ours), err
			}
		}
		r := rule
		r.GroupID = id
		made, err := t.cloud.CreateRules(ctx, []neutron.Rule{r})
		if err == nil && len(made) > 0 {
			return ruleExternal(made[0]), nil
		}
		return t.adopt(ctx, id, rule, err)
	}
	return s
}

// sameTraffic finds the rules of a group for the same traffic: ours, and one of others.
func (t Rules) sameTraffic(ctx context.Context, groupID string, rule neutron.Rule) (ours []provision.External, other *neutron.Rule, err error) {
	rules, err := t.cloud.Rules(ctx, neutron.Filter{GroupID: groupID})
	if err != nil {
		return nil, nil, err
	}
	for i, r := range rules {
		switch {
		case r.Traffic() != rule.Traffic():
		case t.Ours(r):
			ours = append(ours, ruleExternal(r))
		default:
			other = &rules[i]
		}
	}
	return ours, other, nil
}

// adopt takes over our rule that a new one was refused for, or names another's rule that is in the way.
func (t Rules) adopt(ctx context.Context, groupID string, rule neutron.Rule, refusal error) (provision.External, error) {
	if errs.ReasonOf(refusal) != "CLOUD_CONFLICT" {
		return provision.External{}, refusal
	}
	ours, other, err := t.sameTraffic(ctx, groupID, rule)
	switch {
	case err != nil:
		return provision.External{}, refusal
	case len(ours) > 0:
		return first(ours), nil
	case other == nil:
		return provision.External{}, refusal
	}
	return provision.External{}, errs.Wrap(refusal, errs.FailedPrecondition, "RULE_EXISTS",
		"rule %s was added by hand to security group %s and lets the same traffic in; delete it, or wait until the VPC's drift "+
			"is repaired, and the peering goes on by itself", other.ID, groupID).With("object_id", other.ID)
}

func first(of []provision.External) provision.External {
	if len(of) == 0 {
		return provision.External{}
	}
	return of[0]
}

func ruleExternal(r neutron.Rule) provision.External {
	return provision.External{ID: r.ID, Name: r.Description}
}

// Object is the end of rules.
func (t Rules) Object() provision.Object {
	return provision.Object{
		Type: neutron.TypeRule,
		Delete: func(ctx context.Context, run *provision.Run, o provision.External) error {
			left, err := t.unwanted(ctx, run, o)
			if err != nil || len(left) == 0 {
				return err
			}
			return t.cloud.DeleteRule(ctx, o.ID)
		},
		Gone: func(ctx context.Context, run *provision.Run, of []provision.External) ([]provision.External, error) {
			left, err := t.unwanted(ctx, run, of...)
			there := make([]provision.External, len(left))
			for i, r := range left {
				there[i] = ruleExternal(r)
			}
			return provision.Still(of, there), err
		},
	}
}

// unwanted are those of the rules that are there and that no resource wants.
func (t Rules) unwanted(ctx context.Context, run *provision.Run, of ...provision.External) ([]neutron.Rule, error) {
	listed, err := t.cloud.Rules(ctx, byIDs(provision.IDs(of)))
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	return t.Unwanted(ctx, run, listed)
}

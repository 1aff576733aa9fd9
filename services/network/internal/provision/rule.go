package provision

import (
	"context"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/naming"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// A peering's rule is in the security group of a VPC, which may be asked by its owner to let the very same traffic in. Neutron
// holds no two such rules, so the two share one: whoever comes second adopts it, and whoever goes leaves it to the other.
// Which of them made it is in its description, and means nothing.

// ruleStep adds one rule to a group that is another resource's, or adopts the rule of ours that does the same.
func (k *Kit) ruleStep(step, title string, group idOf, rule neutron.Rule, after ...string) engine.Step {
	return engine.Step{
		Name: step, Title: title, Needs: after, Object: topology.TypeRule, Digest: digest(rule),
		Observe: func(ctx context.Context, run *engine.Run) ([]engine.External, error) {
			id, err := group(ctx, run)
			if err != nil {
				return nil, absentIsNone(err)
			}
			ours, _, err := k.sameTraffic(ctx, id, rule)
			return ours, err
		},
		Do: func(ctx context.Context, run *engine.Run) (engine.External, error) {
			id, err := group(ctx, run)
			if err != nil {
				return engine.External{}, err
			}
			if _, ok := run.Existing(); ok {
				ours, _, err := k.sameTraffic(ctx, id, rule)
				if err != nil || len(ours) > 0 {
					return first(ours), err
				}
			}
			r := rule
			r.GroupID = id
			made, err := k.cloud.CreateRules(ctx, []neutron.Rule{r})
			if err == nil && len(made) > 0 {
				return ruleExternal(made[0]), nil
			}
			return k.adoptRule(ctx, id, rule, err)
		},
	}
}

// sameTraffic finds the rules of a group that let the same traffic in: ours, and one of others.
func (k *Kit) sameTraffic(ctx context.Context, groupID string, rule neutron.Rule) (ours []engine.External, other *neutron.Rule, err error) {
	rules, err := k.cloud.Rules(ctx, neutron.Filter{GroupID: groupID})
	if err != nil {
		return nil, nil, err
	}
	for i, r := range rules {
		switch {
		case r.Traffic() != rule.Traffic():
		case naming.OurRule(r.Description):
			ours = append(ours, ruleExternal(r))
		default:
			other = &rules[i]
		}
	}
	return ours, other, nil
}

// adoptRule takes over the rule of ours that a new one was refused for, or names the one of others that is in the way.
func (k *Kit) adoptRule(ctx context.Context, groupID string, rule neutron.Rule, refusal error) (engine.External, error) {
	if errs.ReasonOf(refusal) != "CLOUD_CONFLICT" {
		return engine.External{}, refusal
	}
	ours, other, err := k.sameTraffic(ctx, groupID, rule)
	switch {
	case err != nil:
		return engine.External{}, refusal
	case len(ours) > 0:
		return first(ours), nil
	case other == nil:
		return engine.External{}, refusal
	}
	return engine.External{}, errs.Wrap(refusal, errs.FailedPrecondition, "RULE_EXISTS",
		"rule %s was added by hand to security group %s and lets the same traffic in; delete it, or wait until the VPC's drift "+
			"is repaired, and the peering goes on by itself", other.ID, groupID).With("object_id", other.ID)
}

func first(of []engine.External) engine.External {
	if len(of) == 0 {
		return engine.External{}
	}
	return of[0]
}

func ruleExternal(r neutron.Rule) engine.External {
	return engine.External{ID: r.ID, Name: r.Description}
}

// ruleEnd removes the rules of a peering, but for those a VPC has asked for too: they are the VPC's from then on.
func (k *Kit) ruleEnd() engine.Object {
	return engine.Object{
		Type: topology.TypeRule,
		Delete: func(ctx context.Context, run *engine.Run, o engine.External) error {
			left, err := k.rulesToGo(ctx, run, o)
			if err != nil || len(left) == 0 {
				return err
			}
			return k.cloud.DeleteRule(ctx, o.ID)
		},
		Gone: func(ctx context.Context, run *engine.Run, of []engine.External) ([]engine.External, error) {
			left, err := k.rulesToGo(ctx, run, of...)
			return still(of, left, func(r neutron.Rule) string { return r.ID }), err
		},
	}
}

// rulesToGo are those of the rules that are there and that no VPC wants.
func (k *Kit) rulesToGo(ctx context.Context, run *engine.Run, of ...engine.External) ([]neutron.Rule, error) {
	listed, err := k.cloud.Rules(ctx, neutron.Filter{IDs: ids(of)})
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	s, ok := run.Spec.(peeringSpec)
	if !ok {
		// A deletion must not depend on a plan. What a VPC misses then, drift puts back.
		return listed, nil
	}
	a, b, err := k.ends(ctx, s.Peering)
	if err != nil {
		return nil, err
	}
	var out []neutron.Rule
	for _, r := range listed {
		wanted := false
		for _, v := range []vpc.Vpc{a, b} {
			wanted = wanted || (v.Cloud.SecurityGroupID == r.GroupID && topology.Holds(topology.VpcRules(v), r))
		}
		if !wanted {
			out = append(out, r)
		}
	}
	return out, nil
}

package client

import (
	"context"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"

	"github.com/low-layer/platform/libs/openstack/neutron"
)

type ruleWire struct {
	ID            string `json:"id"`
	GroupID       string `json:"security_group_id"`
	ProjectID     string `json:"project_id"`
	Description   string `json:"description"`
	Direction     string `json:"direction"`
	EtherType     string `json:"ethertype"`
	Protocol      string `json:"protocol"`
	PortMin       int    `json:"port_range_min"`
	PortMax       int    `json:"port_range_max"`
	Remote        string `json:"remote_ip_prefix"`
	RemoteGroupID string `json:"remote_group_id"`
}

func (w ruleWire) rule() neutron.Rule {
	return neutron.Rule{
		ID: w.ID, GroupID: w.GroupID, ProjectID: w.ProjectID, Description: w.Description,
		Direction: neutron.Direction(w.Direction), EtherType: w.EtherType, Protocol: w.Protocol,
		PortMin: w.PortMin, PortMax: w.PortMax, Remote: prefix(w.Remote), RemoteGroupID: w.RemoteGroupID,
	}
}

type groupWire struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	ProjectID string     `json:"project_id"`
	Stateful  *bool      `json:"stateful"`
	Rules     []ruleWire `json:"security_group_rules"`
	Tags      []string   `json:"tags"`
}

func (w groupWire) group() neutron.Group {
	return neutron.Group{
		ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, Rules: mapped(w.Rules, ruleWire.rule), Tags: w.Tags,
		Stateless: w.Stateful != nil && !*w.Stateful,
	}
}

// Groups lists security groups with their rules.
func (c *Neutron) Groups(ctx context.Context, f neutron.Filter) ([]neutron.Group, error) {
	fields := []string{"id", "name", "project_id", "stateful", "security_group_rules", "tags"}
	wires, err := list[groupWire](ctx, c, "security-groups", fields, f)
	return mapped(wires, groupWire.group), err
}

// CreateGroup makes a security group. Neutron gives it two rules that let everything out.
func (c *Neutron) CreateGroup(ctx context.Context, g neutron.Group) (neutron.Group, error) {
	return one(ctx, c, "create security group", "security_group", groupWire.group, func(client *gophercloud.ServiceClient) gophercloud.Result {
		return groups.Create(ctx, client, groups.CreateOpts{Name: g.Name, ProjectID: g.ProjectID}).Result
	})
}

// UpdateGroup writes attributes of a security group.
func (c *Neutron) UpdateGroup(ctx context.Context, g neutron.Group, attributes ...string) (neutron.Group, error) {
	return update(ctx, c, "security_group", "security-groups", g.ID, groupWire.group, attributes, map[string]any{
		"name": g.Name, "stateful": !g.Stateless,
	})
}

// DeleteGroup removes a security group with its rules.
func (c *Neutron) DeleteGroup(ctx context.Context, id string) error {
	return c.drop(ctx, "delete security group", func(client *gophercloud.ServiceClient) error {
		return groups.Delete(ctx, client, id).ExtractErr()
	})
}

// Rules lists security group rules.
func (c *Neutron) Rules(ctx context.Context, f neutron.Filter) ([]neutron.Rule, error) {
	fields := []string{
		"id", "security_group_id", "project_id", "description", "direction", "ethertype", "protocol",
		"port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
	}
	wires, err := list[ruleWire](ctx, c, "security-group-rules", fields, f)
	return mapped(wires, ruleWire.rule), err
}

// CreateRules makes all rules in one call.
func (c *Neutron) CreateRules(ctx context.Context, in []neutron.Rule) ([]neutron.Rule, error) {
	opts := mapped(in, func(r neutron.Rule) rules.CreateOpts {
		o := rules.CreateOpts{
			ProjectID: r.ProjectID, SecGroupID: r.GroupID, Description: r.Description,
			Direction: rules.RuleDirection(r.Direction), EtherType: rules.RuleEtherType(r.EtherType),
			Protocol: rules.RuleProtocol(r.Protocol), PortRangeMin: r.PortMin, PortRangeMax: r.PortMax,
		}
		if r.Remote.IsValid() {
			o.RemoteIPPrefix = r.Remote.String()
		}
		return o
	})
	var wires []ruleWire
	err := c.do(ctx, "create security group rules", func(client *gophercloud.ServiceClient) error {
		return rules.CreateBulk(ctx, client, opts).ExtractIntoSlicePtr(&wires, "security_group_rules")
	})
	return mapped(wires, ruleWire.rule), err
}

// DeleteRule removes one rule.
func (c *Neutron) DeleteRule(ctx context.Context, id string) error {
	return c.drop(ctx, "delete security group rule", func(client *gophercloud.ServiceClient) error {
		return rules.Delete(ctx, client, id).ExtractErr()
	})
}

// SetTags replaces the tags of an object.
func (c *Neutron) SetTags(ctx context.Context, kind neutron.Taggable, id string, tags []string) error {
	return c.do(ctx, "tag "+string(kind), func(client *gophercloud.ServiceClient) error {
		_, err := attributestags.ReplaceAll(ctx, client, string(kind), id, attributestags.ReplaceAllOpts{Tags: tags}).Extract()
		return err
	})
}

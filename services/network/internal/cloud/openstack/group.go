package openstack

import (
	"context"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"

	"github.com/low-layer/platform/services/network/internal/core/fabric"
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

func (w ruleWire) rule() fabric.Rule {
	return fabric.Rule{
		ID: w.ID, GroupID: w.GroupID, ProjectID: w.ProjectID, Description: w.Description,
		Direction: fabric.Direction(w.Direction), EtherType: w.EtherType, Protocol: w.Protocol,
		PortMin: w.PortMin, PortMax: w.PortMax, Remote: prefix(w.Remote), RemoteGroupID: w.RemoteGroupID,
	}
}

type groupWire struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	ProjectID string     `json:"project_id"`
	Rules     []ruleWire `json:"security_group_rules"`
	Tags      []string   `json:"tags"`
}

func (w groupWire) group() fabric.Group {
	return fabric.Group{ID: w.ID, Name: w.Name, ProjectID: w.ProjectID, Rules: mapped(w.Rules, ruleWire.rule), Tags: w.Tags}
}

// Groups lists security groups with their rules.
func (c *Cloud) Groups(ctx context.Context, f fabric.Filter) ([]fabric.Group, error) {
	fields := []string{"id", "name", "project_id", "security_group_rules", "tags"}
	wires, err := list[groupWire](ctx, c, "security-groups", "security_groups", fields, f)
	return mapped(wires, groupWire.group), err
}

// CreateGroup makes a security group. Neutron gives it two rules that let everything out.
func (c *Cloud) CreateGroup(ctx context.Context, g fabric.Group) (fabric.Group, error) {
	return c.group(ctx, "create security group", func(client *gophercloud.ServiceClient) (*groups.SecGroup, error) {
		return groups.Create(ctx, client, groups.CreateOpts{Name: g.Name, ProjectID: g.ProjectID}).Extract()
	})
}

// UpdateGroup sets the name.
func (c *Cloud) UpdateGroup(ctx context.Context, g fabric.Group) (fabric.Group, error) {
	return c.group(ctx, "update security group", func(client *gophercloud.ServiceClient) (*groups.SecGroup, error) {
		return groups.Update(ctx, client, g.ID, groups.UpdateOpts{Name: g.Name}).Extract()
	})
}

func (c *Cloud) group(ctx context.Context, what string, call func(*gophercloud.ServiceClient) (*groups.SecGroup, error)) (fabric.Group, error) {
	var got *groups.SecGroup
	err := c.do(ctx, what, func(client *gophercloud.ServiceClient) (err error) {
		got, err = call(client)
		return err
	})
	if err != nil {
		return fabric.Group{}, err
	}
	return fabric.Group{
		ID: got.ID, Name: got.Name, ProjectID: got.ProjectID, Tags: got.Tags, Rules: mapped(got.Rules, ruleOf),
	}, nil
}

// DeleteGroup removes a security group with its rules.
func (c *Cloud) DeleteGroup(ctx context.Context, id string) error {
	return c.drop(ctx, "delete security group", func(client *gophercloud.ServiceClient) error {
		return groups.Delete(ctx, client, id).ExtractErr()
	})
}

// Rules lists security group rules.
func (c *Cloud) Rules(ctx context.Context, f fabric.Filter) ([]fabric.Rule, error) {
	fields := []string{
		"id", "security_group_id", "project_id", "description", "direction", "ethertype", "protocol",
		"port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
	}
	wires, err := list[ruleWire](ctx, c, "security-group-rules", "security_group_rules", fields, f)
	return mapped(wires, ruleWire.rule), err
}

// CreateRules makes all rules in one call.
func (c *Cloud) CreateRules(ctx context.Context, in []fabric.Rule) ([]fabric.Rule, error) {
	opts := mapped(in, func(r fabric.Rule) rules.CreateOpts {
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
	var got []rules.SecGroupRule
	err := c.do(ctx, "create security group rules", func(client *gophercloud.ServiceClient) (err error) {
		got, err = rules.CreateBulk(ctx, client, opts).Extract()
		return err
	})
	return mapped(got, ruleOf), err
}

// DeleteRule removes one rule.
func (c *Cloud) DeleteRule(ctx context.Context, id string) error {
	return c.drop(ctx, "delete security group rule", func(client *gophercloud.ServiceClient) error {
		return rules.Delete(ctx, client, id).ExtractErr()
	})
}

func ruleOf(r rules.SecGroupRule) fabric.Rule {
	return fabric.Rule{
		ID: r.ID, GroupID: r.SecGroupID, ProjectID: r.ProjectID, Description: r.Description,
		Direction: fabric.Direction(r.Direction), EtherType: r.EtherType, Protocol: r.Protocol,
		PortMin: r.PortRangeMin, PortMax: r.PortRangeMax, Remote: prefix(r.RemoteIPPrefix), RemoteGroupID: r.RemoteGroupID,
	}
}

// SetTags replaces the tags of an object.
func (c *Cloud) SetTags(ctx context.Context, kind fabric.Taggable, id string, tags []string) error {
	return c.do(ctx, "tag "+string(kind), func(client *gophercloud.ServiceClient) error {
		_, err := attributestags.ReplaceAll(ctx, client, string(kind), id, attributestags.ReplaceAllOpts{Tags: tags}).Extract()
		return err
	})
}

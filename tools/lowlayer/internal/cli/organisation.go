package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

func (a *app) organisationKind() kind[*tenantv1.Organisation] {
	return kind[*tenantv1.Organisation]{
		view: view[*tenantv1.Organisation]{
			heads: []string{"ORGANISATION", "DISPLAY NAME", "MODE", "STATE", "PROJECT", "AGE"},
			row: func(o *tenantv1.Organisation) []string {
				return []string{
					lastPart(o.GetName()), o.GetDisplayName(), o.GetMode().String(), stateWord(o.GetState(), o.GetBlockage()),
					o.GetOpenstackProjectId(), age(o.GetCreateTime()),
				}
			},
			name:  (*tenantv1.Organisation).GetName,
			plain: "organisations",
		},
		arg: "TENANT/ORGANISATION", full: organisationName, complete: a.completeOrganisations, plural: "organisations",
		parentArg: "TENANT", parent: tenantName, completeParent: a.completeTenants,
	}
}

func (a *app) organisationCommand() *cobra.Command {
	k := a.organisationKind()
	return group("organisation", "Organisations of a tenant", []string{"org", "orgs", "organisations"},
		a.organisationCreate(), k.get(a, "Show an organisation"), k.list(a, "List the organisations of a tenant"), a.organisationUpdate(),
		k.remove(a, "Delete an organisation; it can be undeleted for a while, unless --purge", "delete its VPCs too"),
		k.act(a, "undelete", "UndeleteOrganisation", "Bring a deleted organisation back", nil),
		k.act(a, "rotate-credential", "RotateOrganisationCredential", "Replace its application credential", nil))
}

func (a *app) organisationCreate() *cobra.Command {
	o := &tenantv1.Organisation{Quota: &tenantv1.Quota{}}
	var mode string
	var vpcs []string
	cmd := a.organisationKind().create(a, "Order an organisation with its VPCs",
		"  lowlayer organisation create acme/core --mode MUTUALIZED --vpc dev --vpc prod=DEDICATED", o, func() (err error) {
			if o.Mode, err = modeOf(mode); err != nil {
				return fmt.Errorf("--mode: %w", err)
			}
			o.Vpcs, err = vpcOrders(vpcs)
			return err
		})
	flags := cmd.Flags()
	flags.StringVar(&o.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &o.DeletionProtection)
	flags.StringVar(&mode, "mode", "", "MUTUALIZED (overprovisioned, cheaper) or DEDICATED (guaranteed)")
	flags.StringVar(&o.HubCidr, "hub-cidr", "", "CIDR of the bastion's network; chosen when empty")
	flags.StringToStringVar(&o.Labels, "label", nil, "label, as key=value")
	flags.StringArrayVar(&vpcs, "vpc", nil, "VPC to create with it, as ID[=MODE[@CIDR]] or ID@CIDR; repeat it")
	quotaFlags(cmd, o.GetQuota())
	fixed(cmd, "mode", "MUTUALIZED", "DEDICATED")
	return cmd
}

func quotaFlags(cmd *cobra.Command, q *tenantv1.Quota) {
	flags := cmd.Flags()
	flags.Int32Var(&q.Cores, "quota-cores", 0, "virtual CPUs; 0 takes the platform's default, as for all quotas")
	flags.Int32Var(&q.RamMib, "quota-ram-mib", 0, "memory in MiB")
	flags.Int32Var(&q.Instances, "quota-instances", 0, "virtual machines")
	flags.Int32Var(&q.Networks, "quota-networks", 0, "networks")
	flags.Int32Var(&q.Routers, "quota-routers", 0, "routers")
	flags.Int32Var(&q.Ports, "quota-ports", 0, "ports")
	flags.Int32Var(&q.SecurityGroups, "quota-security-groups", 0, "security groups")
}

// vpcOrders parses `dev`, `prod=DEDICATED`, `prod=DEDICATED@10.64.16.0/20`, `dev@10.64.32.0/20`.
func vpcOrders(list []string) ([]*tenantv1.VpcOrder, error) {
	orders := make([]*tenantv1.VpcOrder, len(list))
	for i, s := range list {
		rest, cidr, _ := strings.Cut(s, "@")
		id, word, _ := strings.Cut(rest, "=")
		mode, err := modeOf(word)
		if err != nil {
			return nil, fmt.Errorf("--vpc %s: %w", s, err)
		}
		orders[i] = &tenantv1.VpcOrder{VpcId: id, Mode: mode, Cidr: cidr}
	}
	return orders, nil
}

func (a *app) organisationUpdate() *cobra.Command {
	o := &tenantv1.Organisation{Quota: &tenantv1.Quota{}}
	cmd := a.organisationKind().update(a, "Change an organisation", o, map[string]string{
		"protect": "deletion_protection", "no-protect": "deletion_protection", "display-name": "display_name", "label": "labels", "quota-cores": "quota.cores", "quota-ram-mib": "quota.ram_mib",
		"quota-instances": "quota.instances", "quota-networks": "quota.networks", "quota-routers": "quota.routers",
		"quota-ports": "quota.ports", "quota-security-groups": "quota.security_groups",
	}, func(mask []string) error {
		if len(mask) == 0 {
			o.Quota = nil // without a mask it would count
		}
		return nil
	})
	cmd.Flags().StringVar(&o.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &o.DeletionProtection)
	cmd.Flags().StringToStringVar(&o.Labels, "label", nil, "labels, as key=value; they replace the present ones")
	cmd.Flags().StringVar(&o.Etag, "etag", "", "change it only when this is its etag")
	quotaFlags(cmd, o.GetQuota())
	keeps(cmd, map[string]string{
		"hub-cidr": "the CIDR of the bastion's network cannot change; make another organisation with it",
		"mode":     "the mode of an organisation cannot change; make another organisation with it",
	})
	return cmd
}

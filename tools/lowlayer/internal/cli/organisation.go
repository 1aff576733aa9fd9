package cli

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

func organisationView() view[*tenantv1.Organisation] {
	return view[*tenantv1.Organisation]{
		heads: []string{"ORGANISATION", "DISPLAY NAME", "MODE", "STATE", "PROJECT", "AGE"},
		row: func(o *tenantv1.Organisation) []string {
			return []string{
				lastPart(o.GetName()), o.GetDisplayName(), o.GetMode().String(), stateWord(o.GetState(), o.GetBlockage()),
				o.GetOpenstackProjectId(), age(o.GetCreateTime()),
			}
		},
		name:  (*tenantv1.Organisation).GetName,
		plain: "organisations",
	}
}

func (a *app) organisationCommand() *cobra.Command {
	return group("organisation", "Organisations of a tenant", []string{"org", "orgs", "organisations"},
		a.organisationCreate(), a.organisationGet(), a.organisationList(), a.organisationUpdate(), a.organisationDelete(),
		a.organisationVerb("undelete", "Bring a deleted organisation back", func(ctx context.Context, api *client, name string) (*longrunningpb.Operation, error) {
			return api.organisations.UndeleteOrganisation(ctx, &tenantv1.UndeleteOrganisationRequest{Name: name})
		}),
		a.organisationVerb("rotate-credential", "Replace its application credential", func(ctx context.Context, api *client, name string) (*longrunningpb.Operation, error) {
			return api.organisations.RotateOrganisationCredential(ctx, &tenantv1.RotateOrganisationCredentialRequest{Name: name})
		}))
}

func (a *app) organisationCreate() *cobra.Command {
	o := &tenantv1.Organisation{Quota: &tenantv1.Quota{}}
	var mode string
	var vpcs []string
	cmd := &cobra.Command{
		Use: "create TENANT/ORGANISATION", Short: "Order an organisation with its VPCs", Args: exactly(1), ValidArgsFunction: a.completeTenantOf,
		Example: "  lowlayer organisation create acme/core --mode MUTUALIZED --vpc dev --vpc prod=DEDICATED",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := organisationName(args[0])
			if err != nil {
				return err
			}
			if o.Mode, err = modeOf(mode); err != nil {
				return fmt.Errorf("--mode: %w", err)
			}
			if o.Vpcs, err = vpcOrders(vpcs); err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			parent, id := split(name)
			op, err := api.organisations.CreateOrganisation(cmd.Context(), &tenantv1.CreateOrganisationRequest{Parent: parent, Organisation: o, OrganisationId: id})
			if err != nil {
				return fmt.Errorf("create %s: %w", name, err)
			}
			return a.finishOrganisation(cmd.Context(), op)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &o.DeletionProtection)
	flags.StringVar(&mode, "mode", "", "MUTUALIZED (overprovisioned, cheaper) or DEDICATED (guaranteed)")
	flags.StringVar(&o.HubCidr, "hub-cidr", "", "CIDR of the bastion's network; chosen when empty")
	flags.StringToStringVar(&o.Labels, "label", nil, "label, as key=value")
	flags.StringArrayVar(&vpcs, "vpc", nil, "VPC to make with it, as ID[=MODE[@CIDR]] or ID@CIDR; repeat it")
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

func (a *app) finishOrganisation(ctx context.Context, op *longrunningpb.Operation) error {
	o := &tenantv1.Organisation{}
	done, err := a.follow(ctx, op, o)
	if err != nil || !done {
		return err
	}
	if o.GetName() == "" {
		return a.printGone(metadataOf(op).GetResource())
	}
	return printOne(a, organisationView(), o)
}

func (a *app) organisationGet() *cobra.Command {
	return &cobra.Command{
		Use: "get TENANT/ORGANISATION", Short: "Show an organisation", Args: exactly(1), ValidArgsFunction: a.completeOrganisations,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := organisationName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			o, err := api.organisations.GetOrganisation(cmd.Context(), &tenantv1.GetOrganisationRequest{Name: name})
			if err != nil {
				return fmt.Errorf("get %s: %w", name, err)
			}
			return printOne(a, organisationView(), o)
		},
	}
}

func (a *app) organisationList() *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{
		Use: "list TENANT", Short: "List the organisations of a tenant", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := tenantName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			list, err := listOrganisations(cmd.Context(), api, parent, flags)
			if err != nil {
				return err
			}
			return printList(a, organisationView(), list)
		},
	}
	flags.add(cmd, true)
	return cmd
}

func listOrganisations(ctx context.Context, api *client, parent string, flags listFlags) ([]*tenantv1.Organisation, error) {
	return pages(flags.limit, func(size int32, token string) ([]*tenantv1.Organisation, string, error) {
		r, err := api.organisations.ListOrganisations(ctx, &tenantv1.ListOrganisationsRequest{
			Parent: parent, PageSize: size, PageToken: token, Filter: flags.filter, OrderBy: flags.orderBy, ShowDeleted: flags.deleted,
		})
		if err != nil {
			return nil, "", fmt.Errorf("list organisations of %s: %w", parent, err)
		}
		return r.GetOrganisations(), r.GetNextPageToken(), nil
	})
}

func (a *app) organisationUpdate() *cobra.Command {
	o := &tenantv1.Organisation{Quota: &tenantv1.Quota{}}
	cmd := &cobra.Command{
		Use: "update TENANT/ORGANISATION", Short: "Change an organisation", Long: updateHelp, Args: exactly(1), ValidArgsFunction: a.completeOrganisations,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := organisationName(args[0])
			if err != nil {
				return err
			}
			o.Name = name
			mask := changed(cmd, map[string]string{
				"protect": "deletion_protection", "no-protect": "deletion_protection", "display-name": "display_name", "label": "labels", "quota-cores": "quota.cores", "quota-ram-mib": "quota.ram_mib",
				"quota-instances": "quota.instances", "quota-networks": "quota.networks", "quota-routers": "quota.routers",
				"quota-ports": "quota.ports", "quota-security-groups": "quota.security_groups",
			})
			api, err := a.dial()
			if err != nil {
				return err
			}
			if len(mask) == 0 {
				have, err := api.organisations.GetOrganisation(cmd.Context(), &tenantv1.GetOrganisationRequest{Name: name})
				if err := resumes(cmd, name, have, err); err != nil {
					return err
				}
				o.Quota = nil // without a mask it would count
			}
			op, err := api.organisations.UpdateOrganisation(cmd.Context(), &tenantv1.UpdateOrganisationRequest{Organisation: o, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask}})
			if err != nil {
				return fmt.Errorf("update %s: %w", name, err)
			}
			return a.finishOrganisation(cmd.Context(), op)
		},
	}
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

func (a *app) organisationDelete() *cobra.Command {
	req := &tenantv1.DeleteOrganisationRequest{}
	cmd := &cobra.Command{
		Use: "delete TENANT/ORGANISATION", Short: "Delete an organisation; it can be undeleted for a while, unless --purge", Args: exactly(1), ValidArgsFunction: a.completeOrganisations,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := organisationName(args[0])
			if err != nil {
				return err
			}
			req.Name = name
			if err := a.confirm(cmd.Context(), "Delete "+name); err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			op, err := api.organisations.DeleteOrganisation(cmd.Context(), req)
			if err != nil {
				return fmt.Errorf("delete %s: %w", name, err)
			}
			return a.finishOrganisation(cmd.Context(), op)
		},
	}
	cmd.Flags().BoolVar(&req.Force, "force", false, "delete its VPCs too")
	cmd.Flags().BoolVar(&req.Purge, "purge", false, "remove it at once and for good")
	cmd.Flags().StringVar(&req.Etag, "etag", "", "delete it only when this is its etag")
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) organisationVerb(verb, short string, call func(context.Context, *client, string) (*longrunningpb.Operation, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " TENANT/ORGANISATION", Short: short, Args: exactly(1), ValidArgsFunction: a.completeOrganisations,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := organisationName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			op, err := call(cmd.Context(), api, name)
			if err != nil {
				return fmt.Errorf("%s %s: %w", verb, name, err)
			}
			return a.finishOrganisation(cmd.Context(), op)
		},
	}
}

package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
)

func vpcView() view[*networkv1.Vpc] {
	return view[*networkv1.Vpc]{
		heads: []string{"VPC", "ORGANISATION", "MODE", "CIDR", "STATE", "NETWORK", "AGE"},
		row: func(v *networkv1.Vpc) []string {
			parent, id := split(v.GetName())
			return []string{id, lastPart(parent), v.GetMode().String(), v.GetCidr(), vpcState(v), v.GetCloud().GetNetworkId(), age(v.GetCreateTime())}
		},
		name:  (*networkv1.Vpc).GetName,
		plain: "vpcs",
	}
}

// vpcState is where a VPC stands, and that its organisation is deleted: it goes with that.
func vpcState(v *networkv1.Vpc) string {
	word := stateWord(v.GetState(), v.GetBlockage())
	for _, c := range v.GetConditions() {
		if c.GetReason() == "OrganisationDeleted" && c.GetStatus() == "False" {
			word += " (organisation deleted)"
		}
	}
	return word
}

func (a *app) vpcCommand() *cobra.Command {
	return group("vpc", "VPC environments: isolated networks, routed to the bastion", []string{"vpcs"},
		a.vpcCreate(), a.vpcGet(), a.vpcList(), a.vpcUpdate(), a.vpcDelete())
}

func (a *app) vpcCreate() *cobra.Command {
	v := &networkv1.Vpc{}
	var mode string
	var allow []string
	cmd := &cobra.Command{
		Use: "create TENANT/ORGANISATION/VPC", Short: "Make a VPC", Args: exactly(1), ValidArgsFunction: a.completeOrganisationOf,
		Example: "  lowlayer vpc create acme/core/staging --mode DEDICATED --allow office=tcp:443@203.0.113.0/24",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := vpcName(args[0])
			if err != nil {
				return err
			}
			if v.Mode, err = modeOf(mode); err != nil {
				return fmt.Errorf("--mode: %w", err)
			}
			if v.IngressRules, err = rulesOf(allow); err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			parent, id := split(name)
			op, err := api.vpcs.CreateVpc(cmd.Context(), &networkv1.CreateVpcRequest{Parent: parent, Vpc: v, VpcId: id})
			if err != nil {
				return fmt.Errorf("create %s: %w", name, err)
			}
			return a.finishVpc(cmd.Context(), op)
		},
	}
	cmd.Flags().StringVar(&v.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &v.DeletionProtection)
	cmd.Flags().StringVar(&mode, "mode", "", "MUTUALIZED or DEDICATED; the organisation's when empty")
	cmd.Flags().StringVar(&v.Cidr, "cidr", "", "CIDR, /16 to /26; a free /20 when empty")
	cmd.Flags().StringToStringVar(&v.Labels, "label", nil, "label, as key=value")
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "traffic to let in, as NAME=PROTOCOL[:PORT[-PORT]]@CIDR; repeat it")
	fixed(cmd, "mode", "MUTUALIZED", "DEDICATED")
	return cmd
}

func (a *app) finishVpc(ctx context.Context, op *longrunningpb.Operation) error {
	v := &networkv1.Vpc{}
	done, err := a.follow(ctx, op, v)
	if err != nil || !done || v.GetName() == "" {
		return err
	}
	return printOne(a, vpcView(), v)
}

func (a *app) vpcGet() *cobra.Command {
	return &cobra.Command{
		Use: "get TENANT/ORGANISATION/VPC", Short: "Show a VPC", Args: exactly(1), ValidArgsFunction: a.completeVpcs,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := vpcName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			v, err := api.vpcs.GetVpc(cmd.Context(), &networkv1.GetVpcRequest{Name: name})
			if err != nil {
				return fmt.Errorf("get %s: %w", name, err)
			}
			return printOne(a, vpcView(), v)
		},
	}
}

func (a *app) vpcList() *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{
		Use: "list TENANT[/ORGANISATION]", Short: "List the VPCs of an organisation, or of all of a tenant", Args: exactly(1), ValidArgsFunction: a.completeOrganisations,
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := organisationOrAllName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			list, err := listVpcs(cmd.Context(), api, parent, flags)
			if err != nil {
				return err
			}
			return printList(a, vpcView(), list)
		},
	}
	flags.add(cmd, false)
	return cmd
}

func listVpcs(ctx context.Context, api *client, parent string, flags listFlags) ([]*networkv1.Vpc, error) {
	return pages(flags.limit, func(size int32, token string) ([]*networkv1.Vpc, string, error) {
		r, err := api.vpcs.ListVpcs(ctx, &networkv1.ListVpcsRequest{Parent: parent, PageSize: size, PageToken: token, Filter: flags.filter, OrderBy: flags.orderBy})
		if err != nil {
			return nil, "", fmt.Errorf("list VPCs of %s: %w", parent, err)
		}
		return r.GetVpcs(), r.GetNextPageToken(), nil
	})
}

func (a *app) vpcUpdate() *cobra.Command {
	v := &networkv1.Vpc{}
	var allow []string
	var none bool
	cmd := &cobra.Command{
		Use: "update TENANT/ORGANISATION/VPC", Short: "Change a VPC", Long: updateHelp, Args: exactly(1), ValidArgsFunction: a.completeVpcs,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := vpcName(args[0])
			if err != nil {
				return err
			}
			v.Name = name
			if v.IngressRules, err = rulesOf(allow); err != nil {
				return err
			}
			mask := changed(cmd, map[string]string{"protect": "deletion_protection", "no-protect": "deletion_protection", "display-name": "display_name", "label": "labels", "allow": "ingress_rules", "allow-nothing": "ingress_rules"})
			api, err := a.dial()
			if err != nil {
				return err
			}
			if len(mask) == 0 {
				have, err := api.vpcs.GetVpc(cmd.Context(), &networkv1.GetVpcRequest{Name: name})
				if err := resumes(cmd, name, have, err); err != nil {
					return err
				}
			}
			op, err := api.vpcs.UpdateVpc(cmd.Context(), &networkv1.UpdateVpcRequest{Vpc: v, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask}})
			if err != nil {
				return fmt.Errorf("update %s: %w", name, err)
			}
			return a.finishVpc(cmd.Context(), op)
		},
	}
	cmd.Flags().StringVar(&v.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &v.DeletionProtection)
	cmd.Flags().StringToStringVar(&v.Labels, "label", nil, "labels, as key=value; they replace the present ones")
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "traffic to let in, as NAME=PROTOCOL[:PORT[-PORT]]@CIDR; these replace the present ones")
	cmd.Flags().BoolVar(&none, "allow-nothing", false, "let nothing in but the VPC itself and the bastion")
	cmd.Flags().StringVar(&v.Etag, "etag", "", "change it only when this is its etag")
	cmd.MarkFlagsMutuallyExclusive("allow", "allow-nothing")
	keeps(cmd, map[string]string{
		"cidr": "the CIDR of a VPC cannot change; make another VPC with it", "mode": "the mode of a VPC cannot change; make another VPC with it",
	})
	return cmd
}

func (a *app) vpcDelete() *cobra.Command {
	req := &networkv1.DeleteVpcRequest{}
	cmd := &cobra.Command{
		Use: "delete TENANT/ORGANISATION/VPC", Short: "Remove a VPC and all LOW-LAYER made for it", Args: exactly(1), ValidArgsFunction: a.completeVpcs,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := vpcName(args[0])
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
			op, err := api.vpcs.DeleteVpc(cmd.Context(), req)
			if err != nil {
				return fmt.Errorf("delete %s: %w", name, err)
			}
			return a.finishGone(cmd.Context(), op, name)
		},
	}
	cmd.Flags().StringVar(&req.Etag, "etag", "", "delete it only when this is its etag")
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	return cmd
}

// finishGone waits for a deletion that leaves nothing to show.
func (a *app) finishGone(ctx context.Context, op *longrunningpb.Operation, name string) error {
	done, err := a.follow(ctx, op, nil)
	if err != nil || !done {
		return err
	}
	return a.printGone(name)
}

// printGone tells that a resource is gone: to a person in a sentence, to a program by its name.
func (a *app) printGone(name string) error {
	switch a.output {
	case "table":
		a.note("%s is deleted", name)
		return nil
	case "name":
		return a.println(name)
	}
	data, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.printData(data)
}

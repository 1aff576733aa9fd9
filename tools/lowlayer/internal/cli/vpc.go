package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
)

func (a *app) vpcKind() kind[*networkv1.Vpc] {
	return kind[*networkv1.Vpc]{
		view: view[*networkv1.Vpc]{
			heads: []string{"VPC", "ORGANISATION", "MODE", "CIDR", "STATE", "NETWORK", "AGE"},
			row: func(v *networkv1.Vpc) []string {
				parent, id := split(v.GetName())
				return []string{id, lastPart(parent), v.GetMode().String(), v.GetCidr(), vpcState(v), v.GetCloud().GetNetworkId(), age(v.GetCreateTime())}
			},
			name:  (*networkv1.Vpc).GetName,
			plain: "vpcs",
		},
		arg: "TENANT/ORGANISATION/VPC", full: vpcName, complete: a.completeVpcs, plural: "VPCs",
		parentArg: "TENANT[/ORGANISATION]", parent: organisationOrAllName, completeParent: a.completeOrganisations,
	}
}

// vpcState is the state of a VPC, and a note when its organisation is deleted: the VPC is deleted with it.
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
	k := a.vpcKind()
	return group("vpc", "VPC environments: isolated networks, routed to the bastion", []string{"vpcs"},
		a.vpcCreate(), k.get(a, "Show a VPC"), k.list(a, "List the VPCs of an organisation, or of all of a tenant"), a.vpcUpdate(),
		k.remove(a, "Remove a VPC and all LOW-LAYER made for it", ""))
}

func (a *app) vpcCreate() *cobra.Command {
	v := &networkv1.Vpc{}
	var mode string
	var allow []string
	cmd := a.vpcKind().create(a, "Create a VPC", "  lowlayer vpc create acme/core/staging --mode DEDICATED --allow office=tcp:443@203.0.113.0/24", v,
		func() (err error) {
			if v.Mode, err = modeOf(mode); err != nil {
				return fmt.Errorf("--mode: %w", err)
			}
			v.IngressRules, err = rulesOf(allow)
			return err
		})
	cmd.Flags().StringVar(&v.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &v.DeletionProtection)
	cmd.Flags().StringVar(&mode, "mode", "", "MUTUALIZED or DEDICATED; the organisation's when empty")
	cmd.Flags().StringVar(&v.Cidr, "cidr", "", "CIDR, /16 to /26; a free /20 when empty")
	cmd.Flags().StringToStringVar(&v.Labels, "label", nil, "label, as key=value")
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "traffic to allow, as NAME=PROTOCOL[:PORT[-PORT]]@CIDR; repeat it")
	fixed(cmd, "mode", "MUTUALIZED", "DEDICATED")
	return cmd
}

func (a *app) vpcUpdate() *cobra.Command {
	v := &networkv1.Vpc{}
	var allow []string
	var none bool
	cmd := a.vpcKind().update(a, "Change a VPC", v, map[string]string{
		"protect": "deletion_protection", "no-protect": "deletion_protection", "display-name": "display_name", "label": "labels",
		"allow": "ingress_rules", "allow-nothing": "ingress_rules",
	}, func([]string) (err error) {
		v.IngressRules, err = rulesOf(allow)
		return err
	})
	cmd.Flags().StringVar(&v.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &v.DeletionProtection)
	cmd.Flags().StringToStringVar(&v.Labels, "label", nil, "labels, as key=value; they replace the present ones")
	cmd.Flags().StringArrayVar(&allow, "allow", nil, "traffic to allow, as NAME=PROTOCOL[:PORT[-PORT]]@CIDR; these replace the present ones")
	cmd.Flags().BoolVar(&none, "allow-nothing", false, "allow only the VPC itself and the bastion")
	cmd.Flags().StringVar(&v.Etag, "etag", "", "change it only when this is its etag")
	cmd.MarkFlagsMutuallyExclusive("allow", "allow-nothing")
	keeps(cmd, map[string]string{
		"cidr": "the CIDR of a VPC cannot change; make another VPC with it", "mode": "the mode of a VPC cannot change; make another VPC with it",
	})
	return cmd
}

// printGone reports a deleted resource.
func (a *app) printGone(name string) error {
	return a.show([]string{name}, func() { a.note("%s is deleted", name) }, map[string]string{"name": name})
}

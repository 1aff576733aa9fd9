package cli

import (
	"strings"

	"github.com/spf13/cobra"

	driftv1 "github.com/low-layer/platform/gen/go/lowlayer/drift/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
)

func (a *app) hubCommand() *cobra.Command {
	k := kind[*networkv1.Hub]{
		view: view[*networkv1.Hub]{
			heads: []string{"HUB OF", "MODE", "CIDR", "STATE", "NETWORK", "ROUTER"},
			row: func(h *networkv1.Hub) []string {
				return []string{
					strings.TrimSuffix(h.GetName(), "/hub"), h.GetMode().String(), h.GetCidr(), stateWord(h.GetState(), h.GetBlockage()),
					h.GetCloud().GetNetworkId(), h.GetCloud().GetRouterId(),
				}
			},
			name:  (*networkv1.Hub).GetName,
			plain: "hubs",
		},
		arg: "TENANT/ORGANISATION", complete: a.completeOrganisations,
		full: func(s string) (string, error) {
			organisation, err := organisationName(strings.TrimSuffix(s, "/hub")) // the output of -o name is an argument too
			return organisation + "/hub", err
		},
	}
	return group("hub", "The bastion's network of an organisation", nil, k.get(a, "Show the hub of an organisation"))
}

func (a *app) peeringKind() kind[*networkv1.Peering] {
	return kind[*networkv1.Peering]{
		view: view[*networkv1.Peering]{
			heads: []string{"PEERING", "VPC", "PEER", "ACCEPTANCE", "STATE", "LINK", "AGE"},
			row: func(p *networkv1.Peering) []string {
				return []string{
					lastPart(p.GetName()), p.GetVpc(), p.GetPeerVpc(), p.GetAcceptance().String(), stateWord(p.GetState(), p.GetBlockage()),
					p.GetLinkCidr(), age(p.GetCreateTime()),
				}
			},
		},
		complete: a.completePeerings, completeParent: a.completeTenants,
	}.declared()
}

func (a *app) peeringCommand() *cobra.Command {
	k := a.peeringKind()
	return group("peering", "Routes between two VPCs of a tenant", []string{"peerings"},
		a.peeringCreate(), k.get(a, "Show a peering"), k.list(a, "List the peerings of a tenant"),
		k.act(a, "accept", "AcceptPeering", "Accept a peering: the two VPCs are routed to each other", nil), k.remove(a, "Withdraw, reject or end a peering", ""))
}

func (a *app) peeringCreate() *cobra.Command {
	p := &networkv1.Peering{}
	cmd := a.peeringKind().create(a, "Request a peering; no traffic is routed until the peer accepts",
		"  lowlayer peering create acme/dev-prod --vpc acme/core/dev --peer acme/core/prod\n  lowlayer peering accept acme/dev-prod", p, func() (err error) {
			if p.Vpc, err = vpcName(p.GetVpc()); err != nil {
				return err
			}
			p.PeerVpc, err = vpcName(p.GetPeerVpc())
			return err
		})
	cmd.Use += " --vpc VPC --peer VPC"
	cmd.Flags().StringVar(&p.Vpc, "vpc", "", "the requesting VPC")
	cmd.Flags().StringVar(&p.PeerVpc, "peer", "", "the VPC that must accept")
	for _, flag := range []string{"vpc", "peer"} {
		cobra.CheckErr(cmd.MarkFlagRequired(flag)) // these fail only for a flag that is not defined
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(flag, ofFlag(a.completeVpcs)))
	}
	return cmd
}

func (a *app) driftCommand() *cobra.Command {
	k := kind[*driftv1.Drift]{
		view: view[*driftv1.Drift]{
			heads: []string{"RESOURCE", "KIND", "OBJECT", "ID", "DETAIL", "SEEN", "RESOLVED"},
			row: func(f *driftv1.Drift) []string {
				return []string{f.GetResource(), f.GetKind().String(), f.GetObjectType(), f.GetObjectId(), f.GetDetail(), age(f.GetLastSeenTime()), age(f.GetResolveTime())}
			},
			name:  (*driftv1.Drift).GetName,
			plain: "drifts",
		},
		plural: "differences", parentArg: "TENANT", parent: tenantName, completeParent: a.completeTenants,
	}
	return group("drift", "Differences between the cloud and the orders", nil, k.list(a, "List the differences between the cloud and the orders"))
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
)

func hubView() view[*networkv1.Hub] {
	return view[*networkv1.Hub]{
		heads: []string{"HUB OF", "MODE", "CIDR", "STATE", "NETWORK", "ROUTER"},
		row: func(h *networkv1.Hub) []string {
			return []string{h.GetName()[:len(h.GetName())-len("/hub")], h.GetMode().String(), h.GetCidr(), stateWord(h.GetState(), h.GetBlockage()), h.GetCloud().GetNetworkId(), h.GetCloud().GetRouterId()}
		},
		name:  (*networkv1.Hub).GetName,
		plain: "hubs",
	}
}

func (a *app) hubCommand() *cobra.Command {
	return group("hub", "The bastion's network of an organisation", nil, &cobra.Command{
		Use: "get TENANT/ORGANISATION", Short: "Show the hub of an organisation", Args: exactly(1), ValidArgsFunction: a.completeOrganisations,
		RunE: func(cmd *cobra.Command, args []string) error {
			organisation, err := organisationName(strings.TrimSuffix(args[0], "/hub")) // what -o name prints is taken too
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			h, err := api.hubs.GetHub(cmd.Context(), &networkv1.GetHubRequest{Name: organisation + "/hub"})
			if err != nil {
				return fmt.Errorf("get the hub of %s: %w", organisation, err)
			}
			return printOne(a, hubView(), h)
		},
	})
}

func peeringView() view[*networkv1.Peering] {
	return view[*networkv1.Peering]{
		heads: []string{"PEERING", "VPC", "PEER", "ACCEPTANCE", "STATE", "LINK", "AGE"},
		row: func(p *networkv1.Peering) []string {
			return []string{
				lastPart(p.GetName()), p.GetVpc(), p.GetPeerVpc(), p.GetAcceptance().String(), stateWord(p.GetState(), p.GetBlockage()),
				p.GetLinkCidr(), age(p.GetCreateTime()),
			}
		},
		name:  (*networkv1.Peering).GetName,
		plain: "peerings",
	}
}

func (a *app) peeringCommand() *cobra.Command {
	return group("peering", "Routes between two VPCs of a tenant", []string{"peerings"},
		a.peeringCreate(), a.peeringGet(), a.peeringList(), a.peeringAccept(), a.peeringDelete())
}

func (a *app) peeringCreate() *cobra.Command {
	p := &networkv1.Peering{}
	cmd := &cobra.Command{
		Use: "create TENANT/PEERING --vpc VPC --peer VPC", Short: "Ask for a peering; nothing is routed until the peer accepts", Args: exactly(1), ValidArgsFunction: a.completeTenantOf,
		Example: "  lowlayer peering create acme/dev-prod --vpc acme/core/dev --peer acme/core/prod\n  lowlayer peering accept acme/dev-prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := peeringName(args[0])
			if err != nil {
				return err
			}
			if p.Vpc, err = vpcName(p.GetVpc()); err != nil {
				return err
			}
			if p.PeerVpc, err = vpcName(p.GetPeerVpc()); err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			parent, id := split(name)
			op, err := api.peerings.CreatePeering(cmd.Context(), &networkv1.CreatePeeringRequest{Parent: parent, Peering: p, PeeringId: id})
			if err != nil {
				return fmt.Errorf("create %s: %w", name, err)
			}
			return a.finishPeering(cmd.Context(), op)
		},
	}
	cmd.Flags().StringVar(&p.Vpc, "vpc", "", "the VPC that asks")
	cmd.Flags().StringVar(&p.PeerVpc, "peer", "", "the VPC that is asked")
	for _, flag := range []string{"vpc", "peer"} {
		cobra.CheckErr(cmd.MarkFlagRequired(flag)) // these fail only for a flag that is not defined
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(flag, ofFlag(a.completeVpcs)))
	}
	return cmd
}

func (a *app) finishPeering(ctx context.Context, op *longrunningpb.Operation) error {
	p := &networkv1.Peering{}
	done, err := a.follow(ctx, op, p)
	if err != nil || !done || p.GetName() == "" {
		return err
	}
	return printOne(a, peeringView(), p)
}

func (a *app) peeringGet() *cobra.Command {
	return &cobra.Command{
		Use: "get TENANT/PEERING", Short: "Show a peering", Args: exactly(1), ValidArgsFunction: a.completePeerings,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := peeringName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			p, err := api.peerings.GetPeering(cmd.Context(), &networkv1.GetPeeringRequest{Name: name})
			if err != nil {
				return fmt.Errorf("get %s: %w", name, err)
			}
			return printOne(a, peeringView(), p)
		},
	}
}

func (a *app) peeringList() *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{
		Use: "list TENANT", Short: "List the peerings of a tenant", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := tenantName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			list, err := listPeerings(cmd.Context(), api, parent, flags)
			if err != nil {
				return err
			}
			return printList(a, peeringView(), list)
		},
	}
	flags.add(cmd, false)
	return cmd
}

func listPeerings(ctx context.Context, api *client, parent string, flags listFlags) ([]*networkv1.Peering, error) {
	return pages(flags.limit, func(size int32, token string) ([]*networkv1.Peering, string, error) {
		r, err := api.peerings.ListPeerings(ctx, &networkv1.ListPeeringsRequest{Parent: parent, PageSize: size, PageToken: token, Filter: flags.filter, OrderBy: flags.orderBy})
		if err != nil {
			return nil, "", fmt.Errorf("list peerings of %s: %w", parent, err)
		}
		return r.GetPeerings(), r.GetNextPageToken(), nil
	})
}

func (a *app) peeringAccept() *cobra.Command {
	return &cobra.Command{
		Use: "accept TENANT/PEERING", Short: "Accept a peering: the two VPCs are routed to each other", Args: exactly(1), ValidArgsFunction: a.completePeerings,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := peeringName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			op, err := api.peerings.AcceptPeering(cmd.Context(), &networkv1.AcceptPeeringRequest{Name: name})
			if err != nil {
				return fmt.Errorf("accept %s: %w", name, err)
			}
			return a.finishPeering(cmd.Context(), op)
		},
	}
}

func (a *app) peeringDelete() *cobra.Command {
	req := &networkv1.DeletePeeringRequest{}
	cmd := &cobra.Command{
		Use: "delete TENANT/PEERING", Short: "Withdraw, reject or end a peering", Args: exactly(1), ValidArgsFunction: a.completePeerings,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := peeringName(args[0])
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
			op, err := api.peerings.DeletePeering(cmd.Context(), req)
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

func driftView() view[*networkv1.DriftFinding] {
	return view[*networkv1.DriftFinding]{
		heads: []string{"RESOURCE", "KIND", "OBJECT", "ID", "DETAIL", "SEEN", "RESOLVED"},
		row: func(f *networkv1.DriftFinding) []string {
			return []string{f.GetResource(), f.GetKind().String(), f.GetObjectType(), f.GetObjectId(), f.GetDetail(), age(f.GetLastSeenTime()), age(f.GetResolveTime())}
		},
		name:  (*networkv1.DriftFinding).GetName,
		plain: "driftFindings",
	}
}

func (a *app) driftCommand() *cobra.Command {
	var flags listFlags
	var resolved bool
	list := &cobra.Command{
		Use: "list TENANT", Short: "List where the cloud differs from what was asked for", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, err := tenantName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			found, err := pages(flags.limit, func(size int32, token string) ([]*networkv1.DriftFinding, string, error) {
				r, err := api.drift.ListDriftFindings(cmd.Context(), &networkv1.ListDriftFindingsRequest{
					Parent: parent, PageSize: size, PageToken: token, Filter: flags.filter, OrderBy: flags.orderBy, ShowResolved: resolved,
				})
				return r.GetDriftFindings(), r.GetNextPageToken(), err
			})
			if err != nil {
				return fmt.Errorf("list drift findings of %s: %w", parent, err)
			}
			return printList(a, driftView(), found)
		},
	}
	flags.add(list, false)
	list.Flags().BoolVar(&resolved, "show-resolved", false, "findings that are resolved, too")
	return group("drift", "Differences between the cloud and what was asked for", nil, list)
}

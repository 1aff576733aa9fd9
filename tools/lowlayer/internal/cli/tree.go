package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

// tenantTree is a tenant with everything in it.
type tenantTree struct {
	tenant        *tenantv1.Tenant
	organisations []organisationTree
	peerings      []*networkv1.Peering
}

type organisationTree struct {
	organisation *tenantv1.Organisation
	hub          *networkv1.Hub
	vpcs         []*networkv1.Vpc
}

func (a *app) treeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "tree [TENANT]", Short: "Show a tenant with everything in it; all tenants without a name", Args: atMost(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := a.dial()
			if err != nil {
				return err
			}
			tenants, err := a.treeRoots(cmd.Context(), api, args)
			if err != nil {
				return err
			}
			trees := make([]tenantTree, len(tenants))
			for i, t := range tenants {
				if trees[i], err = a.growTree(cmd.Context(), api, t); err != nil {
					return err
				}
			}
			return a.printTrees(trees, len(args) == 1)
		},
	}
}

func (a *app) treeRoots(ctx context.Context, api *client, args []string) ([]*tenantv1.Tenant, error) {
	if len(args) == 0 {
		return listOf(ctx, api, a.tenantKind(), "", listFlags{})
	}
	name, err := tenantName(args[0])
	if err != nil {
		return nil, err
	}
	t, err := getOf[*tenantv1.Tenant](ctx, api, name)
	if err != nil {
		return nil, err
	}
	return []*tenantv1.Tenant{t}, nil
}

// purgeWord is the time of the purge of a deleted resource; empty for others.
func purgeWord(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return "  purged at " + at.AsTime().Format(receiptTime) + ", can be undeleted until then"
}

func (a *app) growTree(ctx context.Context, api *client, t *tenantv1.Tenant) (tenantTree, error) {
	tree := tenantTree{tenant: t}
	organisations, err := listOf(ctx, api, a.organisationKind(), t.GetName(), listFlags{deleted: true})
	if err != nil {
		return tree, err
	}
	for _, o := range organisations {
		branch := organisationTree{organisation: o}
		branch.hub, err = api.hubs.GetHub(ctx, &networkv1.GetHubRequest{Name: o.GetName() + "/hub"})
		if err != nil && status.Code(err) != codes.NotFound { // a new organisation has none yet
			return tree, fmt.Errorf("get the hub of %s: %w", o.GetName(), err)
		}
		if branch.hub.GetName() != "" {
			if branch.vpcs, err = listOf(ctx, api, a.vpcKind(), o.GetName(), listFlags{}); err != nil {
				return tree, err
			}
		}
		tree.organisations = append(tree.organisations, branch)
	}
	tree.peerings, err = listOf(ctx, api, a.peeringKind(), t.GetName(), listFlags{})
	if status.Code(err) == codes.NotFound { // a new tenant has no networks yet
		err = nil
	}
	return tree, err
}

func (a *app) printTrees(trees []tenantTree, one bool) error {
	var names []string
	values := make([]any, len(trees))
	for i, t := range trees {
		v, err := t.value()
		if err != nil {
			return err
		}
		values[i] = v
		names = append(names, t.names()...)
	}
	var root any = map[string]any{"tenants": values}
	if one {
		root = values[0]
	}
	return a.show(names, func() {
		for _, t := range trees {
			a.println(strings.TrimSuffix(drawTree(t), "\n"))
		}
	}, root)
}

func (t tenantTree) names() []string {
	names := []string{t.tenant.GetName()}
	for _, o := range t.organisations {
		names = append(names, o.organisation.GetName())
		if o.hub.GetName() != "" {
			names = append(names, o.hub.GetName())
		}
		names = append(names, namesOf(o.vpcs)...)
	}
	return append(names, namesOf(t.peerings)...)
}

func namesOf[M interface{ GetName() string }](list []M) []string {
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = m.GetName()
	}
	return out
}

// value is the tree as JSON: each resource with its children beside its own fields.
func (t tenantTree) value() (map[string]any, error) {
	organisations := make([]any, len(t.organisations))
	for i, o := range t.organisations {
		vpcs, err := objects(o.vpcs)
		if err != nil {
			return nil, err
		}
		children := map[string]any{"vpcs": vpcs}
		if o.hub.GetName() != "" {
			if children["hub"], err = object(o.hub, nil); err != nil {
				return nil, err
			}
		}
		if organisations[i], err = object(o.organisation, children); err != nil {
			return nil, err
		}
	}
	peerings, err := objects(t.peerings)
	if err != nil {
		return nil, err
	}
	return object(t.tenant, map[string]any{"organisations": organisations, "peerings": peerings})
}

func objects[M proto.Message](list []M) ([]any, error) {
	out := make([]any, len(list))
	for i, m := range list {
		o, err := object(m, nil)
		if err != nil {
			return nil, err
		}
		out[i] = o
	}
	return out, nil
}

func object(m proto.Message, children map[string]any) (map[string]any, error) {
	data, err := encoded(m)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]any)
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("print: %w", err)
	}
	maps.Copy(fields, children)
	return fields, nil
}

// drawTree draws the topology, for example
//
//	acme  ACTIVE  10.64.0.0/12
//	└─ core  MUTUALIZED  ACTIVE
//	   ├─ hub   10.64.0.0/22   ACTIVE   routed to every VPC
//	   └─ dev   10.64.16.0/20  ACTIVE   MUTUALIZED
func drawTree(t tenantTree) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tenant %s  %s  %s%s\n", lastPart(t.tenant.GetName()), stateWord(t.tenant.GetState(), t.tenant.GetBlockage()), t.tenant.GetNetworkCidr(),
		purgeWord(t.tenant.GetPurgeTime()))
	branches := len(t.organisations) + len(t.peerings)
	for i, o := range t.organisations {
		stem, indent := twig(i, branches)
		fmt.Fprintf(&b, "%s organisation %s  %s  %s%s\n", stem, lastPart(o.organisation.GetName()), stateWord(o.organisation.GetState(), o.organisation.GetBlockage()),
			o.organisation.GetMode(), purgeWord(o.organisation.GetPurgeTime()))
		drawNetworks(&b, indent, o)
	}
	for i, p := range t.peerings {
		stem, _ := twig(len(t.organisations)+i, branches)
		fmt.Fprintf(&b, "%s peering %s  %s  %s ↔ %s  %s\n", stem, lastPart(p.GetName()), stateWord(p.GetState(), p.GetBlockage()), lastPart(p.GetVpc()), lastPart(p.GetPeerVpc()), p.GetAcceptance())
	}
	return b.String()
}

func drawNetworks(b *strings.Builder, indent string, o organisationTree) {
	leaves, i := len(o.vpcs), 0
	if o.hub.GetName() != "" {
		leaves++
		stem, _ := twig(i, leaves)
		fmt.Fprintf(b, "%s%s bastion hub  %-18s %s  routed to every VPC below\n", indent, stem, o.hub.GetCidr(), stateWord(o.hub.GetState(), o.hub.GetBlockage()))
		i++
	}
	for _, v := range o.vpcs {
		stem, _ := twig(i, leaves)
		fmt.Fprintf(b, "%s%s vpc %-8s %-18s %s  %s  transit %s\n", indent, stem, lastPart(v.GetName()), v.GetCidr(), vpcState(v), v.GetMode(), v.GetCloud().GetTransitCidr())
		i++
	}
}

func twig(i, n int) (stem, indent string) {
	if i == n-1 {
		return "└─", "   "
	}
	return "├─", "│  "
}

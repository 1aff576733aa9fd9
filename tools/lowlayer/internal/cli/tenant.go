package cli

import (
	"context"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

func tenantView() view[*tenantv1.Tenant] {
	return view[*tenantv1.Tenant]{
		heads: []string{"TENANT", "DISPLAY NAME", "STATE", "NETWORK", "AGE"},
		row: func(t *tenantv1.Tenant) []string {
			return []string{lastPart(t.GetName()), t.GetDisplayName(), stateWord(t.GetState(), t.GetBlockage()), t.GetNetworkCidr(), age(t.GetCreateTime())}
		},
		name:  (*tenantv1.Tenant).GetName,
		plain: "tenants",
	}
}

func (a *app) tenantCommand() *cobra.Command {
	return group("tenant", "Clients of the platform, isolated from one another", []string{"tenants"},
		a.tenantCreate(), a.tenantGet(), a.tenantList(), a.tenantUpdate(), a.tenantDelete(), a.tenantSuspend(),
		a.tenantVerb("undelete", "Bring a deleted tenant back", func(ctx context.Context, api *client, name string) (*longrunningpb.Operation, error) {
			return api.tenants.UndeleteTenant(ctx, &tenantv1.UndeleteTenantRequest{Name: name})
		}),
		a.tenantVerb("resume", "End a suspension", func(ctx context.Context, api *client, name string) (*longrunningpb.Operation, error) {
			return api.tenants.ResumeTenant(ctx, &tenantv1.ResumeTenantRequest{Name: name})
		}))
}

func (a *app) tenantCreate() *cobra.Command {
	t := &tenantv1.Tenant{}
	cmd := &cobra.Command{Use: "create TENANT", Short: "Make a tenant", Args: exactly(1), ValidArgsFunction: cobra.NoFileCompletions, RunE: func(cmd *cobra.Command, args []string) error {
		name, err := tenantName(args[0])
		if err != nil {
			return err
		}
		api, err := a.dial()
		if err != nil {
			return err
		}
		op, err := api.tenants.CreateTenant(cmd.Context(), &tenantv1.CreateTenantRequest{Tenant: t, TenantId: lastPart(name)})
		if err != nil {
			return fmt.Errorf("create %s: %w", name, err)
		}
		return a.finishTenant(cmd.Context(), op)
	}}
	cmd.Flags().StringVar(&t.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &t.DeletionProtection)
	cmd.Flags().StringVar(&t.NetworkCidr, "network-cidr", "", "address space of the tenant (default 10.64.0.0/12)")
	cmd.Flags().StringToStringVar(&t.Labels, "label", nil, "label, as key=value")
	return cmd
}

func (a *app) finishTenant(ctx context.Context, op *longrunningpb.Operation) error {
	t := &tenantv1.Tenant{}
	done, err := a.follow(ctx, op, t)
	if err != nil || !done {
		return err
	}
	if t.GetName() == "" {
		return a.printGone(metadataOf(op).GetResource())
	}
	return printOne(a, tenantView(), t)
}

func (a *app) tenantGet() *cobra.Command {
	return &cobra.Command{
		Use: "get TENANT", Short: "Show a tenant", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := tenantName(args[0])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			t, err := api.tenants.GetTenant(cmd.Context(), &tenantv1.GetTenantRequest{Name: name})
			if err != nil {
				return fmt.Errorf("get %s: %w", name, err)
			}
			return printOne(a, tenantView(), t)
		},
	}
}

func (a *app) tenantList() *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{Use: "list", Short: "List the tenants", Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
		api, err := a.dial()
		if err != nil {
			return err
		}
		list, err := listTenants(cmd.Context(), api, flags)
		if err != nil {
			return err
		}
		return printList(a, tenantView(), list)
	}}
	flags.add(cmd, true)
	return cmd
}

func listTenants(ctx context.Context, api *client, flags listFlags) ([]*tenantv1.Tenant, error) {
	return pages(flags.limit, func(size int32, token string) ([]*tenantv1.Tenant, string, error) {
		r, err := api.tenants.ListTenants(ctx, &tenantv1.ListTenantsRequest{
			PageSize: size, PageToken: token, Filter: flags.filter, OrderBy: flags.orderBy, ShowDeleted: flags.deleted,
		})
		if err != nil {
			return nil, "", fmt.Errorf("list tenants: %w", err)
		}
		return r.GetTenants(), r.GetNextPageToken(), nil
	})
}

func (a *app) tenantUpdate() *cobra.Command {
	t := &tenantv1.Tenant{}
	cmd := &cobra.Command{
		Use: "update TENANT", Short: "Change a tenant", Long: updateHelp, Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := tenantName(args[0])
			if err != nil {
				return err
			}
			t.Name = name
			mask := changed(cmd, map[string]string{"protect": "deletion_protection", "no-protect": "deletion_protection", "display-name": "display_name", "label": "labels"})
			api, err := a.dial()
			if err != nil {
				return err
			}
			if len(mask) == 0 {
				have, err := api.tenants.GetTenant(cmd.Context(), &tenantv1.GetTenantRequest{Name: name})
				if err := resumes(cmd, name, have, err); err != nil {
					return err
				}
			}
			op, err := api.tenants.UpdateTenant(cmd.Context(), &tenantv1.UpdateTenantRequest{Tenant: t, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask}})
			if err != nil {
				return fmt.Errorf("update %s: %w", name, err)
			}
			return a.finishTenant(cmd.Context(), op)
		},
	}
	cmd.Flags().StringVar(&t.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &t.DeletionProtection)
	cmd.Flags().StringToStringVar(&t.Labels, "label", nil, "labels, as key=value; they replace the present ones")
	cmd.Flags().StringVar(&t.Etag, "etag", "", "change it only when this is its etag")
	keeps(cmd, map[string]string{"network-cidr": "the address space of a tenant cannot change; make another tenant with it"})
	return cmd
}

func (a *app) tenantDelete() *cobra.Command {
	req := &tenantv1.DeleteTenantRequest{}
	cmd := &cobra.Command{
		Use: "delete TENANT", Short: "Delete a tenant; it can be undeleted for a while, unless --purge", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := tenantName(args[0])
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
			op, err := api.tenants.DeleteTenant(cmd.Context(), req)
			if err != nil {
				return fmt.Errorf("delete %s: %w", name, err)
			}
			return a.finishTenant(cmd.Context(), op)
		},
	}
	cmd.Flags().BoolVar(&req.Force, "force", false, "delete its organisations too")
	cmd.Flags().BoolVar(&req.Purge, "purge", false, "remove it at once and for good")
	cmd.Flags().StringVar(&req.Etag, "etag", "", "delete it only when this is its etag")
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) tenantSuspend() *cobra.Command {
	var reason string
	cmd := a.tenantVerb("suspend", "Switch a tenant off; nothing of it is lost", func(ctx context.Context, api *client, name string) (*longrunningpb.Operation, error) {
		return api.tenants.SuspendTenant(ctx, &tenantv1.SuspendTenantRequest{Name: name, Reason: reason})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why; shown in its conditions")
	return cmd
}

func (a *app) tenantVerb(verb, short string, call func(context.Context, *client, string) (*longrunningpb.Operation, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " TENANT", Short: short, Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := tenantName(args[0])
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
			return a.finishTenant(cmd.Context(), op)
		},
	}
}

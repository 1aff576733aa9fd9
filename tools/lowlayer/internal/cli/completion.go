package cli

import (
	"context"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	"github.com/low-layer/platform/gen/go/resourcename"
)

// Completion lists the names of the platform, and stops quietly when it does not respond at once: a shell must not hang.
const completionPatience = 2 * time.Second

type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

func (a *app) complete(cmd *cobra.Command, args []string, names func(context.Context, *client) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a.quiet = true // a note would land in the person's command line
	api, err := a.dial()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background() // cobra completes without one
	}
	ctx, cancel := context.WithTimeout(parent, completionPatience)
	defer cancel()
	found, err := names(ctx, api)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// ofFlag completes the value of a flag: the arguments beside it do not matter.
func ofFlag(complete completer) completer {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, nil, typed)
	}
}

func (a *app) completeTenants(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, func(ctx context.Context, api *client) ([]string, error) {
		list, err := listOf(ctx, api, a.tenantKind(), "", listFlags{limit: 200})
		return typedNames(list, typed), err
	})
}

func (a *app) completeOrganisations(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, func(ctx context.Context, api *client) ([]string, error) {
		return a.eachTenant(ctx, api, typed, func(tenant string) ([]string, error) {
			list, err := listOf(ctx, api, a.organisationKind(), tenant, listFlags{limit: 200})
			return typedNames(list, typed), err
		})
	})
}

// parents completes the parent of a resource that has no name yet.
func parents(names []string, directive cobra.ShellCompDirective) ([]string, cobra.ShellCompDirective) {
	for i := range names {
		names[i] += "/"
	}
	return names, directive | cobra.ShellCompDirectiveNoSpace
}

func (a *app) completeVpcs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, func(ctx context.Context, api *client) ([]string, error) {
		return a.eachTenant(ctx, api, typed, func(tenant string) ([]string, error) {
			list, err := listOf(ctx, api, a.vpcKind(), tenant+"/organisations/"+resourcename.Wildcard, listFlags{limit: 200})
			return typedNames(list, typed), err
		})
	})
}

func (a *app) completePeerings(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, func(ctx context.Context, api *client) ([]string, error) {
		return a.eachTenant(ctx, api, typed, func(tenant string) ([]string, error) {
			list, err := listOf(ctx, api, a.peeringKind(), tenant, listFlags{limit: 200})
			return typedNames(list, typed), err
		})
	})
}

func (a *app) completeOperations(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.operationNames(cmd, args, typed, "")
}

// completeOperationsUnderWay leaves out those that are done: there is nothing to wait for or to cancel.
func (a *app) completeOperationsUnderWay(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.operationNames(cmd, args, typed, "done = false")
}

func (a *app) operationNames(cmd *cobra.Command, args []string, typed, filter string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, func(ctx context.Context, api *client) ([]string, error) {
		return a.eachTenant(ctx, api, typed, func(tenant string) ([]string, error) {
			r, err := api.operations.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: tenant, PageSize: 50, Filter: filter})
			return typedNames(r.GetOperations(), typed), err
		})
	})
}

// eachTenant collects over the tenant that was typed, or over all.
func (a *app) eachTenant(ctx context.Context, api *client, typed string, names func(tenant string) ([]string, error)) ([]string, error) {
	if tenant, _, ok := strings.Cut(strings.TrimPrefix(typed, "tenants/"), "/"); ok {
		return names(resourcename.Tenant{Tenant: tenant}.String())
	}
	tenants, err := listOf(ctx, api, a.tenantKind(), "", listFlags{limit: 50})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, t := range tenants {
		found, err := names(t.GetName())
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// typedNames are names in the form that was begun: in full, or as people type them.
func typedNames[M interface{ GetName() string }](list []M, typed string) []string {
	names := namesOf(list)
	if strings.HasPrefix(typed, "tenants/") {
		return names
	}
	for i, name := range names {
		names[i] = shortName(name)
	}
	return names
}

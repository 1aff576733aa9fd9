package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

func serviceAccountView() view[*tenantv1.ServiceAccount] {
	return view[*tenantv1.ServiceAccount]{
		heads: []string{"SERVICE ACCOUNT", "ROLES", "CLIENT ID", "EXPIRES", "LAST USE"},
		row: func(s *tenantv1.ServiceAccount) []string {
			expires := s.GetExpireTime().AsTime().Format(time.DateOnly)
			if s.GetExpired() {
				expires += " (ended)"
			}
			used := "never"
			if s.GetLastUseTime() != nil {
				used = age(s.GetLastUseTime()) + " ago"
			}
			return []string{lastPart(s.GetName()), roleWords(s.GetRoles()), s.GetClientId(), expires, used}
		},
		name:  (*tenantv1.ServiceAccount).GetName,
		plain: "serviceAccounts",
	}
}

func (a *app) serviceAccountCommand() *cobra.Command {
	return group("service-account", "Accounts of programs, with a secret that expires", []string{"service-accounts", "sa"},
		a.serviceAccountCreate(), a.serviceAccountGet(), a.serviceAccountList(), a.serviceAccountRotate(), a.serviceAccountDelete())
}

// shown prints an account with its secret, which no other call shows.
func (a *app) shown(doing string, s *tenantv1.ServiceAccount) error {
	if s.GetSecret() != "" && a.output == "table" {
		a.note("Secret, shown this once: %s", s.GetSecret())
		a.note("A program logs in with %s, %s=%s and the secret as %s.", issuerVariable, clientVariable, s.GetClientId(), secretVariable)
	}
	return printOrdered(a, serviceAccountView(), doing, s)
}

func lifetimeOf(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

func (a *app) serviceAccountCreate() *cobra.Command {
	var roles []string
	var life time.Duration
	s := &tenantv1.ServiceAccount{}
	cmd := a.scoped("create PLACE ID", "Create a service account; its secret is shown once", 2, func(ctx context.Context, api *client, scope string, args []string) error {
		var err error
		if s.Roles, err = rolesOf(roles); err != nil {
			return err
		}
		made, err := api.accounts.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
			Parent: scope, ServiceAccountId: args[1], ServiceAccount: s, Lifetime: lifetimeOf(life),
		})
		if err != nil {
			return fmt.Errorf("create service account %s in %s: %w", args[1], scope, err)
		}
		return a.shown("create service account "+args[1]+" in "+scope, made)
	})
	cmd.Flags().StringSliceVar(&roles, "role", nil, "owner, admin, operator, viewer or billing; may be repeated")
	cmd.Flags().StringVar(&s.DisplayName, "display-name", "", "name for people")
	cmd.Flags().DurationVar(&life, "lifetime", 0, "lifetime of the secret (default 2160h)")
	fixed(cmd, "role", roleNames...)
	return cmd
}

func (a *app) serviceAccountGet() *cobra.Command {
	return a.scoped("get PLACE ID", "Show a service account and its last use", 2, func(ctx context.Context, api *client, scope string, args []string) error {
		s, err := api.accounts.GetServiceAccount(ctx, &tenantv1.GetServiceAccountRequest{Name: accountName(scope, args[1])})
		if err != nil {
			return fmt.Errorf("get service account %s of %s: %w", args[1], scope, err)
		}
		return printOne(a, serviceAccountView(), s)
	})
}

func accountName(scope, id string) string { return scope + "/serviceAccounts/" + id }

func (a *app) serviceAccountList() *cobra.Command {
	var flags listFlags
	cmd := a.scoped("list PLACE", "List the service accounts of a tenant, an organisation or a VPC", 1, func(ctx context.Context, api *client, scope string, _ []string) error {
		list, err := listOf(ctx, api, kind[*tenantv1.ServiceAccount]{plural: "service accounts"}, scope, flags)
		if err != nil {
			return err
		}
		return printList(a, serviceAccountView(), list)
	})
	flags.add(cmd, false)
	return cmd
}

func (a *app) serviceAccountRotate() *cobra.Command {
	var life time.Duration
	cmd := a.scoped("rotate PLACE ID", "Create a new secret, shown once; the old one stops working", 2, func(ctx context.Context, api *client, scope string, args []string) error {
		s, err := api.accounts.RotateServiceAccount(ctx, &tenantv1.RotateServiceAccountRequest{
			Name: accountName(scope, args[1]), Lifetime: lifetimeOf(life),
		})
		if err != nil {
			return fmt.Errorf("rotate service account %s of %s: %w", args[1], scope, err)
		}
		return a.shown("rotate service account "+args[1]+" of "+scope, s)
	})
	cmd.Flags().DurationVar(&life, "lifetime", 0, "lifetime of the new secret (default 2160h)")
	return cmd
}

func (a *app) serviceAccountDelete() *cobra.Command {
	cmd := a.scoped("delete PLACE ID", "End a service account", 2, func(ctx context.Context, api *client, scope string, args []string) error {
		name := accountName(scope, args[1])
		if err := a.confirm(ctx, "End "+name); err != nil {
			return err
		}
		if a.plan {
			return a.planEnd(ctx, api, name)
		}
		if _, err := api.accounts.DeleteServiceAccount(ctx, &tenantv1.DeleteServiceAccountRequest{Name: name}); err != nil {
			return fmt.Errorf("delete %s: %w", name, err)
		}
		a.note("%s is gone.", name)
		return nil
	})
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	return cmd
}

// planEnd plans a deletion and shows the account: the response to a deletion is empty.
func (a *app) planEnd(ctx context.Context, api *client, name string) error {
	s, err := api.accounts.GetServiceAccount(ctx, &tenantv1.GetServiceAccountRequest{Name: name})
	if err == nil {
		_, err = api.accounts.DeleteServiceAccount(ctx, &tenantv1.DeleteServiceAccountRequest{Name: name, Etag: s.GetEtag()})
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return a.shown("end "+name, s)
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

func memberView() view[*tenantv1.Member] {
	return view[*tenantv1.Member]{
		heads: []string{"EMAIL", "NAME", "ROLES", "AGE", "MEMBER"},
		row: func(m *tenantv1.Member) []string {
			return []string{m.GetEmail(), m.GetDisplayName(), roleWords(m.GetRoles()), age(m.GetCreateTime()), lastPart(m.GetName())}
		},
		name:  (*tenantv1.Member).GetName,
		plain: "members",
	}
}

func roleWords(roles []tenantv1.Role) string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = strings.ToLower(r.String())
	}
	return strings.Join(out, ",")
}

var roleNames = []string{"owner", "admin", "operator", "viewer", "billing"}

func rolesOf(words []string) ([]tenantv1.Role, error) {
	out := make([]tenantv1.Role, len(words))
	for i, w := range words {
		v, ok := tenantv1.Role_value[strings.ToUpper(w)]
		if !ok || v == 0 {
			return nil, usageError{fmt.Errorf("role %q is not one of %s", w, strings.Join(roleNames, ", "))}
		}
		out[i] = tenantv1.Role(v)
	}
	if len(out) == 0 {
		return nil, usageError{fmt.Errorf("give at least one --role of %s", strings.Join(roleNames, ", "))}
	}
	return out, nil
}

// scopeName is the name of a tenant, organisation or VPC: acme, acme/core, acme/core/dev, or in full.
func scopeName(s string) (string, error) {
	if strings.HasPrefix(s, "tenants/") {
		switch strings.Count(s, "/") {
		case 1:
			return tenantName(s)
		case 3:
			return organisationName(s)
		default:
			return vpcName(s)
		}
	}
	switch strings.Count(s, "/") {
	case 0:
		return tenantName(s)
	case 1:
		return organisationName(s)
	default:
		return vpcName(s)
	}
}

func (a *app) memberCommand() *cobra.Command {
	return group("member", "People with roles in a tenant, an organisation or a VPC", []string{"members"},
		a.memberAdd(), a.memberGet(), a.memberList(), a.memberUpdate(), a.memberRemove())
}

// onScope runs a command on a place that is its first argument.
func (a *app) onScope(cmd *cobra.Command, arg string, run func(ctx context.Context, api *client, scope string) error) error {
	scope, err := scopeName(arg)
	if err != nil {
		return err
	}
	api, err := a.dial()
	if err != nil {
		return err
	}
	return run(cmd.Context(), api, scope)
}

func (a *app) memberAdd() *cobra.Command {
	var roles []string
	m := &tenantv1.Member{}
	cmd := &cobra.Command{
		Use: "add PLACE EMAIL", Aliases: []string{"create", "invite"}, Short: "Give a person roles", Args: exactly(2), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if m.Roles, err = rolesOf(roles); err != nil {
				return err
			}
			m.Email = args[1]
			return a.onScope(cmd, args[0], func(ctx context.Context, api *client, scope string) error {
				made, err := api.members.CreateMember(ctx, &tenantv1.CreateMemberRequest{Parent: scope, Member: m})
				if err != nil {
					return fmt.Errorf("add %s to %s: %w", m.Email, scope, err)
				}
				if made.GetInitialPassword() != "" && a.output == "table" {
					a.note("%s has a new account. First password, shown this once: %s", made.GetEmail(), made.GetInitialPassword())
				}
				return printOrdered(a, memberView(), "add "+m.Email+" to "+scope, made)
			})
		},
	}
	cmd.Flags().StringSliceVar(&roles, "role", nil, "owner, admin, operator, viewer or billing; may be repeated")
	cmd.Flags().StringVar(&m.DisplayName, "display-name", "", "name for people, for a new account")
	fixed(cmd, "role", roleNames...)
	return cmd
}

// findMember answers a member by e-mail address or by the last part of its name.
func findMember(ctx context.Context, api *client, scope, who string) (*tenantv1.Member, error) {
	if !strings.Contains(who, "@") {
		m, err := api.members.GetMember(ctx, &tenantv1.GetMemberRequest{Name: scope + "/members/" + lastPart(who)})
		if err != nil {
			return nil, fmt.Errorf("get %s of %s: %w", who, scope, err)
		}
		return m, nil
	}
	list, err := api.members.ListMembers(ctx, &tenantv1.ListMembersRequest{
		Parent: scope, Filter: fmt.Sprintf("email = %q", strings.ToLower(who)), PageSize: 2,
	})
	if err != nil {
		return nil, fmt.Errorf("find %s in %s: %w", who, scope, err)
	}
	if len(list.GetMembers()) != 1 {
		return nil, absentError{fmt.Errorf("%s has no roles at %s; `lowlayer member list %s` shows who has", who, scope, scope)}
	}
	return list.GetMembers()[0], nil
}

// absentError is something that was looked for and is not there.
type absentError struct{ error }

func (a *app) memberGet() *cobra.Command {
	return &cobra.Command{
		Use: "get PLACE EMAIL", Short: "Show a member", Args: exactly(2), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onScope(cmd, args[0], func(ctx context.Context, api *client, scope string) error {
				m, err := findMember(ctx, api, scope, args[1])
				if err != nil {
					return err
				}
				return printOne(a, memberView(), m)
			})
		},
	}
}

func (a *app) memberList() *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{
		Use: "list PLACE", Short: "List who has roles at a tenant, an organisation or a VPC", Args: exactly(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onScope(cmd, args[0], func(ctx context.Context, api *client, scope string) error {
				list, err := listOf(ctx, api, kind[*tenantv1.Member]{plural: "members"}, scope, flags)
				if err != nil {
					return err
				}
				return printList(a, memberView(), list)
			})
		},
	}
	flags.add(cmd, false)
	return cmd
}

func (a *app) memberUpdate() *cobra.Command {
	var roles []string
	cmd := &cobra.Command{
		Use: "update PLACE EMAIL", Short: "Replace a member's roles", Args: exactly(2), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			want, err := rolesOf(roles)
			if err != nil {
				return err
			}
			return a.onScope(cmd, args[0], func(ctx context.Context, api *client, scope string) error {
				m, err := findMember(ctx, api, scope, args[1])
				if err != nil {
					return err
				}
				m, err = api.members.UpdateMember(ctx, &tenantv1.UpdateMemberRequest{
					Member:     &tenantv1.Member{Name: m.GetName(), Etag: m.GetEtag(), Roles: want},
					UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"roles"}},
				})
				if err != nil {
					return fmt.Errorf("update %s of %s: %w", args[1], scope, err)
				}
				return printOrdered(a, memberView(), "update "+args[1]+" of "+scope, m)
			})
		},
	}
	cmd.Flags().StringSliceVar(&roles, "role", nil, "owner, admin, operator, viewer or billing; may be repeated; they replace the present ones")
	fixed(cmd, "role", roleNames...)
	return cmd
}

func (a *app) memberRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove PLACE EMAIL", Aliases: []string{"delete"}, Short: "Take all roles at a place from a person", Args: exactly(2), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onScope(cmd, args[0], func(ctx context.Context, api *client, scope string) error {
				m, err := findMember(ctx, api, scope, args[1])
				if err != nil {
					return err
				}
				if err := a.confirm(ctx, "Take all roles at "+scope+" from "+args[1]); err != nil {
					return err
				}
				if _, err := api.members.DeleteMember(ctx, &tenantv1.DeleteMemberRequest{Name: m.GetName(), Etag: m.GetEtag()}); err != nil {
					return fmt.Errorf("remove %s from %s: %w", args[1], scope, err)
				}
				if a.plan {
					return printOrdered(a, memberView(), "remove "+args[1]+" from "+scope, m)
				}
				a.note("%s has no roles at %s any more.", args[1], scope)
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	return cmd
}

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

func (a *app) memberCommand() *cobra.Command {
	return group("member", "People with roles in a tenant, an organisation or a VPC", []string{"members"},
		a.memberAdd(), a.memberGet(), a.memberList(), a.memberUpdate(), a.memberRemove())
}

func (a *app) memberAdd() *cobra.Command {
	var roles []string
	m := &tenantv1.Member{}
	cmd := a.scoped("add PLACE EMAIL", "Give a person roles", 2, func(ctx context.Context, api *client, scope string, args []string) error {
		var err error
		if m.Roles, err = rolesOf(roles); err != nil {
			return err
		}
		m.Email = args[1]
		made, err := api.members.CreateMember(ctx, &tenantv1.CreateMemberRequest{Parent: scope, Member: m})
		if err != nil {
			return fmt.Errorf("add %s to %s: %w", m.Email, scope, err)
		}
		if made.GetInitialPassword() != "" && a.output == "table" {
			a.note("%s has a new account. First password, shown this once: %s", made.GetEmail(), made.GetInitialPassword())
		}
		return printOrdered(a, memberView(), "add "+m.Email+" to "+scope, made)
	})
	cmd.Aliases = []string{"create", "invite"}
	cmd.Flags().StringSliceVar(&roles, "role", nil, "owner, admin, operator, viewer or billing; may be repeated")
	cmd.Flags().StringVar(&m.DisplayName, "display-name", "", "name for people, for a new account")
	fixed(cmd, "role", roleNames...)
	return cmd
}

// findMember returns a member by e-mail address or by the last part of its name.
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
		return nil, absentError{fmt.Errorf("%s has no roles at %s; `lowlayer member list %s` shows the members", who, scope, scope)}
	}
	return list.GetMembers()[0], nil
}

// absentError is a resource that a look-up did not find.
type absentError struct{ error }

func (a *app) memberGet() *cobra.Command {
	return a.scoped("get PLACE EMAIL", "Show a member", 2, func(ctx context.Context, api *client, scope string, args []string) error {
		m, err := findMember(ctx, api, scope, args[1])
		if err != nil {
			return err
		}
		return printOne(a, memberView(), m)
	})
}

func (a *app) memberList() *cobra.Command {
	var flags listFlags
	cmd := a.scoped("list PLACE", "List the members with roles at a tenant, an organisation or a VPC", 1, func(ctx context.Context, api *client, scope string, _ []string) error {
		list, err := listOf(ctx, api, kind[*tenantv1.Member]{plural: "members"}, scope, flags)
		if err != nil {
			return err
		}
		return printList(a, memberView(), list)
	})
	flags.add(cmd, false)
	return cmd
}

func (a *app) memberUpdate() *cobra.Command {
	var roles []string
	cmd := a.scoped("update PLACE EMAIL", "Replace a member's roles", 2, func(ctx context.Context, api *client, scope string, args []string) error {
		want, err := rolesOf(roles)
		if err != nil {
			return err
		}
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
	cmd.Flags().StringSliceVar(&roles, "role", nil, "owner, admin, operator, viewer or billing; may be repeated; they replace the present ones")
	fixed(cmd, "role", roleNames...)
	return cmd
}

func (a *app) memberRemove() *cobra.Command {
	cmd := a.scoped("remove PLACE EMAIL", "Remove all roles of a person at a place", 2, func(ctx context.Context, api *client, scope string, args []string) error {
		m, err := findMember(ctx, api, scope, args[1])
		if err != nil {
			return err
		}
		if err := a.confirm(ctx, "Remove all roles at "+scope+" from "+args[1]); err != nil {
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
	cmd.Aliases = []string{"delete"}
	cmd.Flags().BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	return cmd
}

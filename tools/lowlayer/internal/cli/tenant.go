package cli

import (
	"github.com/spf13/cobra"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

func (a *app) tenantKind() kind[*tenantv1.Tenant] {
	return kind[*tenantv1.Tenant]{
		view: view[*tenantv1.Tenant]{
			heads: []string{"TENANT", "DISPLAY NAME", "STATE", "NETWORK", "AGE"},
			row: func(t *tenantv1.Tenant) []string {
				return []string{lastPart(t.GetName()), t.GetDisplayName(), stateWord(t.GetState(), t.GetBlockage()), t.GetNetworkCidr(), age(t.GetCreateTime())}
			},
			name:  (*tenantv1.Tenant).GetName,
			plain: "tenants",
		},
		arg: "TENANT", full: tenantName, complete: a.completeTenants, plural: "tenants",
	}
}

func (a *app) tenantCommand() *cobra.Command {
	k := a.tenantKind()
	return group("tenant", "Clients of the platform, isolated from one another", []string{"tenants"},
		a.tenantCreate(), k.get(a, "Show a tenant"), k.list(a, "List the tenants"), a.tenantUpdate(),
		k.remove(a, "Delete a tenant; it can be undeleted for a while, unless --purge", "delete its organisations too"), a.tenantSuspend(),
		k.act(a, "undelete", "UndeleteTenant", "Bring a deleted tenant back", nil), k.act(a, "resume", "ResumeTenant", "End a suspension", nil))
}

func (a *app) tenantCreate() *cobra.Command {
	t := &tenantv1.Tenant{}
	cmd := a.tenantKind().create(a, "Create a tenant", "", t, func() error { return nil })
	cmd.Flags().StringVar(&t.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &t.DeletionProtection)
	cmd.Flags().StringVar(&t.NetworkCidr, "network-cidr", "", "address space of the tenant (default 10.64.0.0/12)")
	cmd.Flags().StringToStringVar(&t.Labels, "label", nil, "label, as key=value")
	return cmd
}

func (a *app) tenantUpdate() *cobra.Command {
	t := &tenantv1.Tenant{}
	cmd := a.tenantKind().update(a, "Change a tenant", t, map[string]string{
		"protect": "deletion_protection", "no-protect": "deletion_protection", "display-name": "display_name", "label": "labels",
	}, func([]string) error { return nil })
	cmd.Flags().StringVar(&t.DisplayName, "display-name", "", "name for people")
	protectFlags(cmd, &t.DeletionProtection)
	cmd.Flags().StringToStringVar(&t.Labels, "label", nil, "labels, as key=value; they replace the present ones")
	cmd.Flags().StringVar(&t.Etag, "etag", "", "change it only when this is its etag")
	keeps(cmd, map[string]string{"network-cidr": "the address space of a tenant cannot change; make another tenant with it"})
	return cmd
}

func (a *app) tenantSuspend() *cobra.Command {
	var reason string
	cmd := a.tenantKind().act(a, "suspend", "SuspendTenant", "Switch a tenant off; its resources stay", request{"reason": &reason})
	cmd.Flags().StringVar(&reason, "reason", "", "reason, shown in its conditions")
	return cmd
}

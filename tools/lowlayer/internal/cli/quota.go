package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
)

func quotaView() view[*quotav1.Quota] {
	return view[*quotav1.Quota]{
		heads: []string{"PLACE", "QUOTA", "IN USE", "RESERVED", "LIMIT", "DEFAULT"},
		row: func(q *quotav1.Quota) []string {
			place, id := split(q.GetName())
			return []string{
				shortName(place), quotaWord(id), strconv.Itoa(int(q.GetInUse())), strconv.Itoa(int(q.GetReserved())), limitWord(q.GetLimit()), limitWord(q.GetDefaultLimit()),
			}
		},
		name:  (*quotav1.Quota).GetName,
		plain: "quotas",
	}
}

// limitWord is a limit for people; an unknown limit limits nothing.
func limitWord(limit int32) string {
	if limit < 0 {
		return "unknown"
	}
	return strconv.Itoa(int(limit))
}

func (a *app) quotaCommand() *cobra.Command {
	return group("quota", "Quotas of a tenant and their use", []string{"quotas"}, a.quotaList(), a.quotaSet())
}

func (a *app) quotaList() *cobra.Command {
	cmd := a.scoped("list PLACE", "List the quotas of a tenant with those of its organisations, or of one organisation", 1, func(ctx context.Context, api *client, scope string, _ []string) error {
		list, err := api.quotas.ListQuotas(ctx, &quotav1.ListQuotasRequest{Parent: scope})
		if err != nil {
			return fmt.Errorf("list quotas of %s: %w", scope, err)
		}
		return printList(a, quotaView(), list.GetQuotas())
	})
	cmd.Example = "  lowlayer quota list acme\n  lowlayer quota list acme/core"
	return cmd
}

const platformDefault = "default"

// quotaSetting reads `vpcs=80` or `vpcs=default`; the limit is nil for the default.
func quotaSetting(s string) (quota string, limit *int32, err error) {
	quota, value, ok := strings.Cut(s, "=")
	if ok && quota != "" && value == platformDefault {
		return quota, nil, nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if !ok || quota == "" || err != nil || n < 0 {
		return "", nil, usageError{fmt.Errorf("%q sets no quota: write it like vpcs=80, or vpcs=%s for the platform's own limit", s, platformDefault)}
	}
	set := int32(n)
	return quota, &set, nil
}

// findQuota returns the name of a tenant's quota by its resource, `vpcs`, or by its id, `network.vpcs`.
func findQuota(ctx context.Context, api *client, parent, quota string) (string, error) {
	list, err := api.quotas.ListQuotas(ctx, &quotav1.ListQuotasRequest{Parent: parent})
	if err != nil {
		return "", fmt.Errorf("list quotas of %s: %w", parent, err)
	}
	var known []string
	for _, q := range list.GetQuotas() {
		place, id := split(q.GetName())
		if place != parent {
			if quotaWord(id) == quota {
				return "", ofOrganisation("ORGANISATION")
			}
			continue
		}
		if id == quota || quotaWord(id) == quota {
			return q.GetName(), nil
		}
		known = append(known, quotaWord(id))
	}
	return "", usageError{fmt.Errorf("%s has no quota %q; it has %s", parent, quota, strings.Join(known, ", "))}
}

// ofOrganisation is the error for a quota that the cloud keeps.
func ofOrganisation(place string) error {
	return usageError{fmt.Errorf("quotas of an organisation are those of its OpenStack project: set them with `lowlayer organisation update %s`, as with --quota-networks 50", place)}
}

// quotaWord is the resource that a quota limits.
func quotaWord(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

func (a *app) quotaSet() *cobra.Command {
	return &cobra.Command{
		Use: "set TENANT QUOTA=LIMIT", Short: "Set a limit of a tenant, or restore the platform's; for operators of the platform", Args: exactly(2),
		Example: "  lowlayer quota set acme vpcs=80\n  lowlayer quota set acme organisations=default", ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := organisationName(args[0]); err == nil {
				return ofOrganisation(args[0])
			}
			parent, err := tenantName(args[0])
			if err != nil {
				return err
			}
			quota, limit, err := quotaSetting(args[1])
			if err != nil {
				return err
			}
			api, err := a.dial()
			if err != nil {
				return err
			}
			name, err := findQuota(cmd.Context(), api, parent, quota)
			if err != nil {
				return err
			}
			set, err := api.quotas.UpdateQuota(cmd.Context(), &quotav1.UpdateQuotaRequest{
				Quota: &quotav1.Quota{Name: name, Override: limit}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"override"}},
			})
			if err != nil {
				return fmt.Errorf("set %s of %s: %w", quota, parent, err)
			}
			if limit := set.GetLimit(); limit >= 0 && set.GetInUse()+set.GetReserved() > limit {
				a.note("%s has more than that already: resources stay, and new ones are refused.", parent)
			}
			return printOrdered(a, quotaView(), "set "+args[1]+" of "+parent, set)
		},
	}
}

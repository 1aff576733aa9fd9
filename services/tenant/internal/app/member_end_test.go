package app_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/services/tenant/internal/app"
)

// The event of a VPC's deletion ends the roles there, without a pass.
func TestDeletedVpc_endsItsRolesAtOnce(t *testing.T) {
	t.Parallel()
	s := hire(t)
	ctx := t.Context()
	s.tenant("acme")
	s.organisation("acme", "core", "dev", "prod")
	core := "tenants/acme/organisations/core"
	s.member(core+"/vpcs/dev", "bob@acme.test", tenantv1.Role_OPERATOR)
	s.member(core+"/vpcs/prod", "eve@acme.test", tenantv1.Role_OPERATOR)
	if _, err := s.network.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: core + "/vpcs/dev"}); err != nil {
		t.Fatal(err)
	}
	s.eventually("the VPC is gone", func() bool {
		_, err := s.network.GetVpc(ctx, &networkv1.GetVpcRequest{Name: core + "/vpcs/dev"})
		return status.Code(err) == codes.NotFound
	})
	// prod still exists, so its event is wrong and ends nothing.
	for _, vpc := range []string{core + "/vpcs/prod", "tenants/acme", core + "/vpcs/dev"} {
		if err := pg.InTx(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
			return event.Publish(ctx, tx, "network", "acme", "vpc.deleted", vpc, nil)
		}); err != nil {
			t.Fatal(err)
		}
	}
	s.eventually("the roles at the deleted VPC end", func() bool { return s.groups(core+"/vpcs/dev") == "" })
	if got := s.groups(core + "/vpcs/prod"); got != "operator=eve" {
		t.Errorf("groups of the other VPC: %s", got)
	}
}

// A tenant's members and service accounts are bounded; one that exists, and a repeated call, need no room.
func TestCreate_beyondTheQuota_isRefused(t *testing.T) {
	t.Parallel()
	s := hireWith(t, func(c *app.Config) { c.QuotaMembers, c.QuotaServiceAccounts = 2, 1 })
	ctx := t.Context()
	s.tenant("acme")
	add := func(email, id string) error {
		_, err := s.CreateMember(ctx, &tenantv1.CreateMemberRequest{
			Parent: "tenants/acme", Member: &tenantv1.Member{Email: email, Roles: []tenantv1.Role{tenantv1.Role_VIEWER}}, RequestId: id,
		})
		return err
	}
	for _, email := range []string{"ada@acme.test", "bob@acme.test"} {
		if err := add(email, email); err != nil {
			t.Fatal(err)
		}
	}
	if e := refusal(t, add("eve@acme.test", ""), "QUOTA_EXCEEDED"); e.Code != errs.ResourceExhausted || !strings.Contains(e.Message, "LOWLAYER_TENANT_QUOTA_MEMBERS") {
		t.Errorf("got %v", e)
	}
	if err := add("bob@acme.test", "bob@acme.test"); err != nil {
		t.Errorf("a repeated call: %v", err)
	}
	account := func(id string, plan bool) error {
		_, err := s.CreateServiceAccount(ctx, &tenantv1.CreateServiceAccountRequest{
			Parent: "tenants/acme", ServiceAccountId: id, ValidateOnly: plan,
			ServiceAccount: &tenantv1.ServiceAccount{Roles: []tenantv1.Role{tenantv1.Role_VIEWER}},
		})
		return err
	}
	if err := account("ci", false); err != nil {
		t.Fatal(err)
	}
	for _, plan := range []bool{true, false} {
		refused(t, account("cd", plan), "QUOTA_EXCEEDED")
		refused(t, account("ci", plan), "SERVICE_ACCOUNT_EXISTS")
	}
	if _, err := s.DeleteServiceAccount(ctx, &tenantv1.DeleteServiceAccountRequest{Name: "tenants/acme/serviceAccounts/ci"}); err != nil {
		t.Fatal(err)
	}
	if err := account("cd", false); err != nil {
		t.Errorf("after a deletion: %v", err)
	}
}

// A person whose name looks like that of a program is a member like others, and an owner who counts.
func TestMember_namedLikeAProgram_isListed(t *testing.T) {
	t.Parallel()
	s := hire(t)
	s.tenant("acme")
	m := s.member("tenants/acme", "service-account-x@acme.test", tenantv1.Role_OWNER)
	if _, err := s.app.Members.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := s.ListMembers(t.Context(), &tenantv1.ListMembersRequest{Parent: "tenants/acme"})
	if err != nil || len(page.GetMembers()) != 1 || page.GetMembers()[0].GetName() != m.GetName() {
		t.Errorf("got %v, %v", page.GetMembers(), err)
	}
	_, err = s.DeleteMember(t.Context(), &tenantv1.DeleteMemberRequest{Name: m.GetName()})
	refused(t, err, "LAST_OWNER")
}

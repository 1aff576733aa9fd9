package app_test

import (
	"slices"
	"testing"
	"time"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/openstack"
	openstackclient "github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/services/tenant/internal/app"
	"github.com/low-layer/platform/services/tenant/internal/cloud/cloudtest"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// TestRotation replaces a credential: the new one works, the old one is refused, and the project is what it was.
func TestRotation(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	o := r.organisation("acme", "core")
	old, oldSecret := o.GetCredential().GetId(), r.secret(o)
	client := cloudtest.Client(t, r.clouds, "sim")
	cloud := openstackclient.NewKeystone(client)
	if err := cloud.TryCredential(ctx, old, oldSecret); err != nil {
		t.Fatalf("use the first credential: %v", err)
	}
	op := r.done(r.RotateOrganisationCredential(ctx, &tenantv1.RotateOrganisationCredentialRequest{Name: o.GetName(), RequestId: "r"}))
	again, err := r.RotateOrganisationCredential(ctx, &tenantv1.RotateOrganisationCredentialRequest{Name: o.GetName(), RequestId: "r"})
	if err != nil || again.GetName() != op.GetName() {
		t.Errorf("the repeated call answers %s, %v; want %s", again.GetName(), err, op.GetName())
	}
	o = r.getOrganisation(o.GetName())
	if o.GetCredential().GetId() == old {
		t.Fatal("the credential is still the old one")
	}
	secret := r.secret(o)
	if err := cloud.TryCredential(ctx, o.GetCredential().GetId(), secret); err != nil {
		t.Errorf("use the new credential: %v", err)
	}
	if err := cloud.TryCredential(ctx, old, oldSecret); err == nil {
		t.Error("the old credential still works")
	}
	if n := r.named("application_credential"); n != 1 {
		t.Errorf("the cloud holds %d credentials", n)
	}
	as := client.With(openstack.Credentials{
		ApplicationCredentialID: o.GetCredential().GetId(), ApplicationCredentialSecret: secret,
	})
	who, err := as.Whoami(ctx)
	if err != nil || who.ProjectID != o.GetOpenstackProjectId() || !slices.Contains(who.Roles, "member") {
		t.Errorf("the credential acts as %+v, %v", who, err)
	}
	if slices.Contains(who.Roles, "admin") {
		t.Error("the credential is an administrator's")
	}
}

// TestCredential_nearItsEnd_isRotated shows that a credential is replaced by itself before it expires.
func TestCredential_nearItsEnd_isRotated(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *app.Config) {
		// A third of the lifetime is left to replace it: so it is due about two seconds after it was made.
		c.CredentialLifetime, c.PeriodicInterval = 3*time.Second, 50*time.Millisecond
	})
	r.tenant("acme")
	first := r.organisation("acme", "core").GetCredential()
	r.eventually("the credential is replaced", func() bool {
		now := r.getOrganisation("tenants/acme/organisations/core").GetCredential()
		return now.GetId() != first.GetId() && now.GetExpireTime().AsTime().After(first.GetExpireTime().AsTime())
	})
}

// TestRolesChangedLater shows that other roles in the settings come to the credentials there are: the first pass after the
// restart replaces them without anybody asking, and the pass after finds nothing to do.
func TestRolesChangedLater(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx := t.Context()
	r.tenant("acme")
	name := r.organisation("acme", "core").GetName()
	roles := func(o *tenantv1.Organisation) []string {
		t.Helper()
		as := cloudtest.Client(t, r.clouds, "sim").With(openstack.Credentials{
			ApplicationCredentialID: o.GetCredential().GetId(), ApplicationCredentialSecret: r.secret(o),
		})
		who, err := as.Whoami(ctx)
		if err != nil {
			t.Fatalf("use the credential: %v", err)
		}
		return tenancy.Roles(who.Roles)
	}
	pass := func() int {
		t.Helper()
		n, err := r.app.Periodic.Pass(ctx)
		if err != nil {
			t.Fatalf("periodic pass: %v", err)
		}
		return n
	}
	if n := pass(); n != 0 {
		t.Errorf("%d things were due although nothing had changed", n)
	}
	first := r.getOrganisation(name)
	r.restart(func(c *app.Config) { c.CredentialRoles = []string{"service", "reader"} })
	r.eventually("the credential gives the new roles", func() bool {
		now := r.getOrganisation(name)
		return !now.GetReconciling() && now.GetCredential().GetId() != first.GetCredential().GetId()
	})
	if got := roles(r.getOrganisation(name)); !slices.Equal(got, []string{"reader", "service"}) {
		t.Errorf("the credential gives %v", got)
	}
	if n := pass(); n != 0 {
		t.Errorf("%d credentials were replaced once more", n)
	}
	if n := r.named("application_credential"); n != 1 {
		t.Errorf("the cloud holds %d credentials", n)
	}
}

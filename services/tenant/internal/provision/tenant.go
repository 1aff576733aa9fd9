package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/peer"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// pollOrganisations is how often a tenant looks whether its organisations have followed it.
const pollOrganisations = 500 * time.Millisecond

// tenantSpec is what is wanted of a tenant.
type tenantSpec struct {
	tenancy.Tenant
	made map[string]string
}

type tenants struct{ Deps }

func tenantKind(d Deps) provision.Kind[tenantSpec] {
	k := &tenants{d}
	return provision.Kind[tenantSpec]{
		Name: string(tenancy.KindTenant),
		Objects: []provision.Object{
			{Type: typeDomain, Delete: k.afterOrganisations(k.withoutMembers(k.deleteDomain)), Gone: k.domainsLeft},
			{Type: typeBoundary, Delete: k.afterOrganisations(k.deleteBoundary), Gone: k.boundaryLeft},
		},
		Plan:      k.plan,
		Past:      k.past,
		Load:      k.load,
		Settled:   k.settled,
		Response:  k.response,
		Inventory: k.inventory,
	}
}

func (k *tenants) load(ctx context.Context, q provision.Querier, uid string) (tenantSpec, error) {
	t, err := k.Rows.Tenant(ctx, q, uid)
	if err != nil {
		return tenantSpec{}, err
	}
	made, err := k.Rows.Made(ctx, q, uid)
	if err != nil {
		return tenantSpec{}, err
	}
	return tenantSpec{Tenant: t, made: made}, nil
}

func tenantOf(r provision.Resource) (tenantSpec, error) { return provision.SpecOf[tenantSpec](r) }

func (k *tenants) past(_ provision.Resource, spec tenantSpec, step string) (provision.Step, bool) {
	return provision.Among(k.steps(spec), step)
}

func (k *tenants) plan(_ provision.Resource, spec tenantSpec) ([]provision.Step, error) {
	steps := k.steps(spec)
	if spec.Deleted() {
		steps = frozen(steps, spec.made, stepDomain)
	}
	for _, c := range spec.Cascade {
		steps = append(steps, k.follow(c))
	}
	return steps, nil
}

// steps make what a tenant stands on.
func (k *tenants) steps(spec tenantSpec) []provision.Step {
	return []provision.Step{
		{
			Name: stepDomain, Title: "create the Keystone domain", UpdateTitle: domainTitle(spec.Tenant), Object: typeDomain,
			Digest: etag.Of(tenancy.CloudName(spec.ID, spec.UID), spec.Enabled()),
			Do:     k.makeDomain, Find: k.observeDomain,
		},
		{
			Name: stepBoundary, Title: "create the network boundary: address scope and subnet pool", Object: typeBoundary,
			Needs: []string{stepDomain}, Digest: etag.Of(spec.NetworkCIDR), Deadline: peer.Deadline,
			Do: k.makeBoundary, Find: k.observeBoundary, Verify: k.boundaryReady,
		},
	}
}

func domainTitle(t tenancy.Tenant) string {
	if t.Enabled() {
		return "enable the Keystone domain"
	}
	return "disable the Keystone domain"
}

// follow waits for an organisation that changes with the tenant. The work is the organisation's own operation.
func (k *tenants) follow(c tenancy.Cascade) provision.Step {
	name, err := resourcename.ParseOrganisation(c.Name)
	title := "wait for " + c.Name
	if err == nil {
		title = "wait for organisation " + name.Organisation
	}
	return provision.Step{
		Name: prefixCascade + c.UID, Title: title, Digest: etag.Of(c.Operation), Deadline: peer.Deadline,
		Do: func(_ context.Context, run *provision.Run) (provision.External, error) {
			run.FollowOperation(c.Operation)
			return provision.External{}, nil
		},
		Verify: func(ctx context.Context, run *provision.Run, _ provision.External) error {
			run.FollowOperation(c.Operation)
			o, err := k.Rows.Organisation(ctx, k.Pool, c.UID)
			switch {
			case errs.CodeOf(err) == errs.CodeNotFound:
				return nil
			case err != nil:
				return err
			case o.Status.Reconciling:
				return provision.NotYet(pollOrganisations, "%s", organisationProgress(o))
			}
			return nil
		},
	}
}

func organisationProgress(o tenancy.Organisation) string {
	if b := o.Status.Blockage; b != nil {
		return fmt.Sprintf("%s is blocked: %s; %s", o.Name(), b.Message, b.Remedy)
	}
	return fmt.Sprintf("%s is %s", o.Name(), o.Status.State)
}

// afterOrganisations keeps what organisations stand on until the last of them is gone, whatever the ledger holds.
func (k *tenants) afterOrganisations(
	remove func(context.Context, *provision.Run, provision.External) error,
) func(context.Context, *provision.Run, provision.External) error {
	return func(ctx context.Context, run *provision.Run, e provision.External) error {
		left, err := k.Rows.Organisations(ctx, k.Pool, run.UID)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return provision.NotYet(pollOrganisations, "%d organisations are still there: %s", len(left), organisationProgress(left[0]))
		}
		return remove(ctx, run, e)
	}
}

func (k *tenants) settled(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
	t, err := k.Rows.Tenant(ctx, tx, s.UID)
	if err != nil {
		return err
	}
	if s.Removed {
		if err := k.Rows.RemoveTenant(ctx, tx, s.UID); err != nil {
			return err
		}
		return k.Rows.AnnounceTenant(ctx, tx, tenancy.TenantPurged, t)
	}
	t.DomainID = s.Objects[stepDomain].ID
	var events []string
	switch s.Outcome {
	case provision.Done:
		if _, whole := s.Objects[stepBoundary]; whole && t.ReadyTime.IsZero() {
			t.ReadyTime = k.Clock.Now()
		}
		events, t.Announced = t.SettledEvents()
	case provision.Blocked, provision.Unblocked:
		events = []string{"tenant." + s.Outcome.String()}
	}
	if err := k.Rows.SettleTenant(ctx, tx, t); err != nil {
		return err
	}
	for _, e := range events {
		if err := k.Rows.AnnounceTenant(ctx, tx, e, t); err != nil {
			return err
		}
	}
	return nil
}

func (k *tenants) response(spec tenantSpec) proto.Message { return k.Render.Tenant(spec.Tenant) }

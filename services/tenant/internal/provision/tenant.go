package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/peer"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// pollOrganisations is how often a tenant looks whether its organisations have followed it.
const pollOrganisations = 500 * time.Millisecond

// tenantSpec is what is wanted of a tenant.
type tenantSpec struct {
	tenancy.Tenant
	made map[string]string
}

type tenants struct {
	Deps
	domains kit.Domains
}

// tenantKind is the life of a tenant: a Keystone domain, and the network service's boundary.
func tenantKind(d Deps) provision.Kind[tenantSpec] {
	k := &tenants{Deps: d, domains: kit.NewDomains(d.Cloud)}
	boundary := provision.Object{Type: typeBoundary, Delete: k.deleteBoundary, Gone: k.boundaryLeft}
	return provision.Kind[tenantSpec]{
		Name: string(tenancy.KindTenant),
		Objects: []provision.Object{
			provision.Before(provision.Before(k.domains.Object(), k.membersGone), k.organisationsGone),
			provision.Before(boundary, k.organisationsGone),
		},
		Plan:      k.plan,
		Past:      k.past,
		Load:      k.load,
		Settled:   k.settled,
		Response:  func(spec tenantSpec) proto.Message { return k.Render.Tenant(spec.Tenant) },
		Inventory: k.inventory,
	}
}

func (k *tenants) load(ctx context.Context, q provision.Querier, uid string) (tenantSpec, error) {
	t, err := k.Records.LoadTenant(ctx, q, uid)
	if err != nil {
		return tenantSpec{}, err
	}
	made, err := k.Records.Made(ctx, q, uid)
	if err != nil {
		return tenantSpec{}, err
	}
	return tenantSpec{Tenant: t, made: made}, nil
}

func tenantOf(r provision.Resource) (tenantSpec, error) { return provision.SpecOf[tenantSpec](r) }

func (s tenantSpec) domain() keystone.Domain {
	return keystone.Domain{Name: tenancy.CloudName(s.ID, s.UID), Description: tenancy.CloudDescription(s.Name()), Enabled: s.Enabled()}
}

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
		k.domains.Make(provision.Step{Name: stepDomain, Title: "create the Keystone domain", UpdateTitle: domainTitle(spec.Tenant)}, spec.domain()),
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
			o, err := k.Records.LoadOrganisation(ctx, k.Pool, c.UID)
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

// organisationsGone keeps what organisations stand on until the last of them is gone, whatever the ledger holds.
func (k *tenants) organisationsGone(ctx context.Context, run *provision.Run) error {
	left, err := k.Records.LoadOrganisations(ctx, k.Pool, run.UID)
	if err == nil && len(left) > 0 {
		err = provision.NotYet(pollOrganisations, "%d organisations are still there: %s", len(left), organisationProgress(left[0]))
	}
	return err
}

// membersGone removes everybody's roles in a tenant before its domain. The tenant's id is free afterwards, and a later
// tenant of that id must let none of them in.
func (k *tenants) membersGone(ctx context.Context, run *provision.Run) error {
	spec, err := tenantOf(run.Resource)
	if err != nil || k.Members == nil {
		return err
	}
	return k.Members.Remove(ctx, spec.UID, member.Scope{Tenant: spec.ID})
}

// inventory is the last look of a deletion at Keystone. The network service has receipts of its own.
func (k *tenants) inventory(ctx context.Context, run *provision.Run) ([]provision.External, error) {
	spec, err := tenantOf(run.Resource)
	if err != nil {
		return nil, err
	}
	return k.domains.Look(ctx, spec.domain())
}

func (k *tenants) settled(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
	_, ready := s.Objects[stepBoundary]
	return k.Records.SettleTenant(ctx, tx, s, s.Objects[stepDomain].ID, ready)
}

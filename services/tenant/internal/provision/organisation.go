package provision

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/peer"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/member"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// organisationSpec is what is wanted of an organisation.
type organisationSpec struct {
	tenancy.Organisation
	tenant tenancy.Tenant
	quota  tenancy.Quota
	made   map[string]string
}

func (s organisationSpec) cloudName() string { return tenancy.CloudName(s.ID, s.UID) }

type organisations struct {
	Deps
	projects    kit.Projects
	users       kit.Users
	credentials kit.Credentials
}

// organisationKind is the life of an organisation: a Keystone project with quotas, a service user with an application
// credential, and the network service's hub and the VPCs of the order.
func organisationKind(d Deps) provision.Kind[organisationSpec] {
	k := &organisations{
		Deps: d, projects: kit.NewProjects(d.Cloud), users: kit.NewUsers(d.Cloud), credentials: kit.NewCredentials(d.Cloud, stepUser),
	}
	return provision.Kind[organisationSpec]{
		Name: string(tenancy.KindOrganisation),
		Objects: []provision.Object{
			provision.Before(k.projects.Object(), k.membersGone), k.users.Object(), k.credentials.Object(),
			{Type: typeHub, Delete: k.deleteHub, Gone: k.hubLeft},
			{Type: typeVPC, Delete: k.deleteVPC, Gone: k.vpcsLeft},
		},
		Plan:      k.plan,
		Past:      k.past,
		Load:      k.load,
		Settled:   k.settled,
		Response:  func(spec organisationSpec) proto.Message { return k.Render.Organisation(spec.Organisation) },
		Inventory: k.inventory,
		Quota:     k.quotaEffect,
		Usage:     organisationUsage,
		Brings:    organisationBrings,
	}
}

func (k *organisations) load(ctx context.Context, q provision.Querier, uid string) (spec organisationSpec, err error) {
	o, err := k.Records.LoadOrganisation(ctx, q, uid)
	if err != nil {
		return spec, err
	}
	t, err := k.Records.LoadTenant(ctx, q, o.TenantUID)
	if err != nil {
		return spec, err
	}
	made, err := k.Records.Made(ctx, q, uid)
	if err != nil {
		return spec, err
	}
	return organisationSpec{Organisation: o, tenant: t, quota: o.Quota.Or(k.Quota), made: made}, nil
}

func organisationOf(r provision.Resource) (organisationSpec, error) {
	return provision.SpecOf[organisationSpec](r)
}

func (k *organisations) plan(_ provision.Resource, spec organisationSpec) ([]provision.Step, error) {
	steps, err := k.steps(spec)
	if err == nil && spec.Deleted() {
		steps = frozen(steps, spec.made, stepProject)
	}
	return steps, err
}

// past knows a VPC that is in no order any more by the name of its step.
func (k *organisations) past(_ provision.Resource, spec organisationSpec, step string) (provision.Step, bool) {
	if id, ok := strings.CutPrefix(step, prefixVPC); ok {
		s, err := k.vpcStep(tenancy.VPCOrder{ID: id})
		return s, err == nil
	}
	steps, err := k.steps(spec)
	if err != nil {
		return provision.Step{}, false
	}
	return provision.Among(steps, step)
}

func (k *organisations) steps(spec organisationSpec) ([]provision.Step, error) {
	steps := append(k.accountSteps(spec), provision.Step{
		Name: stepHub, Title: "create the bastion's hub network", Object: typeHub,
		Needs: []string{stepProject, stepNetworkQuota}, Digest: etag.Of(spec.Mode, spec.HubCIDR), Deadline: peer.Deadline,
		Do: k.makeHub, Find: k.observeHub, Verify: k.hubReady,
	})
	var before []string
	for _, v := range inTurn(spec.VPCs) {
		step, err := k.vpcStep(v)
		if err != nil {
			return nil, err
		}
		step.After = before
		before = []string{step.Name}
		steps = append(steps, step)
	}
	return steps, nil
}

func (s organisationSpec) project() keystone.Project {
	return keystone.Project{
		Name: s.cloudName(), Description: tenancy.CloudDescription(s.Name()), DomainID: s.tenant.DomainID,
		Enabled: !s.Deleted(), Tags: []string{tenancy.Marker},
	}
}

func (s organisationSpec) user() keystone.User {
	return keystone.User{Name: s.cloudName(), Description: tenancy.CloudDescription(s.Name()), DomainID: s.tenant.DomainID}
}

// accountSteps make the project and what may act in it.
func (k *organisations) accountSteps(spec organisationSpec) []provision.Step {
	update := ""
	if spec.Deleted() {
		update = "disable the Keystone project"
	}
	q, generation := spec.quota, spec.CredentialGeneration
	return []provision.Step{
		k.projects.Make(provision.Step{Name: stepProject, Title: "create the Keystone project", UpdateTitle: update}, spec.project()),
		k.projects.ComputeQuota(provision.Step{Name: stepComputeQuota, Title: "set the quota of virtual machines"}, stepProject,
			keystone.ComputeQuota{Cores: int(q.Cores), RAMMiB: int(q.RAMMiB), Instances: int(q.Instances)}),
		provision.Set(provision.Step{
			Name: stepNetworkQuota, Title: "set the quota of networks", Needs: []string{stepProject},
			Digest: etag.Of(q.Networks, q.Routers, q.Ports, q.SecurityGroups, "told"),
		}, k.setNetworkQuota(q)),
		k.users.Make(provision.Step{Name: stepUser, Title: "create the service user", Needs: []string{stepProject}}, spec.user(),
			func(ctx context.Context) (string, error) { return k.Vault.Password(ctx, spec.UID) }),
		k.users.Grant(provision.Step{Name: stepRole, Title: "give the service user its role"}, stepProject, stepUser, k.Roles),
		k.credentials.Make(provision.Step{
			Name: stepCredential, Title: "create the application credential", Needs: []string{stepProject, stepUser, stepRole},
			Digest: etag.Of(generation, strings.Join(k.Roles, ",")), Replaces: true, Verify: k.useCredential(spec),
		}, stepProject, tenancy.CredentialName(spec.UID, generation), k.prepareCredential(spec)),
		k.credentials.Revoke(provision.Step{
			Name: stepRevoke, Title: "revoke credentials that were replaced", Digest: etag.Of(generation),
		}, stepCredential, tenancy.NamePrefix),
	}
}

const (
	rulesPerGroup = 32
	// pollResume is the time between two looks at a suspended tenant by its organisations' credentials.
	pollResume = 2 * time.Second
)

// setNetworkQuota sets the quota of the project, and then that of the network service, which checks orders against it: no
// order may rest on a quota that Neutron does not have yet.
func (k *organisations) setNetworkQuota(q tenancy.Quota) func(context.Context, *provision.Run) error {
	return func(ctx context.Context, run *provision.Run) error {
		project, err := run.Made(stepProject)
		if err != nil {
			return err
		}
		err = k.Cloud.SetNetworkQuota(ctx, project, keystone.NetworkQuota{
			Networks: int(q.Networks), Subnets: int(q.Networks), Routers: int(q.Routers), Ports: int(q.Ports),
			SecurityGroups: int(q.SecurityGroups), SecurityGroupRules: int(q.SecurityGroups) * rulesPerGroup,
		})
		if err != nil {
			return err
		}
		return k.Network.SetQuota(ctx, run.Name, q)
	}
}

func (k *organisations) prepareCredential(spec organisationSpec) kit.Prepare {
	return func(ctx context.Context) (string, keystone.Credential, error) {
		if !spec.tenant.Enabled() {
			return "", keystone.Credential{}, provision.NotYet(pollResume, "%s is switched off: it takes no new credential", spec.tenant.Name())
		}
		secret, err := k.Vault.Credential(ctx, spec.UID, spec.CredentialGeneration)
		if err != nil {
			return "", keystone.Credential{}, err
		}
		password, err := k.Vault.Password(ctx, spec.UID)
		return password, keystone.Credential{
			Description: tenancy.CloudDescription(spec.Name()), Secret: secret.Value, Roles: k.Roles, ExpireTime: secret.Expires,
		}, err
	}
}

// useCredential logs in with the new credential before anything relies on it.
func (k *organisations) useCredential(spec organisationSpec) func(context.Context, *provision.Run, provision.External) error {
	return func(ctx context.Context, _ *provision.Run, e provision.External) error {
		if !spec.tenant.Enabled() {
			return provision.NotYet(pollResume, "%s is switched off: it takes no login", spec.tenant.Name())
		}
		secret, err := k.Vault.Credential(ctx, spec.UID, spec.CredentialGeneration)
		if err != nil {
			return err
		}
		if err := k.Cloud.TryCredential(ctx, e.ID, secret.Value); err != nil {
			return err
		}
		return k.Vault.Use(ctx, spec.UID, spec.CredentialGeneration, e.ID, kit.RolesOf(e))
	}
}

// membersGone removes everybody's roles in an organisation before its project.
func (k *organisations) membersGone(ctx context.Context, run *provision.Run) error {
	spec, err := organisationOf(run.Resource)
	if err != nil || k.Members == nil {
		return err
	}
	return k.Members.Remove(ctx, spec.TenantUID, member.Scope{Tenant: spec.TenantID, Organisation: spec.ID})
}

// inventory is the last look of a deletion at Keystone. The network service has receipts of its own.
func (k *organisations) inventory(ctx context.Context, run *provision.Run) ([]provision.External, error) {
	spec, err := organisationOf(run.Resource)
	if err != nil {
		return nil, err
	}
	projects, err := k.projects.Look(ctx, spec.project())
	if err != nil {
		return nil, err
	}
	users, err := k.users.Look(ctx, spec.user())
	return append(projects, users...), err
}

// inTurn is the order in which VPCs are asked for, so that the same order gets the same addresses every time: those that
// name their CIDR, as the network service checked the order, then those that take the next free one; each as it was given.
func inTurn(order []tenancy.VPCOrder) []tenancy.VPCOrder {
	out := slices.Clone(order)
	slices.SortStableFunc(out, func(a, b tenancy.VPCOrder) int {
		named := func(v tenancy.VPCOrder) int {
			if v.CIDR != "" {
				return 0
			}
			return 1
		}
		return cmp.Compare(named(a), named(b))
	})
	return out
}

func (k *organisations) vpcStep(v tenancy.VPCOrder) (provision.Step, error) {
	order, err := json.Marshal(v)
	if err != nil {
		return provision.Step{}, fmt.Errorf("digest order of vpc %s: %w", v.ID, err)
	}
	name := vpcNamer(v)
	return provision.Step{
		Name: prefixVPC + v.ID, Title: "create VPC " + v.ID, Object: typeVPC, Needs: []string{stepHub},
		Digest: etag.Of(string(order)), Deadline: peer.Deadline,
		Do: k.makeVPC(v),
		Find: func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
			return k.lookVPC(ctx, name(run))
		},
		Verify: k.vpcReady,
	}, nil
}

func (k *organisations) settled(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
	_, ready := s.Objects[stepHub]
	return k.Records.SettleOrganisation(ctx, tx, s, s.Objects[stepProject].ID, ready)
}

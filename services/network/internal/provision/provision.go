// Package provision is the life of the network service's resources in the cloud, one file for each: which steps make a
// boundary, a hub, a VPC and a peering. The objects come from libs/openstack/kit.
//
// A resource stands on others of the service: a step that waits for them comes first, and their objects' ids are read when
// a step runs.
package provision

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/topology"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Records is the service's own rows.
type Records interface {
	LoadBoundary(ctx context.Context, q engine.Querier, uid string) (boundary.Boundary, error)
	LoadHub(ctx context.Context, q engine.Querier, uid string) (hub.Hub, error)
	LoadVpc(ctx context.Context, q engine.Querier, uid string) (vpc.Vpc, error)
	LoadPeering(ctx context.Context, q engine.Querier, uid string) (peering.Peering, error)
	// Boundary and HubOf return what a resource stands on, as it is now.
	Boundary(ctx context.Context, tenant string) (boundary.Boundary, error)
	HubOf(ctx context.Context, tenant, organisation string) (hub.Hub, error)
	Vpc(ctx context.Context, uid string) (vpc.Vpc, error)
	// VpcsOf are those linked to a hub, PeeringsOf those that hold a VPC.
	VpcsOf(ctx context.Context, tenant, organisation string) ([]vpc.Vpc, error)
	PeeringsOf(ctx context.Context, vpcUID string) ([]peering.Peering, error)
	Settlements
}

// Settlements records the transitions of a resource, in the engine's transaction, together with their events.
type Settlements interface {
	SettleBoundary(ctx context.Context, tx pgx.Tx, s engine.Settlement, cloud boundary.Cloud) error
	SettleHub(ctx context.Context, tx pgx.Tx, s engine.Settlement, cloud hub.Cloud) error
	SettleVpc(ctx context.Context, tx pgx.Tx, s engine.Settlement, cloud vpc.Cloud) error
	SettlePeering(ctx context.Context, tx pgx.Tx, s engine.Settlement) error
}

// Messages are resources as the API shows them.
type Messages struct {
	Hub     func(hub.Hub) proto.Message
	Vpc     func(vpc.Vpc) proto.Message
	Peering func(peering.Peering) proto.Message
}

// Kit is the objects and the records that the kinds are made with.
type Kit struct {
	records    Records
	messages   Messages
	cloud      neutron.Cloud
	scopes     kit.Scopes
	pools      kit.Pools
	networks   kit.Networks
	subnets    kit.Subnets
	routers    kit.Routers
	ports      kit.Ports
	interfaces kit.Interfaces
	routes     kit.Routes
	groups     kit.Groups
	rules      kit.Rules
}

// New makes a Kit.
func New(cloud neutron.Cloud, records Records, messages Messages) *Kit {
	k := &Kit{
		cloud: cloud, records: records, messages: messages, scopes: kit.NewScopes(cloud), pools: kit.NewPools(cloud),
		networks: kit.NewNetworks(cloud), subnets: kit.NewSubnets(cloud), routers: kit.NewRouters(cloud), ports: kit.NewPorts(cloud),
		interfaces: kit.NewInterfaces(cloud), routes: kit.NewRoutes(cloud), groups: kit.NewGroups(cloud, topology.StepNetwork),
	}
	k.rules = kit.NewRules(cloud, ourRule, k.unwantedRules)
	return k
}

// Kinds are all kinds of resources of the service.
func (k *Kit) Kinds() []engine.AnyKind {
	return []engine.AnyKind{k.Boundary(), k.Hub(), k.Vpc(), k.Peering()}
}

func step(name, title string, needs ...string) engine.Step {
	return engine.Step{Name: name, Title: title, Needs: needs}
}

// waitForParent is how often a step looks whether what it stands on is there.
const waitForParent = 300 * time.Millisecond

func waiting(what string, state engine.State) error {
	return engine.NotYet(waitForParent, "waits for %s, which is %s", what, strings.ToLower(string(state)))
}

// known refuses an id that is not recorded yet.
func known(id string, err, missing error) (string, error) {
	if err == nil && id == "" {
		err = missing
	}
	return id, err
}

// poolOf is the pool of a tenant's networks.
func (k *Kit) poolOf(tenant string) kit.Ref {
	return func(ctx context.Context, _ *engine.Run) (string, error) {
		b, err := k.records.Boundary(ctx, tenant)
		return known(b.Cloud.PoolID, err, errs.NotFound("subnet pool", ""))
	}
}

// linkPoolOf is the pool of a tenant's links between routers.
func (k *Kit) linkPoolOf(tenant string) kit.Ref {
	return func(ctx context.Context, _ *engine.Run) (string, error) {
		b, err := k.records.Boundary(ctx, tenant)
		return known(b.Cloud.LinkPoolID, err, errs.NotFound("subnet pool of links", ""))
	}
}

func (k *Kit) routerOf(uid string) kit.Ref {
	return func(ctx context.Context, _ *engine.Run) (string, error) {
		v, err := k.records.Vpc(ctx, uid)
		return known(v.Cloud.RouterID, err, notReady(v))
	}
}

func (k *Kit) groupOf(uid string) kit.Ref {
	return func(ctx context.Context, _ *engine.Run) (string, error) {
		v, err := k.records.Vpc(ctx, uid)
		return known(v.Cloud.SecurityGroupID, err, notReady(v))
	}
}

func notReady(v vpc.Vpc) error {
	return errs.New(errs.CodeNotFound, "VPC_NOT_READY", "%q is not made yet; wait until it is ACTIVE", v.Name)
}

// project reads the project of a resource from its spec; empty where the spec does not say.
func project[T any](of func(T) string) func(*engine.Run) string {
	return func(run *engine.Run) string {
		spec, err := engine.SpecOf[T](run.Resource)
		if err != nil {
			return ""
		}
		return of(spec)
	}
}

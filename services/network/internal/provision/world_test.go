package provision_test

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/pg/pgtest"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/provisiontest"
	"github.com/low-layer/platform/libs/quota"
	cloud "github.com/low-layer/platform/services/network/internal/cloud/openstack"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
	"github.com/low-layer/platform/services/network/internal/provision"
	"github.com/low-layer/platform/services/network/internal/store"
	"github.com/low-layer/platform/services/network/internal/usecase"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// lives is how many worlds exist at once. Their engines mostly wait, so there may be more than processors.
const lives = "12"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", lives); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// place is a cloud that many worlds share; each has projects and uids of its own in it.
type place struct{ cloud *cloud.Cloud }

func newPlace(t *testing.T) *place {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	server, err := sim.Start(ctx, sim.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, server.Close(ctx)) })
	path := filepath.Join(t.TempDir(), "clouds.yaml")
	must(t, os.WriteFile(path, fmt.Appendf(nil, `clouds:
  sim:
    region_name: RegionOne
    auth: {auth_url: %q, username: admin, password: labpass, project_name: admin, user_domain_name: Default, project_domain_name: Default}
`, server.AuthURL), 0o600))
	client, err := openstack.New(openstack.Config{CloudsFile: path, Cloud: "sim"})
	must(t, err)
	t.Cleanup(client.Close)
	return &place{cloud: cloud.New(client)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ground is what the resource under test stands on: made by hand, as fast as can be.
type ground struct {
	t       *testing.T
	pool    *pgxpool.Pool
	cloud   *cloud.Cloud
	uid     string // of the resource under test
	project string
	kinds   []engine.AnyKind
	before  map[string]bool
}

func (p *place) ground(t *testing.T, prefix string) *ground {
	t.Helper()
	g := &ground{
		t: t, cloud: p.cloud, uid: ids.New(prefix), project: ids.New("proj"), before: map[string]bool{},
		pool: pgtest.Database(t, store.Migrations()...),
	}
	named := func(name string) proto.Message { return wrapperspb.String(name) }
	hubMessage := func(h hub.Hub) proto.Message { return named(h.Name.String()) }
	vpcMessage := func(v vpc.Vpc) proto.Message { return named(v.Name.String()) }
	peeringMessage := func(p peering.Peering) proto.Message { return named(p.Name.String()) }
	records := usecase.NewSettlements(store.New(g.pool, clock.Real(), nil),
		usecase.Messages{Hub: hubMessage, Vpc: vpcMessage, Peering: peeringMessage}, quota.New("network", clock.Real(), nil))
	g.kinds = provision.New(p.cloud, records, provision.Messages{Hub: hubMessage, Vpc: vpcMessage, Peering: peeringMessage}).Kinds()
	return g
}

func (g *ground) exec(sql string, args ...any) {
	g.t.Helper()
	_, err := g.pool.Exec(g.t.Context(), sql, args...)
	must(g.t, err)
}

// active records a resource as made.
func (g *ground) active(kind, uid, name string) {
	g.t.Helper()
	g.exec(`INSERT INTO provision_resources (uid, kind, name, tenant, verb, state, transient_state, final_state, reconciling, deleting,
		generation, observed_generation, wake_at, create_time, update_time)
		VALUES ($1, $2, $3, 'acme', 'create', 'ACTIVE', 'CREATING', 'ACTIVE', false, false, 1, 1, now(), now(), now())`, uid, kind, name)
}

// boundary makes a boundary with its pools.
func (g *ground) boundary() {
	g.t.Helper()
	ctx, uid := g.t.Context(), ids.New("bnd")
	scope, err := g.cloud.CreateScope(ctx, neutron.Scope{Name: "scope-" + uid})
	must(g.t, err)
	pool, err := g.cloud.CreatePool(ctx, neutron.Pool{Name: "pool-" + uid, ScopeID: scope.ID, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.64.0.0/12")}})
	must(g.t, err)
	links, err := g.cloud.CreatePool(ctx, neutron.Pool{Name: "links-" + uid, ScopeID: scope.ID, Prefixes: []netip.Prefix{netip.MustParsePrefix("100.64.0.0/15")}})
	must(g.t, err)
	g.exec(`INSERT INTO boundaries (uid, tenant, tenant_uid, network_cidr, cloud, create_time, update_time)
		VALUES ($1, 'acme', 'ten_1', '10.64.0.0/12', jsonb_build_object('pool_id', $2::text, 'link_pool_id', $3::text), now(), now())`,
		uid, pool.ID, links.ID)
	g.active("boundary", uid, "tenants/acme/boundary")
}

// hub makes a hub with a router.
func (g *ground) hub() {
	g.t.Helper()
	uid := ids.New("hub")
	router, err := g.cloud.CreateRouter(g.t.Context(), neutron.Router{Name: "the-hub", ProjectID: g.project, AdminUp: true})
	must(g.t, err)
	g.exec(`INSERT INTO hubs (uid, tenant, organisation, organisation_uid, project_id, mode, cidr, cloud, create_time, update_time)
		VALUES ($1, 'acme', 'core', 'org_1', $2, 'MUTUALIZED', '10.64.0.0/22', jsonb_build_object('router_id', $3::text), now(), now())`,
		uid, g.project, router.ID)
	g.active("hub", uid, "tenants/acme/organisations/core/hub")
}

// end makes a VPC as far as a peering needs it.
func (g *ground) end(id, cidr, transit string) string {
	g.t.Helper()
	ctx, uid := g.t.Context(), ids.New("vpc")
	router, err := g.cloud.CreateRouter(ctx, neutron.Router{Name: "router-of-" + id, ProjectID: g.project, AdminUp: true})
	must(g.t, err)
	group, err := g.cloud.CreateGroup(ctx, neutron.Group{Name: "group-of-" + id, ProjectID: g.project})
	must(g.t, err)
	g.exec(`INSERT INTO vpcs (uid, tenant, organisation, vpc, mode, cidr, transit_cidr, cloud, create_time, update_time)
		VALUES ($1, 'acme', 'core', $2, 'MUTUALIZED', $3, $4, jsonb_build_object('router_id', $5::text, 'security_group_id', $6::text), now(), now())`,
		uid, id, cidr, transit, router.ID, group.ID)
	g.active("vpc", uid, "tenants/acme/organisations/core/vpcs/"+id)
	return uid
}

// accept records a change with the statements that belong to it.
func (g *ground) accept(c engine.Change, statements ...string) func(context.Context, pgx.Tx, *engine.Engine) (*engine.Operation, error) {
	return func(ctx context.Context, tx pgx.Tx, e *engine.Engine) (*engine.Operation, error) {
		for _, sql := range statements {
			if _, err := tx.Exec(ctx, strings.ReplaceAll(sql, "$uid", "'"+g.uid+"'")); err != nil {
				return nil, err
			}
		}
		c := c
		c.UID, c.Tenant = g.uid, "acme"
		return e.Accept(ctx, tx, c)
	}
}

func change(kind, name, verb string) engine.Change {
	switch verb {
	case "create":
		return engine.Change{Kind: kind, Name: name, Verb: verb, Transient: engine.Creating, Final: engine.Active}
	case "delete":
		return engine.Change{Kind: kind, Name: name, Verb: verb, Transient: engine.Deleting, Deleting: true}
	default:
		return engine.Change{Kind: kind, Name: name, Verb: verb, Transient: engine.Updating, Final: engine.Active}
	}
}

// world is the resource under test on its ground; what is there by now is not part of its inventory.
func (g *ground) world(kind, name string, create, update []string) provisiontest.World {
	g.t.Helper()
	lines, err := g.lines(g.t.Context())
	must(g.t, err)
	for _, l := range lines {
		g.before[l] = true
	}
	w := provisiontest.World{
		Service: "network", Pool: g.pool, Kinds: g.kinds, Kind: kind,
		Create: g.accept(change(kind, name, "create"), create...),
		Delete: g.accept(change(kind, name, "delete")),
		Inventory: func(ctx context.Context) ([]string, error) {
			lines, err := g.lines(ctx)
			return slices.DeleteFunc(lines, func(l string) bool { return g.before[l] }), err
		},
		StepContext: func(ctx context.Context, run *engine.Run) context.Context {
			return openstack.WithCalls(ctx, func(c openstack.Call) { run.CloudRequest(c.RequestID) })
		},
	}
	if update != nil {
		w.Update = g.accept(change(kind, name, "update"), update...)
	}
	return w
}

// lines is what the cloud holds of the project, and of the uid where objects have no project: without ids.
func (g *ground) lines(ctx context.Context) ([]string, error) {
	var out []string
	add := func(format string, args ...any) {
		out = append(out, strings.ReplaceAll(fmt.Sprintf(format, args...), g.uid, "UID"))
	}
	mine := neutron.Filter{ProjectID: g.project}
	scopes, err := g.cloud.Scopes(ctx, neutron.Filter{})
	if err != nil {
		return nil, err
	}
	for _, s := range scopes {
		if strings.Contains(s.Name, g.uid) {
			add("scope %s", s.Name)
		}
	}
	pools, err := g.cloud.Pools(ctx, neutron.Filter{})
	if err != nil {
		return nil, err
	}
	for _, p := range pools {
		if strings.Contains(p.Name, g.uid) {
			add("pool %s %v", p.Name, p.Prefixes)
		}
	}
	networks, err := g.cloud.Networks(ctx, mine)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, n := range networks {
		names[n.ID] = n.Name
		add("network %s %v", n.Name, n.Tags)
	}
	subnets, err := g.cloud.Subnets(ctx, mine)
	if err != nil {
		return nil, err
	}
	for _, s := range subnets {
		add("subnet %s on %s %s %s %t", s.Name, names[s.NetworkID], s.CIDR, s.Gateway, s.DHCP)
	}
	routers, err := g.cloud.Routers(ctx, mine)
	if err != nil {
		return nil, err
	}
	for _, r := range routers {
		names[r.ID] = r.Name
		add("router %s %v", r.Name, r.Tags)
		for _, route := range r.Routes {
			add("route of %s to %s via %s", r.Name, route.Destination, route.NextHop)
		}
	}
	for id, network := range names {
		ports, err := g.cloud.Ports(ctx, neutron.Filter{NetworkID: id})
		if err != nil {
			return nil, err
		}
		for _, p := range ports {
			add("port %s on %s of %s %v", p.Name, network, names[p.DeviceID], p.Addresses[0].IP)
		}
	}
	groups, err := g.cloud.Groups(ctx, mine)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		if group.Name == "default" {
			continue
		}
		add("group %s %v", group.Name, group.Tags)
		for _, r := range group.Rules {
			add("rule of %s: %s %s %s %s %d-%d %s", group.Name, r.Description, r.Direction, r.EtherType, r.Protocol, r.PortMin, r.PortMax, r.Remote)
		}
	}
	slices.Sort(out)
	return out, nil
}

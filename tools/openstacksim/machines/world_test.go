// Package machines_test takes the machines of libs/openstack/kit through their life on the simulator: libs cannot import it.
package machines_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/cinder"
	"github.com/low-layer/platform/libs/openstack/client"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/openstack/kit"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/openstack/nova"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/provisiontest"
	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	kindName = "machines"
	name     = "tenants/acme/organisations/core/machines"
	role     = "member"
	image    = "node"
	small    = "small"
	big      = "big"
	// huge fits on no hypervisor.
	huge = "huge"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// spec is the resource under test: machines of one flavor.
type spec struct {
	flavor string
	count  int
	apart  bool
	data   string
}

// place is a cloud that several worlds share.
type place struct {
	sim    *sim.Server
	client *openstack.Client
	yard   kit.Yard
}

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
	c, err := openstack.New(openstack.Config{CloudsFile: path, Cloud: "sim", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(c.Close)
	p := &place{sim: server, client: c, yard: kit.Yard{
		Nova: client.NewNova(c), Placement: client.NewPlacement(c), Glance: client.NewGlance(c), Cinder: client.NewCinder(c),
		Neutron: client.NewNeutron(c), Access: client.NewKeystone(c), Role: role,
	}}
	p.prepare(t)
	return p
}

// prepare makes flavors and an image, as the operator does.
func (p *place) prepare(t *testing.T) {
	t.Helper()
	compute, err := p.client.Compute(t.Context())
	must(t, err)
	disk := 1
	for name, cpus := range map[string]int{small: 1, big: 2, huge: 1000} {
		_, err = flavors.Create(t.Context(), compute, flavors.CreateOpts{Name: name, VCPUs: cpus, RAM: 512, Disk: &disk}).Extract()
		must(t, err)
	}
	glance, err := p.client.Image(t.Context())
	must(t, err)
	public := images.ImageVisibilityPublic
	im, err := images.Create(t.Context(), glance, images.CreateOpts{
		Name: image, DiskFormat: "raw", ContainerFormat: "bare", Visibility: &public,
	}).Extract()
	must(t, err)
	must(t, imagedata.Upload(t.Context(), glance, im.ID, strings.NewReader("disk")).ExtractErr())
}

// world is a project with a network, and the resource under test in it.
type world struct {
	*place
	t                      *testing.T
	pool                   *pgxpool.Pool
	uid, project           string
	network, subnet, group string
	kind                   provision.Kind[spec]

	mu    sync.Mutex
	spec  spec
	sight map[string]kit.Sight
}

func (p *place) world(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{place: p, t: t, uid: ids.New("set"), sight: map[string]kit.Sight{}, pool: pgtest.Database(t, provision.Migrations()...)}
	people := client.NewKeystone(p.client)
	project, err := people.CreateProject(ctx, keystone.Project{Name: "core-" + w.uid, DomainID: "default", Enabled: true})
	must(t, err)
	w.project = project.ID
	must(t, people.SetComputeQuota(ctx, w.project, keystone.ComputeQuota{Cores: 4000, RAMMiB: 1 << 20, Instances: 10}))
	net, err := p.yard.Neutron.CreateNetwork(ctx, neutron.Network{Name: "hub", ProjectID: w.project, AdminUp: true})
	must(t, err)
	sub, err := p.yard.Neutron.CreateSubnet(ctx, neutron.Subnet{
		Name: "hub", ProjectID: w.project, NetworkID: net.ID, CIDR: netip.MustParsePrefix("10.64.0.0/24"), Gateway: netip.MustParseAddr("10.64.0.1"), DHCP: true,
	})
	must(t, err)
	g, err := p.yard.Neutron.CreateGroup(ctx, neutron.Group{Name: "bastion", ProjectID: w.project})
	must(t, err)
	w.network, w.subnet, w.group = net.ID, sub.ID, g.ID
	machines := kit.NewMachines(p.yard)
	w.kind = provision.Kind[spec]{
		Name: kindName, Objects: machines.Objects(),
		Load:      func(context.Context, provision.Querier, string) (spec, error) { return w.wanted(), nil },
		Plan:      func(_ provision.Resource, s spec) ([]provision.Step, error) { return machines.Steps(w.set(s)), nil },
		Inventory: machines.Inventory(func(*provision.Run) string { return w.project }),
	}
	return w
}

func (w *world) wanted() spec {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spec
}

func (w *world) want(s spec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spec = s
}

func is(id string) kit.Ref {
	return func(context.Context, *provision.Run) (string, error) { return id, nil }
}

func (w *world) set(s spec) kit.Set {
	out := kit.Set{Step: "vm", Title: "the machines", Project: w.project, Apart: s.apart}
	for i := range s.count {
		name := fmt.Sprintf("vm-%d-%s", i+1, w.uid)
		out.Machines = append(out.Machines, kit.Machine{
			Name: name, Flavor: s.flavor, Image: image, Network: is(w.network), Subnet: is(w.subnet), Groups: []kit.Ref{is(w.group)}, VolumeGiB: 5,
			UserData:   func(context.Context, *provision.Run) ([]byte, error) { return []byte("#cloud-config\n" + s.data), nil },
			UserDigest: provision.Digest(s.data),
			Seen: func(_ context.Context, _ *provision.Run, got kit.Sight) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.sight[name] = got
				return nil
			},
		})
	}
	return out
}

func (w *world) seen(machine int) kit.Sight {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sight[fmt.Sprintf("vm-%d-%s", machine, w.uid)]
}

func (w *world) accept(verb string, s spec) func(context.Context, pgx.Tx, *provision.Engine) (*provision.Operation, error) {
	c := provision.Change{Kind: kindName, UID: w.uid, Name: name, Tenant: "acme", Verb: verb, Transient: provision.Updating, Final: provision.Active}
	switch verb {
	case "create":
		c.Transient = provision.Creating
	case "delete":
		c.Transient, c.Final, c.Deleting = provision.Deleting, "", true
	}
	return func(ctx context.Context, tx pgx.Tx, e *provision.Engine) (*provision.Operation, error) {
		if verb != "delete" {
			w.want(s)
		}
		return e.Accept(ctx, tx, c)
	}
}

// inventory is what the cloud holds of the project, without ids.
func (w *world) inventory(ctx context.Context) ([]string, error) {
	var out []string
	add := func(format string, args ...any) {
		out = append(out, strings.ReplaceAll(fmt.Sprintf(format, args...), w.uid, "UID"))
	}
	servers, err := w.yard.Nova.Servers(ctx, nova.Filter{ProjectID: w.project})
	if err != nil {
		return nil, err
	}
	for _, s := range servers {
		held, err := w.yard.Placement.Allocations(ctx, s.ID)
		if err != nil {
			return nil, err
		}
		add("server %s %s %s on %d hosts", s.Name, s.Flavor, s.Status, len(held))
	}
	volumes, err := w.yard.Cinder.Volumes(ctx, cinder.Filter{ProjectID: w.project})
	if err != nil {
		return nil, err
	}
	for _, v := range volumes {
		add("volume %s %d GiB %s", v.Name, v.SizeGiB, v.Status)
	}
	ports, err := w.yard.Neutron.Ports(ctx, neutron.Filter{ProjectID: w.project})
	if err != nil {
		return nil, err
	}
	for _, p := range ports {
		add("port %s %s groups %d", p.Name, p.DeviceOwner, len(p.Groups))
	}
	groups, err := w.yard.Nova.Groups(ctx, nova.Filter{ProjectID: w.project})
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		add("server group %s %s", g.Name, g.Policy)
	}
	inside, err := w.yard.Access.Inside(ctx, w.project, role)
	if inside {
		add("role in the project")
	}
	slices.Sort(out)
	return out, err
}

func stepContext(ctx context.Context, run *provision.Run) context.Context {
	return openstack.WithCalls(ctx, func(c openstack.Call) { run.CloudRequest(c.RequestID) })
}

func TestMachines_everyFault_surviveIt(t *testing.T) {
	p := newPlace(t)
	provisiontest.Run(t, provisiontest.Suite{World: func(t *testing.T) provisiontest.World {
		w := p.world(t)
		return provisiontest.World{
			Service: "machines", Pool: w.pool, Kinds: []provision.AnyKind{w.kind}, Kind: kindName, StepContext: stepContext, Inventory: w.inventory,
			Create: w.accept("create", spec{flavor: small, count: 1}),
			Update: w.accept("update", spec{flavor: big, count: 1, apart: true}),
			Delete: w.accept("delete", spec{}),
		}
	}})
}

// rig is a world with a running engine.
type rig struct {
	*world
	engine *provision.Engine
}

const patience = 30 * time.Second

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{world: newPlace(t).world(t)}
	e, err := provision.New(provision.Config{
		Service: "machines", Pool: r.pool, Kinds: []provision.AnyKind{r.kind}, StepContext: stepContext, Sweep: 100 * time.Millisecond,
		Settle: 10 * time.Millisecond, Pace: 0.01, Workers: 2, Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	r.engine = e
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() { cancel(); must(t, <-ended) })
	return r
}

func (r *rig) tx(do func(context.Context, pgx.Tx, *provision.Engine) (*provision.Operation, error)) *provision.Operation {
	r.t.Helper()
	var op *provision.Operation
	must(r.t, pgx.BeginFunc(r.t.Context(), r.pool, func(tx pgx.Tx) (err error) {
		op, err = do(r.t.Context(), tx, r.engine)
		return err
	}))
	return op
}

// succeeds waits for the end of an operation.
func (r *rig) succeeds(op *provision.Operation) {
	r.t.Helper()
	got, err := r.engine.Wait(r.t.Context(), op.Tenant, op.ID, patience)
	must(r.t, err)
	if got.State != provision.OperationSucceeded {
		r.t.Fatalf("%s ended as %s: %+v %+v", op.Verb, got.State, got.Blockage, got.Error)
	}
}

// blocked waits until an operation is blocked.
func (r *rig) blocked(op *provision.Operation) *provision.Blockage {
	r.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		got, err := r.engine.Get(r.t.Context(), op.Tenant, op.ID)
		must(r.t, err)
		if got.Blockage != nil {
			return got.Blockage
		}
		select {
		case <-tick.C:
		case <-end:
			r.t.Fatalf("%s is not blocked: %+v", op.Verb, got)
		}
	}
}

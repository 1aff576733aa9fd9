package kit

import (
	"context"
	"slices"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/cinder"
	"github.com/low-layer/platform/libs/openstack/glance"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/openstack/neutron"
	"github.com/low-layer/platform/libs/openstack/nova"
	"github.com/low-layer/platform/libs/openstack/placement"
	"github.com/low-layer/platform/libs/provision"
)

// Yard is the cloud that machines are made in.
type Yard struct {
	Nova      nova.Cloud
	Placement placement.Cloud
	Glance    glance.Cloud
	Cinder    cinder.Cloud
	Neutron   neutron.Cloud
	Access    keystone.Access
	// Role is the role the platform needs in a project to make machines there.
	Role string
}

// Machines are servers with all that belongs to them: a port, a volume for data and a place apart from one another.
//
// The volume and the port outlive the server, so a machine that is replaced keeps its data and its address. A removal
// leaves nothing in Nova, Neutron, Cinder and Placement.
type Machines struct {
	yard        Yard
	access      Access
	groups      ServerGroups
	ports       Ports
	volumes     Volumes
	servers     Servers
	attachments Attachments
}

// NewMachines are the machines of a cloud.
func NewMachines(y Yard) Machines {
	return Machines{
		yard: y, access: NewAccess(y.Access, y.Role), groups: NewServerGroups(y.Nova), ports: NewServerPorts(y.Neutron), volumes: NewVolumes(y.Cinder),
		servers: NewServers(y.Nova, y.Placement), attachments: NewAttachments(y.Nova, y.Cinder),
	}
}

// Set is several machines of one kind in a project.
type Set struct {
	// Step is the name of the first step, and the beginning of the others. Title names the machines for people.
	Step, Title, Project string
	// Apart has every machine on a hypervisor of its own.
	Apart    bool
	Machines []Machine
	// Needs are steps that come before all others.
	Needs []string
}

// Machine is one machine of a set.
type Machine struct {
	// Name is the name of its objects; it holds the uid of the resource.
	Name string
	// Flavor and Image are names.
	Flavor, Image string
	// Network and Subnet are where its port is, Groups the security groups it has.
	Network, Subnet Ref
	Groups          []Ref
	// VolumeGiB is the size of its volume.
	VolumeGiB int
	// UserData is what cloud-init starts from, UserDigest its digest.
	UserData   func(context.Context, *provision.Run) ([]byte, error)
	UserDigest string
	// Seen is called when it runs, with what it got. May be nil.
	Seen func(context.Context, *provision.Run, Sight) error
}

// Sight is a machine as the cloud has it: the evidence of its mode.
type Sight struct {
	Server, Volume, Port string
	Addresses            []neutron.Address
	Allocations          []placement.Allocation
}

// Objects are the ends of all that machines are made of.
func (t Machines) Objects() []provision.Object {
	return []provision.Object{
		t.access.Object(), t.groups.Object(), t.ports.Object(), t.volumes.Object(), t.servers.Object(), t.attachments.Object(),
	}
}

// Steps are the steps that make a set.
func (t Machines) Steps(set Set) []provision.Step {
	access := set.Step + "-access"
	steps := []provision.Step{t.access.Make(provision.Step{
		Name: access, Title: "enter the project", RemoveTitle: "leave the project", Needs: set.Needs,
	}, set.Project)}
	group := ""
	if set.Apart {
		group = set.Step + "-group"
		steps = append(steps, t.groups.Make(provision.Step{
			Name: group, Title: "create the group that keeps " + set.Title + " apart", Needs: []string{access},
		}, nova.Group{Name: set.Machines[0].Name, ProjectID: set.Project, Policy: nova.AntiAffinity}))
	}
	for i, m := range set.Machines {
		steps = append(steps, t.machine(set, m, set.Step+"-"+string(rune('1'+i)), access, group)...)
	}
	return steps
}

func (t Machines) machine(set Set, m Machine, step, access, group string) []provision.Step {
	port, volume, server, data := step+"-port", step+"-volume", step, step+"-data"
	titled := func(name, what string, needs ...string) provision.Step {
		return provision.Step{Name: name, Title: what + m.Name, Needs: needs}
	}
	boot := titled(server, "create server ", access, port)
	boot.Digest = provision.Digest(m.Name, m.Flavor, m.Image, m.UserDigest)
	if group != "" {
		boot.Needs = append(boot.Needs, group)
	}
	evidence := titled(step+"-evidence", "read what Placement gave ", server, port, volume, data)
	evidence.Digest = boot.Digest
	return []provision.Step{
		t.ports.ForServer(titled(port, "create the port of ", access), m.Network, m.Subnet, m.Groups, neutron.Port{Name: m.Name, ProjectID: set.Project}),
		t.volumes.Make(titled(volume, "create the data volume of ", access), cinder.Volume{Name: m.Name, ProjectID: set.Project, SizeGiB: m.VolumeGiB}),
		t.servers.Make(boot, port, nova.Server{Name: m.Name, ProjectID: set.Project}, t.complete(m, group)),
		t.attachments.Make(titled(data, "attach the data volume to "), set.Project, server, volume),
		provision.Set(evidence, t.evidence(m, server, port, volume)),
	}
}

// complete resolves the names of flavor and image when a server is made.
func (t Machines) complete(m Machine, group string) func(context.Context, *provision.Run, *nova.Server) error {
	return func(ctx context.Context, run *provision.Run, want *nova.Server) (err error) {
		if group != "" {
			if want.Group, err = run.Made(group); err != nil {
				return err
			}
		}
		if want.Flavor, err = t.flavor(ctx, m.Flavor); err != nil {
			return err
		}
		if want.Image, err = t.image(ctx, m.Image); err != nil {
			return err
		}
		want.UserData, err = m.UserData(ctx, run)
		return err
	}
}

func unprepared(what, name string) error {
	return errs.New(errs.FailedPrecondition, "CLOUD_UNPREPARED",
		"the cloud has no %s %q; the operator makes it with `lowlayer platform bootstrap`", what, name)
}

func (t Machines) flavor(ctx context.Context, name string) (string, error) {
	all, err := t.yard.Nova.Flavors(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(f nova.Flavor) bool { return f.Name == name })
	if i < 0 {
		return "", unprepared("flavor", name)
	}
	return all[i].ID, nil
}

func (t Machines) image(ctx context.Context, name string) (string, error) {
	all, err := t.yard.Glance.Images(ctx, name)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(i glance.Image) bool { return i.Status == glance.Active })
	if i < 0 {
		return "", unprepared("image", name)
	}
	return all[i].ID, nil
}

// evidence reads what a machine got and gives it to the resource.
func (t Machines) evidence(m Machine, server, port, volume string) func(context.Context, *provision.Run) error {
	return func(ctx context.Context, run *provision.Run) (err error) {
		var sight Sight
		for step, into := range map[string]*string{server: &sight.Server, port: &sight.Port, volume: &sight.Volume} {
			if *into, err = run.Made(step); err != nil {
				return err
			}
		}
		if sight.Allocations, err = t.yard.Placement.Allocations(ctx, sight.Server); err != nil {
			return err
		}
		if len(sight.Allocations) == 0 {
			return provision.NotYet(pollMachine, "Placement shows nothing of server %s yet", sight.Server)
		}
		p, err := t.yard.Neutron.Port(ctx, sight.Port)
		if err != nil || m.Seen == nil {
			return err
		}
		sight.Addresses = p.Addresses
		return m.Seen(ctx, run, sight)
	}
}

// Inventory lists the servers, server groups, volumes and ports of a project whose name holds the resource's uid.
func (t Machines) Inventory(project func(*provision.Run) string) func(context.Context, *provision.Run) ([]provision.External, error) {
	return func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		id := project(run)
		return named(ctx, run,
			func(ctx context.Context) ([]provision.External, error) {
				found, err := t.yard.Nova.Servers(ctx, nova.Filter{ProjectID: id})
				return mapServers(found), err
			},
			func(ctx context.Context) ([]provision.External, error) {
				return t.groups.Look(ctx, nova.Group{ProjectID: id})
			},
			func(ctx context.Context) ([]provision.External, error) {
				return t.volumes.Look(ctx, cinder.Volume{ProjectID: id})
			},
			listed(neutron.Filter{ProjectID: id}, t.yard.Neutron.Ports, t.ports.External))
	}
}

package client

import (
	"context"
	"encoding/base64"
	"regexp"
	"slices"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servergroups"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/volumeattach"

	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/nova"
)

// Nova is nova.Cloud on one OpenStack. It reads and removes as the platform's administrator. Nova makes an object in the
// project of the token, so the platform's user needs a role in that project.
type Nova struct{ client *openstack.Client }

var _ nova.Cloud = (*Nova)(nil)

// NewNova makes a Nova; the first call comes with its first use.
func NewNova(client *openstack.Client) *Nova { return &Nova{client: client} }

// in is the client's view of a project.
func in(client *openstack.Client, projectID string) *openstack.Client {
	return client.With(openstack.Credentials{ProjectID: projectID})
}

// do runs one call as the administrator.
func (c *Nova) do(ctx context.Context, what string, do func(*gophercloud.ServiceClient) error) error {
	return call(ctx, c.client.Compute, what, do)
}

// exactly is the regular expression of a name, as Nova's lists take names.
func exactly(name string) string {
	if name == "" {
		return ""
	}
	return "^" + regexp.QuoteMeta(name) + "$"
}

// Server reads one server.
func (c *Nova) Server(ctx context.Context, id string) (nova.Server, error) {
	return ask(ctx, c.client.Compute, "read server", func(client *gophercloud.ServiceClient) (*servers.Server, error) {
		return servers.Get(ctx, client, id).Extract()
	}, server)
}

// Servers lists servers.
func (c *Nova) Servers(ctx context.Context, f nova.Filter) ([]nova.Server, error) {
	var out []nova.Server
	err := c.do(ctx, "list servers", func(client *gophercloud.ServiceClient) error {
		pages, err := servers.List(client, servers.ListOpts{AllTenants: true, TenantID: f.ProjectID, Name: exactly(f.Name)}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := servers.ExtractServers(pages)
		for i := range found {
			out = append(out, server(&found[i]))
		}
		return err
	})
	return out, err
}

// CreateServer asks for a server with the ports given. Nova builds it after it has responded.
func (c *Nova) CreateServer(ctx context.Context, s nova.Server) (nova.Server, error) {
	drive := true
	opts := servers.CreateOpts{
		Name: s.Name, FlavorRef: s.Flavor, ImageRef: s.Image, Metadata: s.Metadata, ConfigDrive: &drive,
		UserData: []byte(base64.StdEncoding.EncodeToString(s.UserData)),
		Networks: mapped(s.Ports, func(id string) servers.Network { return servers.Network{Port: id} }),
	}
	var hint servers.SchedulerHintOptsBuilder
	if s.Group != "" {
		hint = servers.SchedulerHintOpts{Group: s.Group}
	}
	return ask(ctx, in(c.client, s.ProjectID).Compute, "create server", func(client *gophercloud.ServiceClient) (*servers.Server, error) {
		return servers.Create(ctx, client, opts, hint).Extract()
	}, func(made *servers.Server) nova.Server { // the response has the id only
		s.ID, s.Status = made.ID, nova.Build
		return s
	})
}

// StartServer starts a server that is stopped.
func (c *Nova) StartServer(ctx context.Context, id string) error {
	return c.do(ctx, "start server", func(client *gophercloud.ServiceClient) error { return servers.Start(ctx, client, id).ExtractErr() })
}

// StopServer stops a server.
func (c *Nova) StopServer(ctx context.Context, id string) error {
	return absent(c.do(ctx, "stop server", func(client *gophercloud.ServiceClient) error { return servers.Stop(ctx, client, id).ExtractErr() }))
}

// DeleteServer removes a server. Nova does so after it has responded.
func (c *Nova) DeleteServer(ctx context.Context, id string) error {
	return absent(c.do(ctx, "delete server", func(client *gophercloud.ServiceClient) error { return servers.Delete(ctx, client, id).ExtractErr() }))
}

func server(s *servers.Server) nova.Server {
	flavor, _ := s.Flavor["original_name"].(string)
	image, _ := s.Image["id"].(string)
	return nova.Server{
		ID: s.ID, Name: s.Name, ProjectID: s.TenantID, Status: nova.Status(s.Status), Flavor: flavor, Image: image, Metadata: s.Metadata,
		Fault: nova.Fault{Code: s.Fault.Code, Message: s.Fault.Message}, Created: s.Created,
	}
}

// Group reads one server group.
func (c *Nova) Group(ctx context.Context, id string) (nova.Group, error) {
	return ask(ctx, c.client.Compute, "read server group", func(client *gophercloud.ServiceClient) (*servergroups.ServerGroup, error) {
		return servergroups.Get(ctx, client, id).Extract()
	}, group)
}

// Groups lists server groups.
func (c *Nova) Groups(ctx context.Context, f nova.Filter) ([]nova.Group, error) {
	var out []nova.Group
	err := c.do(ctx, "list server groups", func(client *gophercloud.ServiceClient) error {
		pages, err := servergroups.List(client, servergroups.ListOpts{AllProjects: true}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := servergroups.ExtractServerGroups(pages)
		for i := range found {
			out = append(out, group(&found[i]))
		}
		return err
	})
	return slices.DeleteFunc(out, func(g nova.Group) bool {
		return f.Name != "" && g.Name != f.Name || f.ProjectID != "" && g.ProjectID != f.ProjectID
	}), err
}

// CreateGroup makes a server group.
func (c *Nova) CreateGroup(ctx context.Context, g nova.Group) (nova.Group, error) {
	return ask(ctx, in(c.client, g.ProjectID).Compute, "create server group", func(client *gophercloud.ServiceClient) (*servergroups.ServerGroup, error) {
		return servergroups.Create(ctx, client, servergroups.CreateOpts{Name: g.Name, Policy: g.Policy}).Extract()
	}, group)
}

// DeleteGroup removes a server group. Its servers stay.
func (c *Nova) DeleteGroup(ctx context.Context, id string) error {
	return absent(c.do(ctx, "delete server group", func(client *gophercloud.ServiceClient) error {
		return servergroups.Delete(ctx, client, id).ExtractErr()
	}))
}

func group(g *servergroups.ServerGroup) nova.Group {
	out := nova.Group{ID: g.ID, Name: g.Name, ProjectID: g.ProjectID}
	if g.Policy != nil {
		out.Policy = *g.Policy
	}
	return out
}

// Attached lists the volumes of a server.
func (c *Nova) Attached(ctx context.Context, serverID string) ([]string, error) {
	var out []string
	err := c.do(ctx, "list volumes of the server", func(client *gophercloud.ServiceClient) error {
		pages, err := volumeattach.List(client, serverID).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := volumeattach.ExtractVolumeAttachments(pages)
		for _, a := range found {
			out = append(out, a.VolumeID)
		}
		return err
	})
	return out, err
}

// Attach gives a server a volume of its project.
func (c *Nova) Attach(ctx context.Context, projectID, serverID, volumeID string) error {
	return call(ctx, in(c.client, projectID).Compute, "attach volume", func(client *gophercloud.ServiceClient) error {
		_, err := volumeattach.Create(ctx, client, serverID, volumeattach.CreateOpts{VolumeID: volumeID}).Extract()
		return err
	})
}

// Detach takes a volume from a server.
func (c *Nova) Detach(ctx context.Context, serverID, volumeID string) error {
	return absent(c.do(ctx, "detach volume", func(client *gophercloud.ServiceClient) error {
		return volumeattach.Delete(ctx, client, serverID, volumeID).ExtractErr()
	}))
}

// Flavors lists flavors, those that are not public too.
func (c *Nova) Flavors(ctx context.Context) ([]nova.Flavor, error) {
	var out []nova.Flavor
	err := c.do(ctx, "list flavors", func(client *gophercloud.ServiceClient) error {
		pages, err := flavors.ListDetail(client, flavors.ListOpts{AccessType: flavors.AllAccess}).AllPages(ctx)
		if err != nil {
			return err
		}
		found, err := flavors.ExtractFlavors(pages)
		for _, f := range found {
			out = append(out, nova.Flavor{ID: f.ID, Name: f.Name, VCPUs: f.VCPUs, RAMMiB: f.RAM, Disk: f.Disk, Specs: f.ExtraSpecs})
		}
		return err
	})
	return out, err
}

package kit

import (
	"context"
	"slices"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/nova"
	"github.com/low-layer/platform/libs/openstack/placement"
	"github.com/low-layer/platform/libs/provision"
)

// metaDigest is the metadata of a server that says with which inputs it was made: user data cannot be read back.
const metaDigest = "lowlayer-digest"

// ServerGroups are Nova server groups.
type ServerGroups struct{ provision.Type[nova.Group] }

// NewServerGroups are the server groups of a cloud.
func NewServerGroups(cloud nova.Groups) ServerGroups {
	return ServerGroups{provision.Type[nova.Group]{
		Name: nova.TypeGroup,
		Attributes: []provision.Attribute[nova.Group]{
			provision.Attr("name", func(g *nova.Group) *string { return &g.Name }).Fixed(),
			provision.Attr("policy", func(g *nova.Group) *string { return &g.Policy }).Fixed(),
			provision.Attr("project_id", func(g *nova.Group) *string { return &g.ProjectID }).Fixed(),
		},
		External: func(g nova.Group) provision.External { return provision.External{ID: g.ID, Name: g.Name} },
		Find: func(ctx context.Context, want nova.Group) ([]nova.Group, error) {
			return cloud.Groups(ctx, nova.Filter{Name: want.Name, ProjectID: want.ProjectID})
		},
		Read:   func(ctx context.Context, ids []string) ([]nova.Group, error) { return each(ctx, ids, cloud.Group) },
		Create: func(ctx context.Context, want nova.Group) (nova.Group, error) { return cloud.CreateGroup(ctx, want) },
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return cloud.DeleteGroup(ctx, o.ID)
		},
	}}
}

// Make is the step that makes a server group.
func (t ServerGroups) Make(s provision.Step, want nova.Group) provision.Step {
	s.Digest = provision.Digest(want.Name, want.ProjectID, want.Policy)
	return t.Type.Make(provision.Want[nova.Group]{Step: s, Object: want})
}

// Servers are Nova servers. A server is never changed: with other inputs it is replaced, and so is one that failed. Its
// port is a step of its own and stays; Nova refuses a second server on it, so there is never one too many.
type Servers struct {
	cloud      nova.Cloud
	placements placement.Cloud
}

// NewServers are the servers of a cloud.
func NewServers(cloud nova.Cloud, placements placement.Cloud) Servers {
	return Servers{cloud: cloud, placements: placements}
}

// Make is the step that makes a server on the port of another step. Complete adds what only creation takes: flavor, image
// and user data. The digest of the step holds all inputs.
func (t Servers) Make(s provision.Step, port string, want nova.Server, complete func(context.Context, *provision.Run, *nova.Server) error) provision.Step {
	s.Object, s.Replaces = nova.TypeServer, true
	s.Find = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		return t.find(ctx, run, want)
	}
	s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
		portID, err := run.Made(port)
		if err != nil {
			return provision.External{}, err
		}
		want := want
		want.Ports, want.Metadata = []string{portID}, map[string]string{metaDigest: provision.Digest(s.Digest, portID)}
		if had, ok := run.Existing(); ok {
			kept, err := t.keep(ctx, had, want.Metadata[metaDigest])
			if err != nil || kept {
				return had, err
			}
		}
		if err := complete(ctx, run, &want); err != nil {
			return provision.External{}, err
		}
		if n := len(want.UserData); n > nova.MaxUserData {
			return provision.External{}, errs.New(errs.CodeInternal, "USER_DATA_TOO_LARGE",
				"the user data of %s has %d bytes, and Nova takes %d; report the operation's name", want.Name, n, nova.MaxUserData)
		}
		made, err := t.cloud.CreateServer(ctx, want)
		return serverExternal(made), err
	}
	s.Verify = func(ctx context.Context, _ *provision.Run, o provision.External) error { return t.ready(ctx, o) }
	return s
}

func serverExternal(s nova.Server) provision.External {
	return provision.External{ID: s.ID, Name: s.Name}
}

func (t Servers) find(ctx context.Context, run *provision.Run, want nova.Server) ([]provision.External, error) {
	found, err := t.cloud.Servers(ctx, nova.Filter{Name: want.Name, ProjectID: want.ProjectID})
	if err != nil {
		return nil, err
	}
	out := mapServers(found)
	had, ok := run.Object(run.Step())
	if !ok || slices.ContainsFunc(out, func(o provision.External) bool { return o.ID == had.ID }) {
		return out, nil
	}
	same, err := each(ctx, []string{had.ID}, t.cloud.Server) // it may have been renamed
	return append(mapServers(same), out...), err
}

func mapServers(of []nova.Server) []provision.External {
	var out []provision.External
	for _, s := range of {
		if s.Status != nova.Deleted {
			out = append(out, serverExternal(s))
		}
	}
	return out
}

// keep reports whether a server stays as it is. A server that failed, or was made with other inputs, is removed. The next
// attempt finds its port free.
func (t Servers) keep(ctx context.Context, o provision.External, digest string) (bool, error) {
	found, err := each(ctx, []string{o.ID}, t.cloud.Server)
	if err != nil || len(found) == 0 || found[0].Status == nova.Deleted {
		return false, err
	}
	switch s := found[0]; {
	case s.Status == nova.Error || s.Metadata[metaDigest] != digest:
		if err := t.cloud.DeleteServer(ctx, o.ID); err != nil {
			return false, err
		}
		return false, provision.NotYet(pollMachine, "waits until the former server %s is gone", o.ID)
	case s.Status == nova.Shutoff:
		return true, t.cloud.StartServer(ctx, o.ID)
	}
	return true, nil
}

// ready returns nil once a server runs. A server that failed is removed at once, so that it holds neither its port nor what
// Placement gave it, and the error has Nova's own words.
func (t Servers) ready(ctx context.Context, o provision.External) error {
	s, err := t.cloud.Server(ctx, o.ID)
	switch {
	case err != nil:
		return err
	case s.Status == nova.Active:
		return nil
	case s.Status == nova.Shutoff:
		return errs.New(errs.Aborted, "CLOUD_CONFLICT", "server %s is stopped; it is started again", o.ID)
	case s.Status != nova.Error:
		return provision.NotYet(pollMachine, "server %s is %s", o.ID, s.Status)
	}
	fault := openstack.ClassifyFault(s.Fault.Code, s.Fault.Message).With("server", o.ID)
	if fault.Reason == openstack.ReasonUnavailable { // the server failed, not the question
		fault.Code, fault.Reason = errs.Aborted, "CLOUD_SERVER_FAILED"
	}
	if err := t.cloud.DeleteServer(ctx, o.ID); err != nil {
		return err
	}
	return fault
}

// Object is the end of servers. A server is gone when Nova does not know it and Placement has nothing for it.
func (t Servers) Object() provision.Object {
	return provision.Object{
		Type: nova.TypeServer,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return t.cloud.DeleteServer(ctx, o.ID)
		},
		Gone: func(ctx context.Context, _ *provision.Run, of []provision.External) ([]provision.External, error) {
			listed, err := each(ctx, provision.IDs(of), t.cloud.Server)
			if err != nil {
				return of, err
			}
			there := mapServers(listed)
			for _, o := range of {
				held, err := t.placements.Allocations(ctx, o.ID)
				if err != nil {
					return of, err
				}
				if len(held) > 0 {
					there = append(there, o)
				}
			}
			return provision.Still(of, there), nil
		},
	}
}

package kit

import (
	"context"
	"slices"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/cinder"
	"github.com/low-layer/platform/libs/openstack/nova"
	"github.com/low-layer/platform/libs/provision"
)

// pollMachine is the time between two looks at a server or volume that changes. Every look at a server costs Neutron a call.
const pollMachine = 500 * time.Millisecond

// Volumes are Cinder volumes: data that outlives the server which has it.
type Volumes struct{ provision.Type[cinder.Volume] }

// NewVolumes are the volumes of a cloud.
func NewVolumes(cloud cinder.Cloud) Volumes {
	return Volumes{provision.Type[cinder.Volume]{
		Name: cinder.TypeVolume,
		Attributes: []provision.Attribute[cinder.Volume]{
			provision.Attr("name", func(v *cinder.Volume) *string { return &v.Name }),
			provision.Attr("size", func(v *cinder.Volume) *int { return &v.SizeGiB }).Fixed(),
			provision.Attr("project_id", func(v *cinder.Volume) *string { return &v.ProjectID }).Fixed(),
		},
		External: func(v cinder.Volume) provision.External { return provision.External{ID: v.ID, Name: v.Name} },
		Find: func(ctx context.Context, want cinder.Volume) ([]cinder.Volume, error) {
			return cloud.Volumes(ctx, cinder.Filter{Name: want.Name, ProjectID: want.ProjectID})
		},
		Read: func(ctx context.Context, ids []string) ([]cinder.Volume, error) { return each(ctx, ids, cloud.Volume) },
		Create: func(ctx context.Context, want cinder.Volume) (cinder.Volume, error) {
			return cloud.CreateVolume(ctx, want)
		},
		Update: func(ctx context.Context, is cinder.Volume, _ ...string) (cinder.Volume, error) {
			return cloud.RenameVolume(ctx, is)
		},
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			v, err := cloud.Volume(ctx, o.ID)
			switch {
			case err != nil:
				return provision.AbsentIsNone(err)
			case v.Status == cinder.Deleting:
				return nil
			case v.Status == cinder.Detaching, v.Status == cinder.Attaching, v.Status == cinder.Creating:
				return provision.NotYet(pollMachine, "volume %s is %s", v.ID, v.Status)
			}
			return cloud.DeleteVolume(ctx, o.ID)
		},
	}}
}

// Make is the step that makes a volume.
func (t Volumes) Make(s provision.Step, want cinder.Volume) provision.Step {
	s.Digest = provision.Digest(want.Name, want.ProjectID)
	s.Verify = func(ctx context.Context, _ *provision.Run, o provision.External) error {
		found, err := t.Read(ctx, []string{o.ID})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errs.New(errs.CodeNotFound, "CLOUD_NOT_FOUND", "volume %s is gone; it is made again, without its data", o.ID)
		}
		switch found[0].Status {
		case cinder.Creating:
			return provision.NotYet(pollMachine, "volume %s is %s", o.ID, found[0].Status)
		case cinder.Error:
			return errs.New(errs.ResourceExhausted, "CLOUD_NO_CAPACITY",
				"Cinder could not make volume %s; the operator must add capacity, or look at the volume service", o.ID)
		}
		return nil
	}
	return t.Type.Make(provision.Want[cinder.Volume]{Step: s, Object: want})
}

// Attachments give servers their volumes. The id of an attachment is that of its volume, its name that of its server.
type Attachments struct {
	servers nova.Attachments
	volumes cinder.Cloud
}

// NewAttachments are the attachments of a cloud.
func NewAttachments(servers nova.Attachments, volumes cinder.Cloud) Attachments {
	return Attachments{servers: servers, volumes: volumes}
}

// Make is the step that gives the server of one step the volume of another. A volume that the former server still has is
// taken from it first.
func (t Attachments) Make(s provision.Step, project, server, volume string) provision.Step {
	s.Needs = append([]string{server, volume}, s.Needs...)
	s.Object, s.Digest = nova.TypeAttachment, provision.Digest(s.Name)
	s.Find = func(ctx context.Context, run *provision.Run) ([]provision.External, error) {
		want, err := attachment(run, server, volume)
		if err != nil {
			return nil, provision.AbsentIsNone(err)
		}
		there, err := t.there(ctx, want)
		if err != nil || !there {
			return nil, err
		}
		return []provision.External{want}, nil
	}
	s.Do = func(ctx context.Context, run *provision.Run) (provision.External, error) {
		want, err := attachment(run, server, volume)
		if err != nil {
			return provision.External{}, err
		}
		return want, t.attach(ctx, project, want)
	}
	s.Verify = func(ctx context.Context, _ *provision.Run, o provision.External) error {
		v, err := t.volumes.Volume(ctx, o.ID)
		switch {
		case err != nil:
			return err
		case v.Status == cinder.InUse && slices.Contains(v.Servers, o.Name):
			return nil
		case v.Status == cinder.Available:
			return errs.New(errs.Aborted, "CLOUD_CONFLICT", "server %s has lost volume %s; it gets it again", o.Name, o.ID)
		}
		return provision.NotYet(pollMachine, "volume %s is %s", v.ID, v.Status)
	}
	return s
}

func attachment(run *provision.Run, server, volume string) (provision.External, error) {
	serverID, err := run.Made(server)
	if err != nil {
		return provision.External{}, err
	}
	volumeID, err := run.Made(volume)
	return provision.External{ID: volumeID, Name: serverID}, err
}

func (t Attachments) there(ctx context.Context, o provision.External) (bool, error) {
	ids, err := t.servers.Attached(ctx, o.Name)
	return slices.Contains(ids, o.ID), provision.AbsentIsNone(err)
}

func (t Attachments) attach(ctx context.Context, project string, o provision.External) error {
	v, err := t.volumes.Volume(ctx, o.ID)
	if err != nil {
		return err
	}
	switch {
	case slices.Contains(v.Servers, o.Name):
		return nil
	case len(v.Servers) > 0:
		if err := t.servers.Detach(ctx, v.Servers[0], v.ID); err != nil {
			return err
		}
		return provision.NotYet(pollMachine, "volume %s leaves server %s", v.ID, v.Servers[0])
	case v.Status != cinder.Available:
		return provision.NotYet(pollMachine, "volume %s is %s", v.ID, v.Status)
	}
	return t.servers.Attach(ctx, project, o.Name, v.ID)
}

// Object is the end of attachments.
func (t Attachments) Object() provision.Object {
	return provision.Object{
		Type: nova.TypeAttachment,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return t.servers.Detach(ctx, o.Name, o.ID)
		},
		Gone: func(ctx context.Context, _ *provision.Run, of []provision.External) ([]provision.External, error) {
			var left []provision.External
			for _, o := range of {
				there, err := t.there(ctx, o)
				if err != nil {
					return of, err
				}
				if there {
					left = append(left, o)
				}
			}
			return left, nil
		},
	}
}

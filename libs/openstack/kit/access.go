package kit

import (
	"context"

	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
)

// Access is the role that the platform has in a project while a resource is made there.
type Access struct {
	cloud keystone.Access
	role  string
}

// NewAccess is the access to projects with a role of a cloud.
func NewAccess(cloud keystone.Access, role string) Access { return Access{cloud: cloud, role: role} }

// Make is the step that gives the platform its role in the project. Everything that the platform makes there needs it.
func (t Access) Make(s provision.Step, project string) provision.Step {
	entered := provision.External{ID: project, Name: t.role}
	s.Object, s.Digest = keystone.TypeAccess, provision.Digest(project, t.role)
	s.Find = func(ctx context.Context, _ *provision.Run) ([]provision.External, error) {
		inside, err := t.cloud.Inside(ctx, project, t.role)
		if err != nil || !inside {
			return nil, provision.AbsentIsNone(err)
		}
		return []provision.External{entered}, nil
	}
	s.Do = func(ctx context.Context, _ *provision.Run) (provision.External, error) {
		return entered, t.cloud.Enter(ctx, project, t.role)
	}
	return s
}

// Object is the end of the access.
func (t Access) Object() provision.Object {
	return provision.Object{
		Type: keystone.TypeAccess,
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return t.cloud.Leave(ctx, o.ID, o.Name)
		},
		Gone: func(ctx context.Context, _ *provision.Run, of []provision.External) ([]provision.External, error) {
			var left []provision.External
			for _, o := range of {
				inside, err := t.cloud.Inside(ctx, o.ID, o.Name)
				if err = provision.AbsentIsNone(err); err != nil {
					return of, err
				}
				if inside {
					left = append(left, o)
				}
			}
			return left, nil
		},
	}
}

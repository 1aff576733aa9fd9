package kit

import (
	"context"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
)

// Keystone's names of domains, projects and users are unique, so a refused create adopts the object of our name. Updates
// write without reading first: a password cannot be read.

// Domains are Keystone domains.
type Domains struct {
	provision.Type[keystone.Domain]
}

// NewDomains are the domains of a cloud.
func NewDomains(cloud keystone.Cloud) Domains {
	return Domains{provision.Type[keystone.Domain]{
		Name: keystone.TypeDomain, Overwrite: true, Unique: true,
		Attributes: []provision.Attribute[keystone.Domain]{
			provision.Attr("name", func(d *keystone.Domain) *string { return &d.Name }),
			provision.Attr("description", func(d *keystone.Domain) *string { return &d.Description }),
			provision.Attr("enabled", func(d *keystone.Domain) *bool { return &d.Enabled }),
		},
		ID:       func(d *keystone.Domain) *string { return &d.ID },
		External: func(d keystone.Domain) provision.External { return provision.External{ID: d.ID, Name: d.Name} },
		Find: func(ctx context.Context, want keystone.Domain) ([]keystone.Domain, error) {
			return cloud.ListDomains(ctx, want.Name)
		},
		Read: func(ctx context.Context, ids []string) ([]keystone.Domain, error) {
			return each(ctx, ids, cloud.Domain)
		},
		Create: func(ctx context.Context, want keystone.Domain) (keystone.Domain, error) {
			return cloud.CreateDomain(ctx, want)
		},
		Update: func(ctx context.Context, is keystone.Domain, _ ...string) (keystone.Domain, error) {
			return cloud.UpdateDomain(ctx, is)
		},
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return cloud.DeleteDomain(ctx, o.ID)
		},
	}}
}

// Make is the step that makes a domain, and enables or disables it.
func (t Domains) Make(s provision.Step, want keystone.Domain) provision.Step {
	s.Digest = etag.Of(want.Name, want.Enabled)
	return t.Type.Make(provision.Want[keystone.Domain]{Step: s, Object: want})
}

// Projects are Keystone projects. Their removal first removes what Nova and Neutron keep for them: nobody could find it
// afterwards.
type Projects struct {
	provision.Type[keystone.Project]
	cloud keystone.Cloud
}

// NewProjects are the projects of a cloud.
func NewProjects(cloud keystone.Cloud) Projects {
	return Projects{cloud: cloud, Type: provision.Type[keystone.Project]{
		Name: keystone.TypeProject, Overwrite: true, Unique: true,
		Attributes: []provision.Attribute[keystone.Project]{
			provision.Attr("name", func(p *keystone.Project) *string { return &p.Name }),
			provision.Attr("description", func(p *keystone.Project) *string { return &p.Description }),
			provision.Attr("enabled", func(p *keystone.Project) *bool { return &p.Enabled }),
			provision.Attr("domain_id", func(p *keystone.Project) *string { return &p.DomainID }).Fixed(),
			provision.SetAttr("tags", func(p *keystone.Project) *[]string { return &p.Tags }).Fixed(),
		},
		ID:       func(p *keystone.Project) *string { return &p.ID },
		External: func(p keystone.Project) provision.External { return provision.External{ID: p.ID, Name: p.Name} },
		Find: func(ctx context.Context, want keystone.Project) ([]keystone.Project, error) {
			return cloud.ListProjects(ctx, want.Name, "")
		},
		Read: func(ctx context.Context, ids []string) ([]keystone.Project, error) {
			return each(ctx, ids, cloud.Project)
		},
		Create: func(ctx context.Context, want keystone.Project) (keystone.Project, error) {
			return cloud.CreateProject(ctx, want)
		},
		Update: func(ctx context.Context, is keystone.Project, _ ...string) (keystone.Project, error) {
			return cloud.UpdateProject(ctx, is)
		},
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			if err := cloud.ClearProject(ctx, o.ID); err != nil {
				return err
			}
			return cloud.DeleteProject(ctx, o.ID)
		},
	}}
}

// Make is the step that makes a project, and enables or disables it.
func (t Projects) Make(s provision.Step, want keystone.Project) provision.Step {
	s.Digest = etag.Of(want.Name, want.DomainID, want.Enabled)
	return t.Type.Make(provision.Want[keystone.Project]{Step: s, Object: want})
}

// ComputeQuota is the step that sets what Nova lets the project of another step have.
func (t Projects) ComputeQuota(s provision.Step, project string, q keystone.ComputeQuota) provision.Step {
	s.Needs, s.Digest = []string{project}, etag.Of(q.Cores, q.RAMMiB, q.Instances)
	return provision.Set(s, func(ctx context.Context, run *provision.Run) error {
		id, err := run.Made(project)
		if err != nil {
			return err
		}
		return t.cloud.SetComputeQuota(ctx, id, q)
	})
}

// Users are Keystone users.
type Users struct {
	provision.Type[keystone.User]
	cloud keystone.Cloud
}

// NewUsers are the users of a cloud.
func NewUsers(cloud keystone.Cloud) Users {
	return Users{cloud: cloud, Type: provision.Type[keystone.User]{
		Name: keystone.TypeUser, Overwrite: true, Unique: true,
		Attributes: []provision.Attribute[keystone.User]{
			provision.Attr("name", func(u *keystone.User) *string { return &u.Name }),
			provision.Attr("description", func(u *keystone.User) *string { return &u.Description }),
			provision.Attr("enabled", func(u *keystone.User) *bool { return &u.Enabled }),
			provision.Attr("domain_id", func(u *keystone.User) *string { return &u.DomainID }).Fixed(),
		},
		ID:       func(u *keystone.User) *string { return &u.ID },
		External: func(u keystone.User) provision.External { return provision.External{ID: u.ID, Name: u.Name} },
		Find: func(ctx context.Context, want keystone.User) ([]keystone.User, error) {
			listed, err := cloud.ListUsers(ctx, want.Name)
			var found []keystone.User
			for _, u := range listed {
				if u.Name == want.Name {
					found = append(found, u)
				}
			}
			return found, err
		},
		Read: func(ctx context.Context, ids []string) ([]keystone.User, error) { return each(ctx, ids, cloud.User) },
		Create: func(ctx context.Context, want keystone.User) (keystone.User, error) {
			return cloud.CreateUser(ctx, want)
		},
		Update: func(ctx context.Context, is keystone.User, _ ...string) (keystone.User, error) {
			return cloud.UpdateUser(ctx, is)
		},
		Delete: func(ctx context.Context, _ *provision.Run, o provision.External) error {
			return cloud.DeleteUser(ctx, o.ID)
		},
	}}
}

// Make is the step that makes a user. Password returns the same password every time.
func (t Users) Make(s provision.Step, want keystone.User, password func(context.Context) (string, error)) provision.Step {
	s.Digest = etag.Of(want.Name, want.DomainID)
	want.Enabled = true
	return t.Type.Make(provision.Want[keystone.User]{
		Step: s, Object: want,
		Complete: func(ctx context.Context, _ *provision.Run, want *keystone.User) (err error) {
			want.Password, err = password(ctx)
			return err
		},
	})
}

// Grant is the step that gives the user of another step roles on the project of another step.
func (t Users) Grant(s provision.Step, project, user string, roles []string) provision.Step {
	s.Needs, s.Digest = []string{project, user}, etag.Of(strings.Join(roles, ","))
	return provision.Set(s, func(ctx context.Context, run *provision.Run) error {
		projectID, err := run.Made(project)
		if err != nil {
			return err
		}
		userID, err := run.Made(user)
		if err != nil {
			return err
		}
		for _, role := range roles {
			if err := t.cloud.GrantRole(ctx, projectID, userID, role); err != nil {
				return err
			}
		}
		return nil
	})
}

// each reads objects one by one and leaves out those that are gone.
func each[T any](ctx context.Context, ids []string, read func(context.Context, string) (T, error)) ([]T, error) {
	var out []T
	for _, id := range ids {
		o, err := read(ctx, id)
		if errs.CodeOf(err) == errs.CodeNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

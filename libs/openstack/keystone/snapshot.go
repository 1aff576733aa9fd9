package keystone

import "context"

// Snapshot is what Keystone listed in bulk, by id.
type Snapshot struct {
	domains  map[string]Domain
	projects map[string]Project
	users    map[string]User
}

// Take lists all domains, the projects with a tag, and the users whose name has a prefix.
func Take(ctx context.Context, cloud Cloud, tag, prefix string) (*Snapshot, error) {
	domains, err := cloud.ListDomains(ctx, "")
	if err != nil {
		return nil, err
	}
	projects, err := cloud.ListProjects(ctx, "", tag)
	if err != nil {
		return nil, err
	}
	users, err := cloud.ListUsers(ctx, prefix)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{domains: map[string]Domain{}, projects: map[string]Project{}, users: map[string]User{}}
	for _, d := range domains {
		s.domains[d.ID] = d
	}
	for _, p := range projects {
		s.projects[p.ID] = p
	}
	for _, u := range users {
		s.users[u.ID] = u
	}
	return s, nil
}

type snapshotKey struct{}

// In is a context in which a Recall cloud reads from the snapshot.
func (s *Snapshot) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, snapshotKey{}, s)
}

// Recall is a cloud that reads objects from the snapshot of the context, if there is one. It asks Keystone for an object that the
// snapshot lacks: lists lag, and a false alarm would make a second project. Lists and writes go to Keystone.
func Recall(cloud Cloud) Cloud { return recall{cloud} }

type recall struct{ Cloud }

func lookUp[T any](
	ctx context.Context, id string, table func(*Snapshot) map[string]T, read func(context.Context, string) (T, error),
) (T, error) {
	if s, ok := ctx.Value(snapshotKey{}).(*Snapshot); ok {
		if o, ok := table(s)[id]; ok {
			return o, nil
		}
	}
	return read(ctx, id)
}

// Domain returns one domain.
func (c recall) Domain(ctx context.Context, id string) (Domain, error) {
	return lookUp(ctx, id, func(s *Snapshot) map[string]Domain { return s.domains }, c.Cloud.Domain)
}

// Project returns one project.
func (c recall) Project(ctx context.Context, id string) (Project, error) {
	return lookUp(ctx, id, func(s *Snapshot) map[string]Project { return s.projects }, c.Cloud.Project)
}

// User returns one user.
func (c recall) User(ctx context.Context, id string) (User, error) {
	return lookUp(ctx, id, func(s *Snapshot) map[string]User { return s.users }, c.Cloud.User)
}

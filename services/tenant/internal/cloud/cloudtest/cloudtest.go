// Package cloudtest is the conformance suite of libs/openstack/keystone: what every implementation must do, whether a simulator or a
// real OpenStack is behind it. It cleans up after itself, and uses names of its own so that it may run beside others.
package cloudtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

const (
	role = "member"
	// soon bounds how long a cloud's lists and caches may lag.
	soon = time.Minute
)

// suite is one run.
type suite struct {
	keystone.Cloud
	prefix string
}

// Run puts a cloud through the suite.
func Run(t *testing.T, c keystone.Cloud) {
	t.Helper()
	s := suite{Cloud: c, prefix: "ll-conform-" + ids.New("t")[2:]}
	t.Run("domains", s.domains)
	t.Run("projects", s.projects)
	t.Run("users and credentials", s.users)
	t.Run("switched off", s.switchedOff)
	t.Run("absent", s.absent)
}

func (s suite) domain(t *testing.T, suffix string) keystone.Domain {
	t.Helper()
	d, err := s.CreateDomain(t.Context(), keystone.Domain{Name: s.prefix + suffix, Description: "conformance", Enabled: true})
	if err != nil {
		t.Fatalf("create domain: %v", err)
	}
	t.Cleanup(func() {
		if err := s.DeleteDomain(context.WithoutCancel(t.Context()), d.ID); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return d
}

func (s suite) project(t *testing.T, d keystone.Domain) keystone.Project {
	t.Helper()
	p, err := s.CreateProject(t.Context(), keystone.Project{
		Name: s.prefix, Description: "conformance", DomainID: d.ID, Enabled: true, Tags: []string{tenancy.Marker},
	})
	if err != nil {
		t.Fatalf("create project: %v", err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := s.ClearProject(ctx, p.ID); err != nil {
			t.Errorf("clean up: %v", err)
		}
		if err := s.DeleteProject(ctx, p.ID); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return p
}

func (s suite) user(t *testing.T, d keystone.Domain, p keystone.Project, password string) keystone.User {
	t.Helper()
	u, err := s.CreateUser(t.Context(), keystone.User{Name: s.prefix, DomainID: d.ID, Password: password, Enabled: true})
	if err != nil {
		t.Fatalf("create user: %v", err)
	}
	t.Cleanup(func() {
		if err := s.DeleteUser(context.WithoutCancel(t.Context()), u.ID); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	if err := s.GrantRole(t.Context(), p.ID, u.ID, role); err != nil {
		t.Fatalf("grant role: %v", err)
	}
	return u
}

func (s suite) domains(t *testing.T) {
	ctx := t.Context()
	d := s.domain(t, "-d")
	_, err := s.CreateDomain(ctx, keystone.Domain{Name: d.Name, Enabled: true})
	conflicts(t, "a second domain of the name", err)

	changed, err := s.UpdateDomain(ctx, keystone.Domain{ID: d.ID, Name: d.Name, Description: "changed", Enabled: false})
	if err != nil || changed.Enabled || changed.Description != "changed" {
		t.Errorf("update domain = %+v, %v", changed, err)
	}
	got, err := s.Domain(ctx, d.ID)
	if err != nil || got != changed {
		t.Errorf("read domain = %+v, %v, want %+v", got, err, changed)
	}
	eventually(t, "the domain by its name", func() (bool, error) {
		found, err := s.ListDomains(ctx, d.Name)
		return len(found) == 1 && found[0].ID == d.ID, err
	})
	eventually(t, "the domain among all", func() (bool, error) {
		found, err := s.ListDomains(ctx, "")
		return slices.ContainsFunc(found, func(x keystone.Domain) bool { return x.ID == d.ID }), err
	})
	if err := s.DeleteDomain(ctx, d.ID); err != nil {
		t.Fatalf("delete domain: %v", err)
	}
	_, err = s.Domain(ctx, d.ID)
	isAbsent(t, "reading a deleted domain", err)
}

func (s suite) projects(t *testing.T) {
	ctx := t.Context()
	d := s.domain(t, "-p")
	p := s.project(t, d)
	if p.DomainID != d.ID || !p.Enabled {
		t.Errorf("made project %+v", p)
	}
	_, err := s.CreateProject(ctx, keystone.Project{Name: p.Name, DomainID: d.ID, Enabled: true})
	conflicts(t, "a second project of the name", err)
	eventually(t, "the project by name", func() (bool, error) {
		found, err := s.ListProjects(ctx, p.Name, "")
		return len(found) == 1 && found[0].ID == p.ID, err
	})
	eventually(t, "the project by tag", func() (bool, error) {
		found, err := s.ListProjects(ctx, "", tenancy.Marker)
		return slices.ContainsFunc(found, func(x keystone.Project) bool { return x.ID == p.ID }), err
	})
	if err := s.SetComputeQuota(ctx, p.ID, keystone.ComputeQuota{Cores: 7, RAMMiB: 4096, Instances: 3}); err != nil {
		t.Errorf("set compute quota: %v", err)
	}
	quota := keystone.NetworkQuota{Networks: 4, Subnets: 4, Routers: 2, Ports: 20, SecurityGroups: 3, SecurityGroupRules: 30}
	for range 2 {
		if err := s.SetNetworkQuota(ctx, p.ID, quota); err != nil {
			t.Errorf("set network quota: %v", err)
		}
	}
	off, err := s.UpdateProject(ctx, keystone.Project{ID: p.ID, Name: p.Name, Enabled: false})
	if err != nil || off.Enabled {
		t.Errorf("disable project = %+v, %v", off, err)
	}
	for range 2 {
		if err := s.ClearProject(ctx, p.ID); err != nil {
			t.Errorf("clear project: %v", err)
		}
	}
	if err := s.DeleteProject(ctx, p.ID); err != nil {
		t.Fatalf("delete project: %v", err)
	}
	_, err = s.Project(ctx, p.ID)
	isAbsent(t, "reading a deleted project", err)
}

func (s suite) users(t *testing.T) {
	ctx := t.Context()
	d := s.domain(t, "-u")
	p := s.project(t, d)
	const password = "Conformance-1!"
	u := s.user(t, d, p, password)
	if err := s.GrantRole(ctx, p.ID, u.ID, role); err != nil {
		t.Errorf("grant role again: %v", err)
	}
	if err := s.GrantRole(ctx, p.ID, u.ID, s.prefix+"-no-role"); err == nil {
		t.Error("granting a role that does not exist succeeded")
	}
	eventually(t, "the user by prefix", func() (bool, error) {
		found, err := s.ListUsers(ctx, s.prefix)
		return slices.ContainsFunc(found, func(x keystone.User) bool { return x.ID == u.ID && x.Name == u.Name }), err
	})
	owner := keystone.Owner{UserID: u.ID, Password: password, ProjectID: p.ID}
	const oldSecret, newSecret = "old-secret-of-the-suite-1!", "new-secret-of-the-suite-1!"
	old := s.credential(t, owner, "old", oldSecret)
	_, err := s.CreateCredential(ctx, owner, keystone.Credential{
		Name: old.Name, Secret: newSecret, Roles: []string{role}, ExpireTime: old.ExpireTime,
	})
	conflicts(t, "a second credential of the name", err)
	fresh := s.credential(t, owner, "new", newSecret)
	if err := s.TryCredential(ctx, old.ID, oldSecret); err != nil {
		t.Errorf("use the old credential: %v", err)
	}
	if err := s.DeleteCredential(ctx, u.ID, old.ID); err != nil {
		t.Fatalf("revoke the old credential: %v", err)
	}
	if err := s.TryCredential(ctx, old.ID, oldSecret); err == nil {
		t.Error("the old credential works after it was revoked")
	}
	if err := s.TryCredential(ctx, fresh.ID, newSecret); err != nil {
		t.Errorf("use the new credential: %v", err)
	}
	if err := s.TryCredential(ctx, fresh.ID, oldSecret); err == nil {
		t.Error("the new credential works with another secret")
	}
	eventually(t, "only the new credential", func() (bool, error) {
		found, err := s.ListCredentials(ctx, u.ID)
		return len(found) == 1 && found[0].ID == fresh.ID, err
	})
	wrong := owner
	wrong.Password = "not the password"
	if _, err := s.CreateCredential(ctx, wrong, keystone.Credential{Name: "x", Roles: []string{role}, ExpireTime: old.ExpireTime}); err == nil {
		t.Error("made a credential with a wrong password")
	}
}

func (s suite) credential(t *testing.T, o keystone.Owner, name, secret string) keystone.Credential {
	t.Helper()
	ends := time.Now().UTC().Add(time.Hour).Truncate(time.Second)
	c, err := s.CreateCredential(t.Context(), o, keystone.Credential{
		Name: s.prefix + "-" + name, Secret: secret, Roles: []string{role}, ExpireTime: ends,
	})
	if err != nil {
		t.Fatalf("create credential: %v", err)
	}
	if !c.ExpireTime.Equal(ends) || c.Secret != "" || !slices.Contains(c.Roles, role) {
		t.Errorf("made a credential with end %v, roles %v, secret kept %t; want end %v", c.ExpireTime, c.Roles, c.Secret != "", ends)
	}
	return c
}

// switchedOff shows what suspending a tenant rests on.
func (s suite) switchedOff(t *testing.T) {
	ctx := t.Context()
	d := s.domain(t, "-s")
	p := s.project(t, d)
	const password, secret = "Conformance-1!", "secret-of-the-suite-1!"
	u := s.user(t, d, p, password)
	c := s.credential(t, keystone.Owner{UserID: u.ID, Password: password, ProjectID: p.ID}, "s", secret)
	if err := s.TryCredential(ctx, c.ID, secret); err != nil {
		t.Fatalf("use credential: %v", err)
	}
	// Whether a credential is refused at once is not promised: Keystone caches for minutes.
	for _, enabled := range []bool{false, true} {
		d.Enabled = enabled
		got, err := s.UpdateDomain(ctx, d)
		if err != nil {
			t.Fatalf("set enabled to %t: %v", enabled, err)
		}
		if got.Enabled != enabled {
			t.Errorf("the domain is enabled %t, want %t", got.Enabled, enabled)
		}
	}
}

// absent shows that deleting what is not there is no error.
func (s suite) absent(t *testing.T) {
	ctx := t.Context()
	const id = "00000000000000000000000000000000"
	for what, err := range map[string]error{
		"domain": s.DeleteDomain(ctx, id), "project": s.DeleteProject(ctx, id), "user": s.DeleteUser(ctx, id),
		"credential": s.DeleteCredential(ctx, id, id),
	} {
		if err != nil {
			t.Errorf("delete an absent %s: %v", what, err)
		}
	}
	_, err := s.UpdateDomain(ctx, keystone.Domain{ID: id, Name: s.prefix})
	isAbsent(t, "updating an absent domain", err)
	_, err = s.UpdateProject(ctx, keystone.Project{ID: id, Name: s.prefix})
	isAbsent(t, "updating an absent project", err)
	_, err = s.User(ctx, id)
	isAbsent(t, "reading an absent user", err)
}

func isAbsent(t *testing.T, what string, err error) {
	t.Helper()
	if errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("%s: got %v, want NOT_FOUND", what, err)
	}
}

func conflicts(t *testing.T, what string, err error) {
	t.Helper()
	if errs.ReasonOf(err) != openstack.ReasonConflict {
		t.Errorf("%s: got %v, want %s", what, err, openstack.ReasonConflict)
	}
}

func eventually(t *testing.T, what string, look func() (bool, error)) {
	t.Helper()
	deadline := time.Now().Add(soon)
	for {
		ok, err := look()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s was not seen within %s", what, soon)
		}
		pause := time.NewTimer(100 * time.Millisecond)
		select {
		case <-pause.C:
		case <-t.Context().Done():
			pause.Stop()
			t.Fatalf("%s: %v", what, t.Context().Err())
		}
	}
}

package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Engine is what drift needs of the provisioning engine.
type Engine interface {
	Objects(ctx context.Context, kind string, page func([]provision.OwnedObject) error) error
	Repair(ctx context.Context, tx pgx.Tx, uid string, steps []string, detail string) (*provision.Operation, error)
}

// Drift compares Keystone with the ledger. The engine repairs objects that are missing, renamed, enabled or disabled by hand.
// A pass reads three lists, whatever the number of tenants. Lists lag, so it reads an object by itself before it counts as missing: a
// wrong alarm would make a second project.
type Drift struct {
	engine Engine
	db     pg.Beginner
	cloud  keystone.Cloud
}

// NewDrift makes the pass.
func NewDrift(engine Engine, db pg.Beginner, c keystone.Cloud) *Drift {
	return &Drift{engine: engine, db: db, cloud: c}
}

// seen is an object in Keystone.
type seen struct {
	name    string
	enabled bool
}

// wanted is the step that makes a type of object, and how to read an object.
type wanted struct {
	step string
	have map[string]seen
	read func(ctx context.Context, id string) (seen, error)
}

// Pass repairs drifted resources and returns how many they are.
func (d *Drift) Pass(ctx context.Context) (int, error) {
	types, err := d.lists(ctx)
	if err != nil {
		return 0, err
	}
	var repaired int
	var failed []error
	for _, kind := range []tenancy.Kind{tenancy.KindTenant, tenancy.KindOrganisation} {
		found := map[string][]finding{}
		err := d.engine.Objects(ctx, string(kind), func(page []provision.OwnedObject) error {
			for _, o := range page {
				f, err := d.inspect(ctx, types, o)
				if err != nil {
					return err
				}
				if f.detail != "" {
					found[o.ResourceUID] = append(found[o.ResourceUID], f)
				}
			}
			return nil
		})
		failed = append(failed, err)
		for uid, all := range found {
			did, err := d.repair(ctx, uid, all)
			failed = append(failed, err)
			if did {
				repaired++
			}
		}
	}
	return repaired, errors.Join(failed...)
}

func (d *Drift) lists(ctx context.Context) (map[string]wanted, error) {
	domains, err := d.cloud.ListDomains(ctx, "")
	if err != nil {
		return nil, err
	}
	projects, err := d.cloud.ListProjects(ctx, "", tenancy.Marker)
	if err != nil {
		return nil, err
	}
	users, err := d.cloud.ListUsers(ctx, tenancy.NamePrefix)
	if err != nil {
		return nil, err
	}
	types := map[string]wanted{
		"keystone.domain": {step: "domain", have: map[string]seen{}, read: func(ctx context.Context, id string) (seen, error) {
			v, err := d.cloud.Domain(ctx, id)
			return seen{v.Name, v.Enabled}, err
		}},
		"keystone.project": {step: "project", have: map[string]seen{}, read: func(ctx context.Context, id string) (seen, error) {
			v, err := d.cloud.Project(ctx, id)
			return seen{v.Name, v.Enabled}, err
		}},
		"keystone.user": {step: "user", have: map[string]seen{}, read: func(ctx context.Context, id string) (seen, error) {
			v, err := d.cloud.User(ctx, id)
			return seen{v.Name, v.Enabled}, err
		}},
	}
	for _, v := range domains {
		types["keystone.domain"].have[v.ID] = seen{v.Name, v.Enabled}
	}
	for _, v := range projects {
		types["keystone.project"].have[v.ID] = seen{v.Name, v.Enabled}
	}
	for _, v := range users {
		types["keystone.user"].have[v.ID] = seen{v.Name, v.Enabled}
	}
	return types, nil
}

// finding is one object that drifted.
type finding struct{ step, detail string }

func (d *Drift) inspect(ctx context.Context, types map[string]wanted, o provision.OwnedObject) (finding, error) {
	w, ours := types[o.Type]
	if !ours || o.Reconciling || o.Surplus {
		return finding{}, nil
	}
	enabled, rests := enabledAt(o)
	if !rests {
		return finding{}, nil
	}
	have, listed := w.have[o.ID]
	if !listed {
		var err error
		switch have, err = w.read(ctx, o.ID); {
		case errs.CodeOf(err) == errs.CodeNotFound:
			return finding{w.step, fmt.Sprintf("%s %s is missing", o.Type, o.ID)}, nil
		case err != nil:
			return finding{}, err
		}
	}
	switch {
	case have.name != o.Name:
		return finding{w.step, fmt.Sprintf("%s %s is named %q instead of %q", o.Type, o.ID, have.name, o.Name)}, nil
	case have.enabled != enabled:
		return finding{w.step, fmt.Sprintf("%s %s is %s", o.Type, o.ID, map[bool]string{true: "enabled", false: "disabled"}[have.enabled])}, nil
	}
	return finding{}, nil
}

// enabledAt reports whether the object is to be enabled in the state of its resource; rests is false while the state is none of rest.
// A user stays enabled: without its project or domain it can do nothing.
func enabledAt(o provision.OwnedObject) (enabled, rests bool) {
	switch o.ResourceState {
	case provision.Active:
		return true, true
	case provision.Suspended, provision.Deleted:
		return o.Type == "keystone.user", true
	default:
		return false, false
	}
}

func (d *Drift) repair(ctx context.Context, uid string, all []finding) (bool, error) {
	var steps []string
	var detail string
	for _, f := range all {
		steps = append(steps, f.step)
		if detail != "" {
			detail += "; "
		}
		detail += f.detail
	}
	var op *provision.Operation
	err := pg.InTx(ctx, d.db, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		op, err = d.engine.Repair(ctx, tx, uid, steps, detail)
		return err
	})
	if errs.CodeOf(err) == errs.CodeNotFound {
		return false, nil // it was removed meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("repair %s: %w", uid, err)
	}
	return op != nil, nil
}

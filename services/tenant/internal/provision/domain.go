package provision

import (
	"context"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/openstack/keystone"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

func domainWanted(t tenancy.Tenant) keystone.Domain {
	return keystone.Domain{
		Name: tenancy.CloudName(t.ID, t.UID), Description: tenancy.CloudDescription(t.Name()), Enabled: t.Enabled(),
	}
}

func (k *tenants) makeDomain(ctx context.Context, run *provision.Run) (provision.External, error) {
	spec, err := tenantOf(run.Resource)
	if err != nil {
		return provision.External{}, err
	}
	want := domainWanted(spec.Tenant)
	if e, ok := run.Existing(); ok {
		want.ID = e.ID
		d, err := k.Cloud.UpdateDomain(ctx, want)
		return provision.External{ID: d.ID, Name: d.Name}, err
	}
	d, err := k.Cloud.CreateDomain(ctx, want)
	if !taken(err) {
		return provision.External{ID: d.ID, Name: d.Name}, err
	}
	// The name holds our unique id: whatever has it is ours, and a list that did not show it lagged behind.
	found, listErr := k.Cloud.ListDomains(ctx, want.Name)
	if listErr != nil || len(found) == 0 {
		return provision.External{}, err
	}
	want.ID = found[0].ID
	d, err = k.Cloud.UpdateDomain(ctx, want)
	return provision.External{ID: d.ID, Name: d.Name}, err
}

func (k *tenants) observeDomain(ctx context.Context, run *provision.Run) ([]provision.External, error) {
	return k.findDomain(ctx, run, run.Step())
}

// findDomain looks by name, and by id for one that somebody renamed.
func (k *tenants) findDomain(ctx context.Context, run *provision.Run, step string) ([]provision.External, error) {
	spec, err := tenantOf(run.Resource)
	if err != nil {
		return nil, err
	}
	found, err := k.Cloud.ListDomains(ctx, tenancy.CloudName(spec.ID, spec.UID))
	if err != nil {
		return nil, err
	}
	out := make([]provision.External, len(found))
	for i, d := range found {
		out[i] = provision.External{ID: d.ID, Name: d.Name}
	}
	return withKnown(out, run, step, func(id string) error {
		_, err := k.Cloud.Domain(ctx, id)
		return err
	})
}

func (k *tenants) deleteDomain(ctx context.Context, _ *provision.Run, e provision.External) error {
	return k.Cloud.DeleteDomain(ctx, e.ID)
}

func (k *tenants) domainsLeft(ctx context.Context, _ *provision.Run, gone []provision.External) ([]provision.External, error) {
	return left(gone, func(e provision.External) error {
		_, err := k.Cloud.Domain(ctx, e.ID)
		return err
	})
}

// withKnown adds the object the ledger has when the list by name does not show it but the cloud still knows its id.
func withKnown(found []provision.External, run *provision.Run, step string, read func(id string) error) ([]provision.External, error) {
	known, ok := run.Object(step)
	if !ok {
		return found, nil
	}
	for _, f := range found {
		if f.ID == known.ID {
			return found, nil
		}
	}
	switch err := read(known.ID); {
	case err == nil:
		return append([]provision.External{known}, found...), nil
	case errs.CodeOf(err) == errs.CodeNotFound:
		return found, nil
	default:
		return nil, err
	}
}

// left answers those of the objects that can still be read.
func left(objects []provision.External, read func(provision.External) error) ([]provision.External, error) {
	var out []provision.External
	for _, o := range objects {
		switch err := read(o); {
		case err == nil:
			out = append(out, o)
		case errs.CodeOf(err) != errs.CodeNotFound:
			return nil, err
		}
	}
	return out, nil
}

// taken tells whether a create was refused because something is in its way: in Keystone that is always the name.
func taken(err error) bool { return errs.ReasonOf(err) == openstack.ReasonConflict }

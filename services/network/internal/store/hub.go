package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/usage"
)

const selectHub = `SELECT h.uid, h.revision, h.create_time, h.update_time, ` + rows.StatusColumns + `,
       h.tenant, h.organisation, h.organisation_uid, h.project_id, h.mode, h.cidr, h.cloud, b.network_cidr,
       ` + closedColumns + `
  FROM hubs h JOIN boundaries b ON b.tenant = h.tenant` + joinClosed + rows.JoinStatus + `h.uid`

type hubRow struct {
	rows.Meta
	closedRow
	Tenant          string
	Organisation    string
	OrganisationUID string `db:"organisation_uid"`
	ProjectID       string `db:"project_id"`
	Mode            string
	CIDR            netip.Prefix `db:"cidr"`
	Cloud           []byte
	NetworkCIDR     netip.Prefix `db:"network_cidr"`
}

func (r hubRow) hub() (hub.Hub, error) {
	meta, err := r.Meta.Value()
	if err != nil {
		return hub.Hub{}, err
	}
	h := hub.Hub{
		Meta: meta, Name: resourcename.Hub{Tenant: r.Tenant, Organisation: r.Organisation}, OrganisationUID: r.OrganisationUID,
		ProjectID: r.ProjectID, Mode: resource.Mode(r.Mode), CIDR: r.CIDR, Tenant: r.NetworkCIDR, Closed: r.ClosedSince != nil,
	}
	h.Status.Conditions = r.conditions(h.Status.Conditions, h.Name.Parent().String())
	return h, rows.Unpack(r.Cloud, &h.Cloud, "cloud objects of a hub")
}

// LoadHub reads a hub by its uid.
func (r *Records) LoadHub(ctx context.Context, q provision.Querier, uid string) (hub.Hub, error) {
	return rows.One(ctx, q, hub.Kind, uid, rows.By(hubRow.hub), selectHub+` WHERE h.uid = $1`, uid)
}

// HubOf reads the hub of an organisation; NOT_FOUND of the organisation when there is none.
func (r *Records) HubOf(ctx context.Context, tenant, organisation string) (hub.Hub, error) {
	return hubOf(ctx, r.pool, resourcename.Organisation{Tenant: tenant, Organisation: organisation})
}

// HubsOf reads the hubs of a tenant.
func (r *Records) HubsOf(ctx context.Context, tenant string) ([]hub.Hub, error) {
	return rows.Many(ctx, r.pool, hub.Kind, rows.By(hubRow.hub), selectHub+` WHERE h.tenant = $1 ORDER BY h.organisation`, tenant)
}

// GetHub reads a hub by its name.
func (s *Store) GetHub(ctx context.Context, name resourcename.Hub) (hub.Hub, error) {
	return rows.One(ctx, s.pool, hub.Kind, name.String(), rows.By(hubRow.hub), selectHub+` WHERE h.tenant = $1 AND h.organisation = $2`,
		name.Tenant, name.Organisation)
}

func hubOf(ctx context.Context, q provision.Querier, name resourcename.Organisation) (hub.Hub, error) {
	return rows.One(ctx, q, "organisation", name.String(), rows.By(hubRow.hub), selectHub+` WHERE h.tenant = $1 AND h.organisation = $2`,
		name.Tenant, name.Organisation)
}

// EnsureHub makes the hub of an organisation, or answers the operation that made it.
func (s *Store) EnsureHub(ctx context.Context, id resource.Identity, o hub.Order) (*provision.Operation, error) {
	tenant := o.Name.Tenant
	return s.accept(ctx, id, tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: hub.Kind, Name: o.Name.String(), Verb: "create", Transient: provision.Creating, Final: provision.Active,
		}, event: "hub.created"}
		b, err := lockBoundary(ctx, tx, tenant)
		if err != nil {
			return c, err
		}
		was, err := hubOf(ctx, tx, o.Name.Parent())
		switch {
		case err == nil:
			c.UID, c.message = was.UID, s.hubMessage(was.UID)
			return s.ensured(ctx, tx, c, was.Status.State, o.Same(was))
		case errs.CodeOf(err) != errs.CodeNotFound:
			return c, err
		}
		held, err := taken(ctx, tx, tenant)
		if err != nil {
			return c, err
		}
		h, err := o.Resolve(ids.New("hub"), b, held)
		if err != nil {
			return c, err
		}
		if err := s.reserve(ctx, tx, tenant, h.UID, usage.OfHub(h)); err != nil {
			return c, err
		}
		c.UID, c.message = h.UID, s.hubMessage(h.UID)
		return c, s.insertHub(ctx, tx, h)
	})
}

func (s *Store) insertHub(ctx context.Context, tx pgx.Tx, h hub.Hub) error {
	_, err := tx.Exec(ctx, `INSERT INTO hubs (uid, tenant, organisation, organisation_uid, project_id, mode, cidr, create_time, update_time)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
		h.UID, h.Name.Tenant, h.Name.Organisation, h.OrganisationUID, h.ProjectID, string(h.Mode), h.CIDR, s.now())
	if err != nil {
		return fmt.Errorf("insert hub: %w", err)
	}
	return allocate(ctx, tx, h.Name.Tenant, ipam.Allocation{CIDR: h.CIDR, Purpose: ipam.Hub, Resource: h.Name.String(), UID: h.UID})
}

func (r *Records) hubMessage(uid string) func(context.Context, pgx.Tx) (proto.Message, error) {
	return func(ctx context.Context, tx pgx.Tx) (proto.Message, error) {
		h, err := r.LoadHub(ctx, tx, uid)
		if err != nil {
			return nil, err
		}
		return r.messages.Hub(h), nil
	}
}

// DeleteHub removes the hub of an organisation.
func (s *Store) DeleteHub(ctx context.Context, id resource.Identity, name resourcename.Hub) (*provision.Operation, error) {
	return s.accept(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: hub.Kind, Name: name.String(), Verb: "delete", Transient: provision.Deleting, Deleting: true,
		}, event: "hub.delete_requested"}
		err := lock(ctx, tx, `SELECT uid FROM hubs WHERE tenant = $1 AND organisation = $2 FOR UPDATE`, name.Tenant, name.Organisation)
		if err != nil {
			return c, err
		}
		h, err := rows.One(ctx, tx, hub.Kind, name.String(), rows.By(hubRow.hub), selectHub+` WHERE h.tenant = $1 AND h.organisation = $2`,
			name.Tenant, name.Organisation)
		if err != nil {
			return c, err
		}
		c.UID, c.message = h.UID, s.hubMessage(h.UID)
		if c.existing, err = tx.Removal(ctx, h.UID); err != nil || c.existing != nil {
			return c, err
		}
		var holder string
		err = tx.QueryRow(ctx, `SELECT name FROM vpcs WHERE tenant = $1 AND organisation = $2 ORDER BY name LIMIT 1`,
			name.Tenant, name.Organisation).Scan(&holder)
		switch {
		case err == nil:
			return c, hub.InUse(h, holder)
		case errors.Is(err, pgx.ErrNoRows):
			return c, nil
		default:
			return c, fmt.Errorf("look who uses the hub: %w", err)
		}
	})
}

// SettleHub records what became of a hub.
func (r *Records) SettleHub(ctx context.Context, tx pgx.Tx, s provision.Settlement, cloud hub.Cloud) error {
	h, err := r.LoadHub(ctx, tx, s.UID)
	if err != nil {
		return err
	}
	h.Meta = settled(h.Meta, s)
	if err := r.settleQuota(ctx, tx, s); err != nil {
		return err
	}
	switch {
	case s.Removed:
		if _, err := tx.Exec(ctx, `DELETE FROM hubs WHERE uid = $1`, s.UID); err != nil {
			return fmt.Errorf("delete hub: %w", err)
		}
		if err := release(ctx, tx, s.UID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM suspensions WHERE resource = $1`, h.Name.Parent().String()); err != nil {
			return fmt.Errorf("forget suspension: %w", err)
		}
		if err := r.quota.Forget(ctx, tx, s.Tenant, h.Name.Parent().String()); err != nil {
			return err
		}
	case s.Outcome == provision.Done:
		h.Cloud = cloud
		if err := setCloud(ctx, tx, "hubs", s.UID, cloud); err != nil {
			return err
		}
	}
	return r.publish(ctx, tx, told(hub.Kind, s), s.Name, s.Tenant, r.messages.Hub(h))
}

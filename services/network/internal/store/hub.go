package store

import (
	"context"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
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
func (s *Store) LoadHub(ctx context.Context, q provision.Querier, uid string) (hub.Hub, error) {
	return rows.One(ctx, q, hub.Kind, uid, rows.By(hubRow.hub), selectHub+` WHERE h.uid = $1`, uid)
}

// HubOf reads the hub of an organisation. Without one the error is NOT_FOUND of the organisation.
func (s *Store) HubOf(ctx context.Context, tenant, organisation string) (hub.Hub, error) {
	return s.FindHub(ctx, s.pool, resourcename.Organisation{Tenant: tenant, Organisation: organisation})
}

// FindHub is HubOf in a transaction.
func (s *Store) FindHub(ctx context.Context, q provision.Querier, name resourcename.Organisation) (hub.Hub, error) {
	return findHub(ctx, q, "organisation", name)
}

// GetHub reads a hub by its name.
func (s *Store) GetHub(ctx context.Context, name resourcename.Hub) (hub.Hub, error) {
	return findHub(ctx, s.pool, hub.Kind, name.Parent())
}

func findHub(ctx context.Context, q provision.Querier, missing string, name resourcename.Organisation) (hub.Hub, error) {
	return rows.One(ctx, q, missing, name.String(), rows.By(hubRow.hub), selectHub+` WHERE h.tenant = $1 AND h.organisation = $2`,
		name.Tenant, name.Organisation)
}

// HubsOf reads the hubs of a tenant.
func (s *Store) HubsOf(ctx context.Context, tenant string) ([]hub.Hub, error) {
	return rows.Many(ctx, s.pool, hub.Kind, rows.By(hubRow.hub), selectHub+` WHERE h.tenant = $1 ORDER BY h.organisation`, tenant)
}

// LockHub locks the hub of an organisation and reads it.
func (s *Store) LockHub(ctx context.Context, tx pgx.Tx, name resourcename.Organisation, l Lock) (hub.Hub, error) {
	if err := lock(ctx, tx, l, `hubs WHERE tenant = $1 AND organisation = $2`, name.Tenant, name.Organisation); err != nil {
		return hub.Hub{}, err
	}
	return s.FindHub(ctx, tx, name)
}

// InsertHub writes a new hub and takes its addresses.
func (s *Store) InsertHub(ctx context.Context, tx pgx.Tx, h hub.Hub) error {
	err := write(ctx, tx, "insert hub", `INSERT INTO hubs (uid, tenant, organisation, organisation_uid, project_id, mode, cidr, create_time,
		update_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
		h.UID, h.Name.Tenant, h.Name.Organisation, h.OrganisationUID, h.ProjectID, string(h.Mode), h.CIDR, s.Now())
	if err != nil {
		return err
	}
	return allocate(ctx, tx, h.Name.Tenant, ipam.Allocation{CIDR: h.CIDR, Purpose: ipam.Hub, Resource: h.Name.String(), UID: h.UID})
}

// SetHubCloud records the objects of a hub.
func (s *Store) SetHubCloud(ctx context.Context, tx pgx.Tx, uid string, cloud hub.Cloud) error {
	return setCloud(ctx, tx, "hubs", uid, cloud)
}

// RemoveHub deletes the row of a hub and gives its addresses back.
func (s *Store) RemoveHub(ctx context.Context, tx pgx.Tx, uid string) error {
	return remove(ctx, tx, "hubs", uid)
}

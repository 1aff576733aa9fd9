package store

import (
	"context"
	"errors"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/peering"
)

const selectPeering = `SELECT p.uid, p.revision, p.create_time, p.update_time, ` + rows.StatusColumns + `,
       p.tenant, p.peering, p.vpc, p.peer_vpc, p.vpc_uid, p.peer_uid, p.acceptance, p.link_cidr
  FROM peerings p` + rows.JoinStatus + `p.uid`

type peeringRow struct {
	rows.Meta
	Tenant     string
	Peering    string
	Vpc        string
	PeerVpc    string `db:"peer_vpc"`
	VpcUID     string `db:"vpc_uid"`
	PeerUID    string `db:"peer_uid"`
	Acceptance string
	LinkCIDR   netip.Prefix `db:"link_cidr"`
}

func (r peeringRow) peering() (peering.Peering, error) {
	meta, err := r.Meta.Value()
	if err != nil {
		return peering.Peering{}, err
	}
	a, errA := resourcename.ParseVpc(r.Vpc)
	b, errB := resourcename.ParseVpc(r.PeerVpc)
	return peering.Peering{
		Meta: meta, Name: resourcename.Peering{Tenant: r.Tenant, Peering: r.Peering}, Vpc: a, Peer: b, VpcUID: r.VpcUID,
		PeerUID: r.PeerUID, Acceptance: peering.Acceptance(r.Acceptance), Link: r.LinkCIDR,
	}, errors.Join(errA, errB)
}

// LoadPeering reads a peering by its uid.
func (s *Store) LoadPeering(ctx context.Context, q provision.Querier, uid string) (peering.Peering, error) {
	return rows.One(ctx, q, peering.Kind, uid, rows.By(peeringRow.peering), selectPeering+` WHERE p.uid = $1`, uid)
}

// PeeringsOf reads the peerings of a VPC.
func (s *Store) PeeringsOf(ctx context.Context, vpcUID string) ([]peering.Peering, error) {
	return rows.Many(ctx, s.pool, peering.Kind, rows.By(peeringRow.peering),
		selectPeering+` WHERE p.vpc_uid = $1 OR p.peer_uid = $1 ORDER BY p.name`, vpcUID)
}

// GetPeering reads a peering by its name.
func (s *Store) GetPeering(ctx context.Context, name resourcename.Peering) (peering.Peering, error) {
	return findPeering(ctx, s.pool, name)
}

func findPeering(ctx context.Context, q provision.Querier, name resourcename.Peering) (peering.Peering, error) {
	return rows.One(ctx, q, peering.Kind, name.String(), rows.By(peeringRow.peering), selectPeering+` WHERE p.name = $1`, name.String())
}

// LockPeering locks a peering and reads it.
func (s *Store) LockPeering(ctx context.Context, tx pgx.Tx, name resourcename.Peering, l Lock) (peering.Peering, error) {
	if err := lock(ctx, tx, l, `peerings WHERE name = $1`, name.String()); err != nil {
		return peering.Peering{}, err
	}
	return findPeering(ctx, tx, name)
}

// PeeringOf is the name of one peering of a VPC, empty when there is none.
func (s *Store) PeeringOf(ctx context.Context, tx pgx.Tx, vpcUID string) (string, error) {
	return name(ctx, tx, "peering", `SELECT name FROM peerings WHERE vpc_uid = $1 OR peer_uid = $1 ORDER BY name LIMIT 1`, vpcUID)
}

// Rival is the name of the peering of that name or, failing that, of that pair; empty when there is none.
func (s *Store) Rival(ctx context.Context, tx pgx.Tx, wanted resourcename.Peering, vpcUID, peerUID string) (string, error) {
	return name(ctx, tx, "peering", `SELECT name FROM peerings WHERE name = $1
		OR (vpc_uid = $2 AND peer_uid = $3) OR (vpc_uid = $3 AND peer_uid = $2) ORDER BY name = $1 DESC LIMIT 1`, wanted.String(), vpcUID, peerUID)
}

// InsertPeering writes a new peering and takes the addresses of its link.
func (s *Store) InsertPeering(ctx context.Context, tx pgx.Tx, p peering.Peering) error {
	err := write(ctx, tx, "insert peering", `INSERT INTO peerings (uid, tenant, peering, vpc_uid, peer_uid, vpc, peer_vpc, acceptance,
			link_cidr, create_time, update_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
		p.UID, p.Name.Tenant, p.Name.Peering, p.VpcUID, p.PeerUID, p.Vpc.String(), p.Peer.String(), string(p.Acceptance), p.Link, s.Now())
	if err != nil {
		return err
	}
	return allocate(ctx, tx, p.Name.Tenant, ipam.Allocation{CIDR: p.Link, Purpose: ipam.Peering, Resource: p.Name.String(), UID: p.UID})
}

// UpdatePeering writes the acceptance of a peering.
func (s *Store) UpdatePeering(ctx context.Context, tx pgx.Tx, p peering.Peering) error {
	return write(ctx, tx, "update peering", `UPDATE peerings SET acceptance = $2, revision = $3, update_time = $4 WHERE uid = $1`,
		p.UID, string(p.Acceptance), p.Revision, s.Now())
}

// RemovePeering deletes the row of a peering and gives the addresses of its link back.
func (s *Store) RemovePeering(ctx context.Context, tx pgx.Tx, uid string) error {
	return remove(ctx, tx, "peerings", uid)
}

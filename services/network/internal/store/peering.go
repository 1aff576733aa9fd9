package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/usage"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
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
func (r *Records) LoadPeering(ctx context.Context, q provision.Querier, uid string) (peering.Peering, error) {
	return rows.One(ctx, q, peering.Kind, uid, rows.By(peeringRow.peering), selectPeering+` WHERE p.uid = $1`, uid)
}

// PeeringsOf reads the peerings that hold a VPC.
func (r *Records) PeeringsOf(ctx context.Context, vpcUID string) ([]peering.Peering, error) {
	return rows.Many(ctx, r.pool, peering.Kind, rows.By(peeringRow.peering),
		selectPeering+` WHERE p.vpc_uid = $1 OR p.peer_uid = $1 ORDER BY p.name`, vpcUID)
}

// GetPeering reads a peering by its name.
func (s *Store) GetPeering(ctx context.Context, name resourcename.Peering) (peering.Peering, error) {
	return peeringOf(ctx, s.pool, name)
}

func peeringOf(ctx context.Context, q provision.Querier, name resourcename.Peering) (peering.Peering, error) {
	return rows.One(ctx, q, peering.Kind, name.String(), rows.By(peeringRow.peering), selectPeering+` WHERE p.name = $1`, name.String())
}

// openEnds refuses VPCs whose organisation is deleted or going.
func openEnds(ctx context.Context, tx pgx.Tx, ends ...resourcename.Vpc) error {
	for _, v := range ends {
		h, err := hubOf(ctx, tx, v.Parent())
		if err != nil {
			return err
		}
		if err := h.Open(); err != nil {
			return err
		}
	}
	return nil
}

// CreatePeering asks for a peering.
func (s *Store) CreatePeering(ctx context.Context, id resource.Identity, o peering.Order) (*provision.Operation, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	op, err := s.accept(ctx, id, o.Name.Tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: peering.Kind, Name: o.Name.String(), Verb: "create", Transient: provision.Creating, Final: provision.Active,
		}, event: "peering.created"}
		b, err := lockBoundary(ctx, tx, o.Name.Tenant)
		if errs.CodeOf(err) == errs.CodeNotFound {
			return c, errs.NotFound(vpc.Kind, o.Vpc.String())
		}
		if err == nil {
			err = b.Open()
		}
		if err != nil {
			return c, err
		}
		ends, err := lockVpcs(ctx, tx, o.Vpc, o.Peer)
		if err != nil {
			return c, err
		}
		if err := openEnds(ctx, tx, o.Vpc, o.Peer); err != nil {
			return c, err
		}
		if err := unpeered(ctx, tx, o, ends[0], ends[1]); err != nil {
			return c, err
		}
		held, err := taken(ctx, tx, o.Name.Tenant)
		if err != nil {
			return c, err
		}
		p, err := o.Resolve(ids.New("peer"), ends[0], ends[1], held)
		if err != nil {
			return c, err
		}
		if err := s.reserve(ctx, tx, o.Name.Tenant, p.UID, usage.OfPeering(p)); err != nil {
			return c, err
		}
		c.UID, c.message = p.UID, s.peeringMessage(p.UID)
		return c, s.insertPeering(ctx, tx, p)
	})
	switch pg.ConstraintOf(err) {
	case "peerings_name_key", "peerings_pair_key":
		return nil, errs.Exists(peering.Kind, o.Name.String())
	}
	return op, err
}

// lockVpcs holds VPCs against being deleted, and reads them after.
func lockVpcs(ctx context.Context, tx pgx.Tx, names ...resourcename.Vpc) ([]vpc.Vpc, error) {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = n.String()
	}
	// In one order, so that two peerings of the same pair do not wait for one another.
	if _, err := tx.Exec(ctx, `SELECT uid FROM vpcs WHERE name = ANY($1) ORDER BY uid FOR KEY SHARE`, texts); err != nil {
		return nil, fmt.Errorf("lock vpcs: %w", err)
	}
	vpcs := make([]vpc.Vpc, len(names))
	for i, n := range names {
		v, err := vpcOf(ctx, tx, n)
		if err != nil {
			return nil, err
		}
		vpcs[i] = v
	}
	return vpcs, nil
}

// unpeered refuses a name that is in use, and a pair that is peered under another name.
func unpeered(ctx context.Context, tx pgx.Tx, o peering.Order, a, b vpc.Vpc) error {
	var other string
	err := tx.QueryRow(ctx, `SELECT name FROM peerings WHERE name = $1
		OR (vpc_uid = $2 AND peer_uid = $3) OR (vpc_uid = $3 AND peer_uid = $2) ORDER BY name = $1 DESC LIMIT 1`,
		o.Name.String(), a.UID, b.UID).Scan(&other)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a peering of the two: %w", err)
	}
	if other == o.Name.String() {
		return errs.Exists(peering.Kind, other)
	}
	return errs.New(errs.AlreadyExists, "PEERING_EXISTS", "%q and %q are peered already by %q; use that, or delete it first", o.Vpc, o.Peer, other).
		With("resource", other)
}

func (s *Store) insertPeering(ctx context.Context, tx pgx.Tx, p peering.Peering) error {
	_, err := tx.Exec(ctx, `INSERT INTO peerings (uid, tenant, peering, vpc_uid, peer_uid, vpc, peer_vpc, acceptance, link_cidr,
			create_time, update_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
		p.UID, p.Name.Tenant, p.Name.Peering, p.VpcUID, p.PeerUID, p.Vpc.String(), p.Peer.String(), string(p.Acceptance), p.Link, s.now())
	if err != nil {
		return fmt.Errorf("insert peering: %w", err)
	}
	return allocate(ctx, tx, p.Name.Tenant, ipam.Allocation{CIDR: p.Link, Purpose: ipam.Peering, Resource: p.Name.String(), UID: p.UID})
}

func (r *Records) peeringMessage(uid string) func(context.Context, pgx.Tx) (proto.Message, error) {
	return func(ctx context.Context, tx pgx.Tx) (proto.Message, error) {
		p, err := r.LoadPeering(ctx, tx, uid)
		if err != nil {
			return nil, err
		}
		return r.messages.Peering(p), nil
	}
}

// AcceptPeering accepts a peering on behalf of the VPC that was asked.
func (s *Store) AcceptPeering(ctx context.Context, id resource.Identity, name resourcename.Peering) (*provision.Operation, error) {
	return s.accept(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: peering.Kind, Name: name.String(), Verb: "accept", Transient: provision.Updating, Final: provision.Active,
		}, event: "peering.accepted"}
		b, err := lockBoundary(ctx, tx, name.Tenant)
		if errs.CodeOf(err) == errs.CodeNotFound {
			return c, errs.NotFound(peering.Kind, name.String())
		}
		if err != nil {
			return c, err
		}
		if err := lock(ctx, tx, `SELECT uid FROM peerings WHERE name = $1 FOR UPDATE`, name.String()); err != nil {
			return c, err
		}
		p, err := peeringOf(ctx, tx, name)
		if err != nil {
			return c, err
		}
		if err := b.Open(); err != nil {
			return c, err
		}
		if err := openEnds(ctx, tx, p.Vpc, p.Peer); err != nil {
			return c, err
		}
		c.before = s.messages.Peering(p)
		if p, err = p.Accept(); err != nil {
			return c, err
		}
		_, err = tx.Exec(ctx, `UPDATE peerings SET acceptance = $2, revision = $3, update_time = $4 WHERE uid = $1`,
			p.UID, string(p.Acceptance), p.Revision, s.now())
		if err != nil {
			return c, fmt.Errorf("accept peering: %w", err)
		}
		c.UID, c.message = p.UID, s.peeringMessage(p.UID)
		return c, nil
	})
}

// DeletePeering ends a peering.
func (s *Store) DeletePeering(ctx context.Context, id resource.Identity, name resourcename.Peering, given string) (*provision.Operation, error) {
	return s.accept(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: peering.Kind, Name: name.String(), Verb: "delete", Transient: provision.Deleting, Deleting: true,
		}, event: "peering.delete_requested"}
		if err := lock(ctx, tx, `SELECT uid FROM peerings WHERE name = $1 FOR UPDATE`, name.String()); err != nil {
			return c, err
		}
		p, err := peeringOf(ctx, tx, name)
		if err != nil {
			return c, err
		}
		c.UID, c.message, c.before = p.UID, s.peeringMessage(p.UID), s.messages.Peering(p)
		if c.existing, err = tx.Removal(ctx, p.UID); err != nil || c.existing != nil {
			return c, err
		}
		return c, etag.Check(name.String(), given, p.Etag())
	})
}

// SettlePeering records what became of a peering.
func (r *Records) SettlePeering(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
	p, err := r.LoadPeering(ctx, tx, s.UID)
	if err != nil {
		return err
	}
	p.Meta = settled(p.Meta, s)
	// One that nobody accepted yet has made nothing: what it takes is still reserved.
	if s.Removed || p.Acceptance == peering.Accepted {
		if err := r.settleQuota(ctx, tx, s); err != nil {
			return err
		}
	}
	if s.Removed {
		if _, err := tx.Exec(ctx, `DELETE FROM peerings WHERE uid = $1`, s.UID); err != nil {
			return fmt.Errorf("delete peering: %w", err)
		}
		if err := release(ctx, tx, s.UID); err != nil {
			return err
		}
	}
	return r.publish(ctx, tx, told(peering.Kind, s), s.Name, s.Tenant, r.messages.Peering(p))
}

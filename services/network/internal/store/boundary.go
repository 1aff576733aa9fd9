package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/quota"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/accept"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/libs/resourcename"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
	"github.com/low-layer/platform/services/network/internal/core/usage"
)

const selectBoundary = `SELECT b.uid, b.revision, b.create_time, b.update_time, ` + rows.StatusColumns + `,
       b.tenant, b.tenant_uid, b.network_cidr, b.cloud, EXISTS (SELECT FROM suspensions s WHERE s.resource = 'tenants/' || b.tenant) AS suspended
  FROM boundaries b` + rows.JoinStatus + `b.uid`

type boundaryRow struct {
	rows.Meta
	Tenant      string
	TenantUID   string       `db:"tenant_uid"`
	NetworkCIDR netip.Prefix `db:"network_cidr"`
	Cloud       []byte
	Suspended   bool
}

func (r boundaryRow) boundary() (boundary.Boundary, error) {
	meta, err := r.Meta.Value()
	if err != nil {
		return boundary.Boundary{}, err
	}
	b := boundary.Boundary{
		Meta: meta, Tenant: resourcename.Tenant{Tenant: r.Tenant}, TenantUID: r.TenantUID, Network: r.NetworkCIDR, Suspended: r.Suspended,
	}
	return b, rows.Unpack(r.Cloud, &b.Cloud, "cloud objects of a boundary")
}

// LoadBoundary reads a boundary by its uid.
func (r *Records) LoadBoundary(ctx context.Context, q provision.Querier, uid string) (boundary.Boundary, error) {
	return rows.One(ctx, q, boundary.Kind, uid, rows.By(boundaryRow.boundary), selectBoundary+` WHERE b.uid = $1`, uid)
}

// Boundary reads the boundary of a tenant; NOT_FOUND of the tenant when there is none.
func (r *Records) Boundary(ctx context.Context, tenant string) (boundary.Boundary, error) {
	return boundaryOf(ctx, r.pool, tenant)
}

func boundaryOf(ctx context.Context, q provision.Querier, tenant string) (boundary.Boundary, error) {
	name := resourcename.Tenant{Tenant: tenant}.String()
	return rows.One(ctx, q, "tenant", name, rows.By(boundaryRow.boundary), selectBoundary+` WHERE b.tenant = $1`, tenant)
}

// lockBoundary holds the boundary for a change of the tenant's addresses: one at a time, so that none is refused for
// having picked what another one picked too.
func lockBoundary(ctx context.Context, tx pgx.Tx, tenant string) (boundary.Boundary, error) {
	if err := lock(ctx, tx, `SELECT uid FROM boundaries WHERE tenant = $1 FOR NO KEY UPDATE`, tenant); err != nil {
		return boundary.Boundary{}, err
	}
	return boundaryOf(ctx, tx, tenant)
}

// EnsureBoundary makes the boundary of a tenant, or answers the operation that made it.
func (s *Store) EnsureBoundary(ctx context.Context, id resource.Identity, o boundary.Order) (*provision.Operation, error) {
	return s.accept(ctx, id, o.Tenant.Tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: boundary.Kind, Name: boundary.Name(o.Tenant), Verb: "create", Transient: provision.Creating, Final: provision.Active,
		}}
		// Two calls at once: the second finds what the first made.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('boundary:' || $1, 0))`, o.Tenant.Tenant); err != nil {
			return c, fmt.Errorf("lock boundary: %w", err)
		}
		was, err := boundaryOf(ctx, tx, o.Tenant.Tenant)
		switch {
		case err == nil:
			c.UID = was.UID
			return s.ensured(ctx, tx, c, was.Status.State, o.Same(was))
		case errs.CodeOf(err) != errs.CodeNotFound:
			return c, err
		}
		b, err := o.Resolve(ids.New("bnd"))
		if err != nil {
			return c, err
		}
		c.UID = b.UID
		_, err = tx.Exec(ctx, `INSERT INTO boundaries (uid, tenant, tenant_uid, network_cidr, create_time, update_time)
			VALUES ($1, $2, $3, $4, $5, $5)`, b.UID, b.Tenant.Tenant, b.TenantUID, b.Network, s.now())
		if err != nil {
			return c, fmt.Errorf("insert boundary: %w", err)
		}
		return c, nil
	})
}

// ensured answers a call for what is there already: the operation that made it, or a new one when that was given up.
func (s *Store) ensured(ctx context.Context, tx *accept.Tx, c change, state resource.State, same error) (change, error) {
	if same != nil {
		return c, same
	}
	if state == provision.Deleting {
		return c, errs.Failed("RESOURCE_DELETING", "%q is being deleted; wait for the end of that and ask again", c.Name).With("resource", c.Name)
	}
	op, err := tx.Creation(ctx, c.UID)
	c.existing = op
	return c, err
}

// DeleteBoundary removes the boundary of a tenant.
func (s *Store) DeleteBoundary(ctx context.Context, id resource.Identity, name resourcename.Tenant) (*provision.Operation, error) {
	return s.accept(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: boundary.Kind, Name: boundary.Name(name), Verb: "delete", Transient: provision.Deleting, Deleting: true,
		}}
		if err := lock(ctx, tx, `SELECT uid FROM boundaries WHERE tenant = $1 FOR UPDATE`, name.Tenant); err != nil {
			return c, err
		}
		b, err := boundaryOf(ctx, tx, name.Tenant)
		if err != nil {
			return c, err
		}
		c.UID = b.UID
		if c.existing, err = tx.Removal(ctx, b.UID); err != nil || c.existing != nil {
			return c, err
		}
		var holder string
		err = tx.QueryRow(ctx, `SELECT resource FROM allocations WHERE tenant = $1 ORDER BY resource LIMIT 1`, name.Tenant).Scan(&holder)
		switch {
		case err == nil:
			return c, boundary.InUse(b, holder)
		case errors.Is(err, pgx.ErrNoRows):
			return c, nil
		default:
			return c, fmt.Errorf("look who uses the boundary: %w", err)
		}
	})
}

// SettleBoundary records what became of a boundary.
func (r *Records) SettleBoundary(ctx context.Context, tx pgx.Tx, s provision.Settlement, cloud boundary.Cloud) error {
	switch {
	case s.Removed:
		if _, err := tx.Exec(ctx, `DELETE FROM boundaries WHERE uid = $1`, s.UID); err != nil {
			return fmt.Errorf("delete boundary: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM suspensions WHERE resource = $1`, resourcename.Tenant{Tenant: s.Tenant}.String()); err != nil {
			return fmt.Errorf("forget suspension: %w", err)
		}
		return r.quota.Forget(ctx, tx, s.Tenant, resourcename.Tenant{Tenant: s.Tenant}.String())
	case s.Outcome == provision.Done:
		return setCloud(ctx, tx, "boundaries", s.UID, cloud)
	}
	return nil
}

// setCloud records the ids of a resource's objects.
func setCloud(ctx context.Context, tx pgx.Tx, table, uid string, cloud any) error {
	column, err := rows.Pack(cloud, "cloud objects")
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE `+pgx.Identifier{table}.Sanitize()+` SET cloud = $2 WHERE uid = $1`, uid, column); err != nil {
		return fmt.Errorf("record cloud objects: %w", err)
	}
	return nil
}

// CheckOrder says whether the networks of an order, so many of them VPCs, could be made now.
func (s *Store) CheckOrder(ctx context.Context, tenant resourcename.Tenant, vpcs int64, order []ipam.Wanted) error {
	b, err := s.Boundary(ctx, tenant.Tenant)
	if err != nil {
		return err
	}
	if err := b.Open(); err != nil {
		return err
	}
	held, err := taken(ctx, s.pool, tenant.Tenant)
	if err != nil {
		return err
	}
	if err := ipam.CheckOrder(b.Network, held, order); err != nil {
		return err
	}
	return s.quota.Room(ctx, s.pool, tenant.Tenant, []quota.Claim{{Place: tenant.String(), Resource: usage.Vpcs, Amount: vpcs}})
}

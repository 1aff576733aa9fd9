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
	"github.com/low-layer/platform/services/network/internal/core/usage"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

const selectVpc = `SELECT v.uid, v.revision, v.create_time, v.update_time, ` + rows.StatusColumns + `,
       v.tenant, v.organisation, v.vpc, v.display_name, v.labels, v.mode, v.cidr, v.transit_cidr, v.ingress_rules, v.deletion_protection, v.cloud,
       h.project_id, h.cidr AS hub_cidr, ` + closedColumns + `
  FROM vpcs v JOIN hubs h ON h.tenant = v.tenant AND h.organisation = v.organisation` + joinClosed + rows.JoinStatus + `v.uid`

type vpcRow struct {
	rows.Meta
	closedRow
	Tenant       string
	Organisation string
	Vpc          string
	DisplayName  string `db:"display_name"`
	Labels       []byte
	Mode         string
	CIDR         netip.Prefix `db:"cidr"`
	TransitCIDR  netip.Prefix `db:"transit_cidr"`
	IngressRules []byte       `db:"ingress_rules"`
	Protected    bool         `db:"deletion_protection"`
	Cloud        []byte
	ProjectID    string       `db:"project_id"`
	HubCIDR      netip.Prefix `db:"hub_cidr"`
}

func (r vpcRow) vpc() (vpc.Vpc, error) {
	meta, err := r.Meta.Value()
	if err != nil {
		return vpc.Vpc{}, err
	}
	v := vpc.Vpc{
		Meta: meta, Name: resourcename.Vpc{Tenant: r.Tenant, Organisation: r.Organisation, Vpc: r.Vpc}, DisplayName: r.DisplayName,
		Mode: resource.Mode(r.Mode), CIDR: r.CIDR, Transit: r.TransitCIDR, ProjectID: r.ProjectID, HubCIDR: r.HubCIDR,
		Protected: r.Protected,
	}
	v.Status.Conditions = r.conditions(v.Status.Conditions, v.Name.Parent().String())
	return v, errors.Join(
		rows.Unpack(r.Labels, &v.Labels, "labels of a vpc"),
		rows.Unpack(r.IngressRules, &v.Ingress, "ingress rules of a vpc"),
		rows.Unpack(r.Cloud, &v.Cloud, "cloud objects of a vpc"))
}

// LoadVpc reads a VPC by its uid.
func (r *Records) LoadVpc(ctx context.Context, q provision.Querier, uid string) (vpc.Vpc, error) {
	return rows.One(ctx, q, vpc.Kind, uid, rows.By(vpcRow.vpc), selectVpc+` WHERE v.uid = $1`, uid)
}

// Vpc reads a VPC by its uid, as it is now.
func (r *Records) Vpc(ctx context.Context, uid string) (vpc.Vpc, error) {
	return r.LoadVpc(ctx, r.pool, uid)
}

// VpcsOf reads the VPCs of an organisation.
func (r *Records) VpcsOf(ctx context.Context, tenant, organisation string) ([]vpc.Vpc, error) {
	return rows.Many(ctx, r.pool, vpc.Kind, rows.By(vpcRow.vpc), selectVpc+` WHERE v.tenant = $1 AND v.organisation = $2 ORDER BY v.name`,
		tenant, organisation)
}

// GetVpc reads a VPC by its name.
func (s *Store) GetVpc(ctx context.Context, name resourcename.Vpc) (vpc.Vpc, error) {
	return vpcOf(ctx, s.pool, name)
}

func vpcOf(ctx context.Context, q provision.Querier, name resourcename.Vpc) (vpc.Vpc, error) {
	return rows.One(ctx, q, vpc.Kind, name.String(), rows.By(vpcRow.vpc), selectVpc+` WHERE v.name = $1`, name.String())
}

// CreateVpc makes a VPC.
func (s *Store) CreateVpc(ctx context.Context, id resource.Identity, o vpc.Order) (*provision.Operation, error) {
	tenant, parent := o.Name.Tenant, o.Name.Parent()
	op, err := s.accept(ctx, id, tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: vpc.Kind, Name: o.Name.String(), Verb: "create", Transient: provision.Creating, Final: provision.Active,
		}, event: "vpc.created"}
		b, err := lockBoundary(ctx, tx, tenant)
		if errs.CodeOf(err) == errs.CodeNotFound {
			return c, errs.NotFound("organisation", parent.String())
		}
		if err != nil {
			return c, err
		}
		err = lock(ctx, tx, `SELECT uid FROM hubs WHERE tenant = $1 AND organisation = $2 FOR KEY SHARE`, tenant, parent.Organisation)
		if err != nil {
			return c, err
		}
		h, err := hubOf(ctx, tx, parent)
		if err != nil {
			return c, err
		}
		if _, err := vpcOf(ctx, tx, o.Name); errs.CodeOf(err) != errs.CodeNotFound {
			if err == nil {
				err = errs.Exists(vpc.Kind, o.Name.String())
			}
			return c, err
		}
		var siblings int
		err = tx.QueryRow(ctx, `SELECT count(*) FROM vpcs WHERE tenant = $1 AND organisation = $2`, tenant, parent.Organisation).Scan(&siblings)
		if err != nil {
			return c, fmt.Errorf("count the VPCs of an organisation: %w", err)
		}
		if err := h.Room(siblings); err != nil {
			return c, err
		}
		held, err := taken(ctx, tx, tenant)
		if err != nil {
			return c, err
		}
		v, err := o.Resolve(ids.New("vpc"), b, h, held)
		if err != nil {
			return c, err
		}
		if err := s.reserve(ctx, tx, tenant, v.UID, usage.OfVpc(v)); err != nil {
			return c, err
		}
		c.UID, c.message = v.UID, s.vpcMessage(v.UID)
		return c, s.insertVpc(ctx, tx, v)
	})
	if pg.ConstraintOf(err) == "vpcs_name_key" {
		return nil, errs.Exists(vpc.Kind, o.Name.String())
	}
	return op, err
}

func (s *Store) insertVpc(ctx context.Context, tx pgx.Tx, v vpc.Vpc) error {
	labels, rules, err := vpcColumns(v)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO vpcs (uid, tenant, organisation, vpc, display_name, labels, mode, cidr, transit_cidr,
			ingress_rules, create_time, update_time, deletion_protection) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)`,
		v.UID, v.Name.Tenant, v.Name.Organisation, v.Name.Vpc, v.DisplayName, labels, string(v.Mode), v.CIDR, v.Transit, rules, s.now(), v.Protected)
	if err != nil {
		return fmt.Errorf("insert vpc: %w", err)
	}
	for purpose, cidr := range map[ipam.Purpose]netip.Prefix{ipam.Vpc: v.CIDR, ipam.Transit: v.Transit} {
		err := allocate(ctx, tx, v.Name.Tenant, ipam.Allocation{CIDR: cidr, Purpose: purpose, Resource: v.Name.String(), UID: v.UID})
		if err != nil {
			return err
		}
	}
	return nil
}

func vpcColumns(v vpc.Vpc) (labels, rules []byte, err error) {
	if v.Labels == nil {
		v.Labels = map[string]string{}
	}
	if v.Ingress == nil {
		v.Ingress = []vpc.IngressRule{}
	}
	if labels, err = rows.Pack(v.Labels, "labels"); err != nil {
		return nil, nil, err
	}
	rules, err = rows.Pack(v.Ingress, "ingress rules")
	return labels, rules, err
}

func (r *Records) vpcMessage(uid string) func(context.Context, pgx.Tx) (proto.Message, error) {
	return func(ctx context.Context, tx pgx.Tx) (proto.Message, error) {
		v, err := r.LoadVpc(ctx, tx, uid)
		if err != nil {
			return nil, err
		}
		return r.messages.Vpc(v), nil
	}
}

// UpdateVpc changes a VPC.
func (s *Store) UpdateVpc(ctx context.Context, id resource.Identity, u vpc.Update) (*provision.Operation, error) {
	return s.accept(ctx, id, u.Name.Tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: vpc.Kind, Name: u.Name.String(), Verb: "update", Transient: provision.Updating, Final: provision.Active,
		}, event: "vpc.updated"}
		if err := lock(ctx, tx, `SELECT uid FROM vpcs WHERE name = $1 FOR NO KEY UPDATE`, u.Name.String()); err != nil {
			return c, err
		}
		v, err := vpcOf(ctx, tx, u.Name)
		if err != nil {
			return c, err
		}
		c.before = s.messages.Vpc(v)
		if v, err = u.Apply(v); err != nil {
			return c, err
		}
		labels, rules, err := vpcColumns(v)
		if err != nil {
			return c, err
		}
		_, err = tx.Exec(ctx, `UPDATE vpcs SET display_name = $2, labels = $3, ingress_rules = $4, revision = $5, update_time = $6,
			deletion_protection = $7 WHERE uid = $1`, v.UID, v.DisplayName, labels, rules, v.Revision, s.now(), v.Protected)
		if err != nil {
			return c, fmt.Errorf("update vpc: %w", err)
		}
		if v.Status.State == provision.Creating || (v.Status.State == provision.BlockedAt && v.Cloud.RouterID == "") {
			// It has never been whole: what goes on is still its creation.
			c.Transient = provision.Creating
		}
		c.UID, c.message = v.UID, s.vpcMessage(v.UID)
		return c, nil
	})
}

// DeleteVpc removes a VPC.
func (s *Store) DeleteVpc(ctx context.Context, id resource.Identity, name resourcename.Vpc, given string) (*provision.Operation, error) {
	return s.accept(ctx, id, name.Tenant, func(ctx context.Context, tx *accept.Tx) (change, error) {
		c := change{Change: provision.Change{
			Kind: vpc.Kind, Name: name.String(), Verb: "delete", Transient: provision.Deleting, Deleting: true,
		}, event: "vpc.delete_requested"}
		if err := lock(ctx, tx, `SELECT uid FROM vpcs WHERE name = $1 FOR UPDATE`, name.String()); err != nil {
			return c, err
		}
		v, err := vpcOf(ctx, tx, name)
		if err != nil {
			return c, err
		}
		c.UID, c.message, c.before = v.UID, s.vpcMessage(v.UID), s.messages.Vpc(v)
		if c.existing, err = tx.Removal(ctx, v.UID); err != nil || c.existing != nil {
			return c, err
		}
		if err := etag.Check(name.String(), given, v.Etag()); err != nil {
			return c, err
		}
		if err := v.Deletable(); err != nil {
			return c, err
		}
		var held string
		err = tx.QueryRow(ctx, `SELECT name FROM peerings WHERE vpc_uid = $1 OR peer_uid = $1 ORDER BY name LIMIT 1`, v.UID).Scan(&held)
		switch {
		case err == nil:
			return c, vpc.Peered(v, held)
		case errors.Is(err, pgx.ErrNoRows):
			return c, nil
		default:
			return c, fmt.Errorf("look for peerings of the vpc: %w", err)
		}
	})
}

// SettleVpc records what became of a VPC.
func (r *Records) SettleVpc(ctx context.Context, tx pgx.Tx, s provision.Settlement, cloud vpc.Cloud) error {
	v, err := r.LoadVpc(ctx, tx, s.UID)
	if err != nil {
		return err
	}
	v.Meta = settled(v.Meta, s)
	if err := r.settleQuota(ctx, tx, s); err != nil {
		return err
	}
	switch {
	case s.Removed:
		if _, err := tx.Exec(ctx, `DELETE FROM vpcs WHERE uid = $1`, s.UID); err != nil {
			return fmt.Errorf("delete vpc: %w", err)
		}
		if err := release(ctx, tx, s.UID); err != nil {
			return err
		}
	case s.Outcome == provision.Done:
		v.Cloud = cloud
		if err := setCloud(ctx, tx, "vpcs", s.UID, cloud); err != nil {
			return err
		}
	}
	return r.publish(ctx, tx, told(vpc.Kind, s), s.Name, s.Tenant, r.messages.Vpc(v))
}

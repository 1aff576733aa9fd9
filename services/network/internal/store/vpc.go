package store

import (
	"context"
	"errors"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
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
func (s *Store) LoadVpc(ctx context.Context, q provision.Querier, uid string) (vpc.Vpc, error) {
	return rows.One(ctx, q, vpc.Kind, uid, rows.By(vpcRow.vpc), selectVpc+` WHERE v.uid = $1`, uid)
}

// Vpc reads a VPC by its uid, as of now.
func (s *Store) Vpc(ctx context.Context, uid string) (vpc.Vpc, error) {
	return s.LoadVpc(ctx, s.pool, uid)
}

// GetVpc reads a VPC by its name.
func (s *Store) GetVpc(ctx context.Context, name resourcename.Vpc) (vpc.Vpc, error) {
	return s.FindVpc(ctx, s.pool, name)
}

// FindVpc is GetVpc in a transaction.
func (s *Store) FindVpc(ctx context.Context, q provision.Querier, name resourcename.Vpc) (vpc.Vpc, error) {
	return rows.One(ctx, q, vpc.Kind, name.String(), rows.By(vpcRow.vpc), selectVpc+` WHERE v.name = $1`, name.String())
}

// VpcsOf reads the VPCs of an organisation.
func (s *Store) VpcsOf(ctx context.Context, tenant, organisation string) ([]vpc.Vpc, error) {
	return rows.Many(ctx, s.pool, vpc.Kind, rows.By(vpcRow.vpc), selectVpc+` WHERE v.tenant = $1 AND v.organisation = $2 ORDER BY v.name`,
		tenant, organisation)
}

// VpcNames are the names of an organisation's VPCs, in their order.
func (s *Store) VpcNames(ctx context.Context, tx pgx.Tx, o resourcename.Organisation) ([]string, error) {
	return rows.Many(ctx, tx, vpc.Kind, pgx.RowTo[string], `SELECT name FROM vpcs WHERE tenant = $1 AND organisation = $2 ORDER BY name`,
		o.Tenant, o.Organisation)
}

// LockVpc locks a VPC and reads it.
func (s *Store) LockVpc(ctx context.Context, tx pgx.Tx, name resourcename.Vpc, l Lock) (vpc.Vpc, error) {
	if err := lock(ctx, tx, l, `vpcs WHERE name = $1`, name.String()); err != nil {
		return vpc.Vpc{}, err
	}
	return s.FindVpc(ctx, tx, name)
}

// HoldVpcs locks two VPCs against removal and reads them. It locks in one order, so that two calls for one pair do not deadlock.
func (s *Store) HoldVpcs(ctx context.Context, tx pgx.Tx, a, b resourcename.Vpc) (first, second vpc.Vpc, err error) {
	if err = lock(ctx, tx, Hold, `vpcs WHERE name = ANY($1) ORDER BY uid`, []string{a.String(), b.String()}); err != nil {
		return first, second, err
	}
	if first, err = s.FindVpc(ctx, tx, a); err != nil {
		return first, second, err
	}
	second, err = s.FindVpc(ctx, tx, b)
	return first, second, err
}

// InsertVpc writes a new VPC and takes its addresses.
func (s *Store) InsertVpc(ctx context.Context, tx pgx.Tx, v vpc.Vpc) error {
	labels, rules, err := vpcColumns(v)
	if err != nil {
		return err
	}
	err = write(ctx, tx, "insert vpc", `INSERT INTO vpcs (uid, tenant, organisation, vpc, display_name, labels, mode, cidr, transit_cidr,
			ingress_rules, create_time, update_time, deletion_protection) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)`,
		v.UID, v.Name.Tenant, v.Name.Organisation, v.Name.Vpc, v.DisplayName, labels, string(v.Mode), v.CIDR, v.Transit, rules, s.Now(), v.Protected)
	if err != nil {
		return err
	}
	for purpose, cidr := range map[ipam.Purpose]netip.Prefix{ipam.Vpc: v.CIDR, ipam.Transit: v.Transit} {
		err := allocate(ctx, tx, v.Name.Tenant, ipam.Allocation{CIDR: cidr, Purpose: purpose, Resource: v.Name.String(), UID: v.UID})
		if err != nil {
			return err
		}
	}
	return nil
}

// UpdateVpc writes every field an update may change.
func (s *Store) UpdateVpc(ctx context.Context, tx pgx.Tx, v vpc.Vpc) error {
	labels, rules, err := vpcColumns(v)
	if err != nil {
		return err
	}
	return write(ctx, tx, "update vpc", `UPDATE vpcs SET display_name = $2, labels = $3, ingress_rules = $4, revision = $5, update_time = $6,
		deletion_protection = $7 WHERE uid = $1`, v.UID, v.DisplayName, labels, rules, v.Revision, s.Now(), v.Protected)
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

// SetVpcCloud records the objects of a VPC.
func (s *Store) SetVpcCloud(ctx context.Context, tx pgx.Tx, uid string, cloud vpc.Cloud) error {
	return setCloud(ctx, tx, "vpcs", uid, cloud)
}

// RemoveVpc deletes the row of a VPC and gives its addresses back.
func (s *Store) RemoveVpc(ctx context.Context, tx pgx.Tx, uid string) error {
	return remove(ctx, tx, "vpcs", uid)
}

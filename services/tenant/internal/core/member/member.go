// Package member is people and programs with roles at a tenant, an organisation or a VPC, and the decisions on their changes.
//
// The user directory is the truth: a role is membership of a group, and tokens carry the groups. Our records mirror it, so
// reads need no directory. Everything here is pure: the use cases read, decide here, and write.
package member

import (
	"slices"
	"strings"
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/etag"
)

// Role is the name of a group.
type Role string

// The roles, in the order they are shown.
const (
	Owner    Role = "owner"
	Admin    Role = "admin"
	Operator Role = "operator"
	Viewer   Role = "viewer"
	Billing  Role = "billing"
)

// Roles are all of them.
var Roles = []Role{Owner, Admin, Operator, Viewer, Billing}

// Sorted are roles in their own order, each once.
func Sorted(in []Role) []Role {
	var out []Role
	for _, r := range Roles {
		if slices.Contains(in, r) {
			out = append(out, r)
		}
	}
	return out
}

// Scope is where a role holds. Organisation and Vpc are empty for what lies above them.
type Scope struct{ Tenant, Organisation, Vpc string }

// ParseScope reads the name of a tenant, organisation or VPC.
func ParseScope(name string) (Scope, error) {
	switch strings.Count(name, "/") {
	case 1:
		t, err := resourcename.ParseTenant(name)
		return Scope{Tenant: t.Tenant}, err
	case 3:
		o, err := resourcename.ParseOrganisation(name)
		return Scope{Tenant: o.Tenant, Organisation: o.Organisation}, err
	default:
		v, err := resourcename.ParseVpc(name)
		return Scope{v.Tenant, v.Organisation, v.Vpc}, err
	}
}

// Name is the resource name of the scope; it is the path of its group, too.
func (s Scope) Name() string {
	switch {
	case s.Vpc != "":
		return resourcename.Vpc(s).String()
	case s.Organisation != "":
		return resourcename.Organisation{Tenant: s.Tenant, Organisation: s.Organisation}.String()
	default:
		return resourcename.Tenant{Tenant: s.Tenant}.String()
	}
}

// Group is the path of the group of a role at the scope.
func (s Scope) Group(r Role) string { return s.Name() + "/" + string(r) }

// Key names a member or service account.
type Key struct {
	Scope
	ID string
}

// ParseKey reads a name such as tenants/acme/members/…; collection is `members` or `serviceAccounts`.
func ParseKey(name, collection string) (Key, error) {
	parent, id, ok := strings.Cut(name, "/"+collection+"/")
	if !ok || id == "" || strings.Contains(id, "/") {
		return Key{}, errs.InvalidAs("INVALID_NAME", errs.Field("name", "%q is not the name of one of %s", name, collection))
	}
	s, err := ParseScope(parent)
	return Key{s, id}, err
}

// Member is a person with roles.
type Member struct {
	UID       string
	TenantUID string
	Scope     Scope
	// Subject is that of the person's tokens.
	Subject     string
	Email       string
	DisplayName string
	Roles       []Role
	// Vouched is true when an owner had the account made, so no lesser role knew its first password.
	Vouched bool
	// InitialPassword is never stored.
	InitialPassword string
	Revision        int64
	CreateTime      time.Time
	UpdateTime      time.Time
}

// Name is its resource name; empty while the person has no account.
func (m Member) Name() string {
	if m.Subject == "" {
		return ""
	}
	return m.Scope.Name() + "/members/" + m.Subject
}

// Etag changes with every change; it is empty for a member that is not stored.
func (m Member) Etag() string { return revision(m.UID, m.Revision) }

func revision(uid string, n int64) string {
	if uid == "" {
		return ""
	}
	return etag.Of(uid, n)
}

// Account is the account of a program.
type Account struct {
	UID         string
	TenantUID   string
	Scope       Scope
	ID          string
	DisplayName string
	Roles       []Role
	// External is the directory's id of the client; empty while the account is being made.
	External    string
	ClientID    string
	Subject     string
	Secret      string // never stored
	Expired     bool
	ExpireTime  time.Time
	LastUseTime time.Time
	Revision    int64
	CreateTime  time.Time
	UpdateTime  time.Time
}

// Name is its resource name.
func (a Account) Name() string { return a.Scope.Name() + "/serviceAccounts/" + a.ID }

// Etag changes with every change; it is empty for an account that is not stored.
func (a Account) Etag() string { return revision(a.UID, a.Revision) }

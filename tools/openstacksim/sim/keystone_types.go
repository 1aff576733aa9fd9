package sim

import "time"

type domain struct {
	meta
	Enabled bool
}

type project struct {
	meta
	DomainID string
	ParentID string
	Enabled  bool
}

type user struct {
	meta
	DomainID         string
	DefaultProjectID string
	Email            string
	Password         string
	Enabled          bool
	PasswordSetAt    time.Time
}

type role struct {
	meta
	DomainID string
}

// scopeKind is what a role is granted on.
type scopeKind string

const (
	onProject scopeKind = "project"
	onDomain  scopeKind = "domain"
	onSystem  scopeKind = "system"
)

type assignment struct {
	UserID   string
	RoleID   string
	Scope    scopeKind
	TargetID string
}

type accessRule struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	Method  string `json:"method"`
	Path    string `json:"path"`
}

type appCredential struct {
	meta
	UserID       string
	Secret       string
	RoleIDs      []string
	Unrestricted bool
	ExpiresAt    *time.Time
	AccessRules  []accessRule
}

func (a *appCredential) expired(now time.Time) bool {
	return a.ExpiresAt != nil && !now.Before(*a.ExpiresAt)
}

type token struct {
	ID              string
	UserID          string
	ProjectID       string
	DomainID        string
	System          bool
	AppCredentialID string
	Methods         []string
	AuditIDs        []string
	IssuedAt        time.Time
	ExpiresAt       time.Time
}

func (t *token) unscoped() bool { return t.ProjectID == "" && t.DomainID == "" && !t.System }

// impliedRoles is the chain that Keystone sets up when it is installed.
var impliedRoles = map[string][]string{"admin": {"member", "reader"}, "member": {"reader"}}

package keystone

// Types of objects in the ledger. They never change.
const (
	TypeDomain     = "keystone.domain"
	TypeProject    = "keystone.project"
	TypeUser       = "keystone.user"
	TypeAccess     = "keystone.role_assignment"
	TypeCredential = "keystone.application_credential" //nolint:gosec // the name of a type
)

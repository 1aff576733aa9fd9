package tenancy

import (
	"fmt"
	"strings"
)

// Marker is the tag and the name prefix of everything this service makes in Keystone, so that an operator sees whose it
// is and the drift loop lists nothing else.
const Marker = "low-layer"

// NamePrefix begins the Keystone name of every domain, project and user of the platform.
const NamePrefix = "ll-"

// maxReadable is how much of the caller's id goes into a name: Keystone takes 64 characters for domains and projects.
const maxReadable = 30

// CloudName is the Keystone name of a tenant's domain, an organisation's project, or its service user. It is unique in
// any cloud because the unique id is part of it, and people can read it because the caller's id is.
func CloudName(id, uid string) string {
	if len(id) > maxReadable {
		id = id[:maxReadable]
	}
	_, unique, _ := strings.Cut(uid, "_")
	return NamePrefix + strings.TrimRight(id, "-") + "-" + unique
}

// CredentialName is the Keystone name of the credential of a generation; names are unique for the user that owns them.
func CredentialName(uid string, generation int64) string {
	return fmt.Sprintf("%s%s-%d", NamePrefix, uid, generation)
}

// CloudDescription says in Keystone what an object is.
func CloudDescription(name string) string { return "LOW-LAYER " + name }

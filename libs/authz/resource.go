package authz

import "strings"

// Level is how deep a resource lies: what roles can be held on.
type Level int

// The levels.
const (
	Platform Level = iota
	Tenant
	Organisation
	VPC
	levels
)

// collections are the segments in front of the ids of each level.
var collections = [levels]string{Tenant: "tenants", Organisation: "organisations", VPC: "vpcs"}

// isID is true for 2 to 40 lower-case letters, digits and dashes that begin with a letter and do not end in a dash; a tenant's
// id has one more at least.
func isID(s string, l Level) bool {
	least := 2
	if l == Tenant {
		least = 3
	}
	if len(s) < least || len(s) > 40 || s[0] < 'a' || s[0] > 'z' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// isSegment is true for the words and ids below a VPC, and beside organisations and VPCs.
func isSegment(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && (i == 0 || c != '-' && c != '_' && c != '.' && c != '~') {
			return false
		}
	}
	return !isLevel(s)
}

// wildcard stands for every organisation in the parent of a list.
const wildcard = "-"

// Resource is what a permission is needed on.
type Resource struct {
	// Name is its resource name, `platform` for the platform.
	Name string
	// Kind is what it is called in errors, for example `vpc`.
	Kind string
	// above are the names of the tenant, organisation and VPC it is or lies in, as deep as level.
	above [levels]string
	level Level
}

// platformName is how the platform is called where others have a resource name.
const platformName = "platform"

var platform = Resource{Name: platformName, Kind: platformName}

// At is the nearest resource, itself included, on which roles can be held.
func (r Resource) At() string {
	if r.level == Platform {
		return platformName
	}
	return r.above[r.level]
}

// ParseResource reads a resource name. It takes no name that a handler would read otherwise: ids are as resourcename has
// them, and further segments are plain words. A single word, such as `isolationReport`, is the platform's.
func ParseResource(name string) (Resource, bool) {
	parts := strings.Split(name, "/")
	if len(parts) == 1 && isSegment(name) {
		return Resource{Name: name, Kind: kindOf(name)}, true
	}
	if len(parts) < 2 || parts[0] != collections[Tenant] || !isID(parts[1], Tenant) {
		return Resource{}, false
	}
	r := Resource{Name: name, level: Tenant}
	end := len(parts[0]) + 1 + len(parts[1])
	r.above[Tenant] = name[:end]
	rest := parts[2:]
	for next := Organisation; next < levels && len(rest) >= 2 && rest[0] == collections[next] && rest[1] != wildcard; next++ {
		if !isID(rest[1], next) {
			return Resource{}, false
		}
		end += len(rest[0]) + len(rest[1]) + 2
		r.above[next], r.level = name[:end], next
		rest = rest[2:]
	}
	all := len(rest) == 2 && rest[1] == wildcard && r.level == Tenant && rest[0] == collections[Organisation]
	if all || (len(rest) == 1 && r.level == Tenant && isSegment(rest[0])) {
		// All organisations are what the tenant holds; what a tenant has one of, such as its report, is there when the tenant is.
		return Resource{Name: r.above[Tenant], Kind: kindOf(collections[Tenant]), above: r.above, level: Tenant}, true
	}
	for _, s := range rest {
		if !isSegment(s) {
			return Resource{}, false
		}
	}
	last := parts[len(parts)-1]
	if len(parts)%2 == 0 {
		last = parts[len(parts)-2]
	}
	r.Kind = kindOf(last)
	return r, true
}

// isLevel keeps a tenant's name from standing where something else is expected.
func isLevel(s string) bool {
	return s == collections[Tenant] || s == collections[Organisation] || s == collections[VPC]
}

// kindOf is what one of a collection is called in errors: `vpcs` is `vpc`, `nodePools` is `node pool`, and `hub`, of which
// there is one, is `hub`.
func kindOf(collection string) string {
	var b strings.Builder
	for _, c := range strings.TrimSuffix(collection, "s") {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte(' ')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

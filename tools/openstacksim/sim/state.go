package sim

import (
	"time"
)

// state is the whole cloud. It holds only what JSON can carry, so that a snapshot is
// its encoding and nothing else.
type state struct {
	Seq int64

	Domains        table[*domain]
	Projects       table[*project]
	Users          table[*user]
	Roles          table[*role]
	Assignments    []assignment
	AppCredentials table[*appCredential]
	Tokens         map[string]*token

	AddressScopes table[*addressScope]
	SubnetPools   table[*subnetPool]
	Networks      table[*network]
	Subnets       table[*subnet]
	Ports         table[*port]
	Routers       table[*router]
	SecGroups     table[*secGroup]
	SecRules      table[*secRule]
	RBAC          table[*rbacPolicy]
	FloatingIPs   table[*floatingIP]
	NetQuotas     map[string]map[string]int
	NextSegment   int

	Flavors       table[*flavor]
	Keypairs      table[*keypair]
	ServerGroups  table[*serverGroup]
	Aggregates    table[*aggregate]
	NextAggregate int
	Hosts         table[*computeHost]
	Servers       table[*server]
	NovaQuotas    map[string]map[string]int

	Providers   table[*provider]
	Traits      map[string]bool
	Classes     map[string]bool
	Allocations map[string]*consumer

	Images  table[*image]
	Volumes table[*volume]
}

func emptyState() *state {
	return &state{
		Domains: table[*domain]{}, Projects: table[*project]{}, Users: table[*user]{},
		Roles: table[*role]{}, AppCredentials: table[*appCredential]{}, Tokens: map[string]*token{},
		AddressScopes: table[*addressScope]{}, SubnetPools: table[*subnetPool]{},
		Networks: table[*network]{}, Subnets: table[*subnet]{}, Ports: table[*port]{},
		Routers: table[*router]{}, SecGroups: table[*secGroup]{}, SecRules: table[*secRule]{},
		RBAC: table[*rbacPolicy]{}, FloatingIPs: table[*floatingIP]{}, NetQuotas: map[string]map[string]int{},
		NextSegment: 1,
		Flavors:     table[*flavor]{}, Keypairs: table[*keypair]{}, ServerGroups: table[*serverGroup]{},
		Aggregates: table[*aggregate]{}, NextAggregate: 1, Hosts: table[*computeHost]{},
		Servers: table[*server]{}, NovaQuotas: map[string]map[string]int{},
		Providers: table[*provider]{}, Traits: map[string]bool{}, Classes: map[string]bool{},
		Allocations: map[string]*consumer{}, Images: table[*image]{}, Volumes: table[*volume]{},
	}
}

// newMeta stamps a new object and puts it behind all that exist.
func (s *state) newMeta(id string, now time.Time) meta {
	s.Seq++
	return meta{ID: id, CreatedAt: now, UpdatedAt: now, Seq: s.Seq, Tags: []string{}}
}

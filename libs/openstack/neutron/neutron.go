// Package neutron has the ports to Neutron: its objects, and one small interface for each type of object. It is free of the
// SDK; libs/openstack/client implements it.
//
// Every method is at most one writing call, made once. An update writes the attributes it names, by Neutron's names, and every
// one that can change when it names none. Errors are errs.Error: CodeNotFound for what is gone, Aborted with
// the reason CLOUD_CONFLICT for what is in use, Ambiguous when a write may have been carried out all the same. Lists may
// be a little older than the last write. Deleting, detaching or unrouting what is gone is no error.
package neutron

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// Filter narrows a list; what is empty does not narrow. More than one id means any of them.
type Filter struct {
	IDs                 []string
	Name, ProjectID     string
	NetworkID, DeviceID string
	GroupID             string
	Tag                 string
}

// Scope is an address scope: inside of it no address is used twice.
type Scope struct {
	ID, Name, ProjectID string
	Shared              bool
}

// Pool is a subnet pool: the addresses subnets of one scope are taken from.
type Pool struct {
	ID, Name, ProjectID, ScopeID string
	Prefixes                     []netip.Prefix
	Shared                       bool
}

// Network is a layer-2 network. Open is true of one whose new ports have no port security.
type Network struct {
	ID, Name, ProjectID             string
	AdminUp, Shared, External, Open bool
	Tags                            []string
	Created                         time.Time
}

// Subnet is the addresses of a network.
type Subnet struct {
	ID, Name, ProjectID, NetworkID, PoolID string
	CIDR                                   netip.Prefix
	Gateway                                netip.Addr
	DHCP                                   bool
	HostRoutes                             []Route
	DNS                                    []netip.Addr
	Pools                                  []Range
}

// Range is a range of addresses.
type Range struct{ First, Last netip.Addr }

func (r Range) String() string { return r.First.String() + "-" + r.Last.String() }

// AllPools are the ranges that Neutron hands out in a subnet for which none were asked for: all but the gateway.
func AllPools(cidr netip.Prefix, gateway netip.Addr) []Range {
	base := cidr.Masked().Addr().As4()
	broadcast := binary.BigEndian.Uint32(base[:]) | ^uint32(0)>>cidr.Bits()
	binary.BigEndian.PutUint32(base[:], broadcast)
	first, last := cidr.Masked().Addr().Next(), netip.AddrFrom4(base).Prev()
	var out []Range
	for _, r := range []Range{{first, gateway.Prev()}, {gateway.Next(), last}} {
		if r.First.Compare(r.Last) <= 0 {
			out = append(out, r)
		}
	}
	return out
}

// Router routes between the subnets it has an interface in, and to the external network of its gateway.
type Router struct {
	ID, Name, ProjectID, Gateway string
	AdminUp                      bool
	Routes                       []Route
	Tags                         []string
	Created                      time.Time
}

// Route sends what is for a destination to a next hop.
type Route struct {
	Destination netip.Prefix
	NextHop     netip.Addr
}

func (r Route) String() string { return r.Destination.String() + " via " + r.NextHop.String() }

// Port is an end of a network. Pairs are the addresses it may use besides its own.
type Port struct {
	ID, Name, ProjectID, NetworkID string
	DeviceID, DeviceOwner          string
	Addresses                      []Address
	// Groups are the ids of its security groups, in their order; none for a port of a router.
	Groups, Pairs []string
	AdminUp       bool
	Created       time.Time
}

// Address is one address of a port.
type Address struct {
	SubnetID string
	IP       netip.Addr
}

func (a Address) String() string { return a.IP.String() + " in subnet " + a.SubnetID }

// Group is a security group. Rules are set where the cloud lists them with the group.
type Group struct {
	ID, Name, ProjectID string
	Stateless           bool
	Rules               []Rule
	Tags                []string
}

// Direction of traffic, seen from the server.
type Direction string

// The directions.
const (
	Ingress Direction = "ingress"
	Egress  Direction = "egress"
)

// Rule allows one kind of traffic.
type Rule struct {
	ID, GroupID, ProjectID, Description string
	Direction                           Direction
	// EtherType is IPv4 or IPv6.
	EtherType string
	// Protocol is empty for every one, ports are 0 for all.
	Protocol         string
	PortMin, PortMax int
	// Remote is where the traffic comes from or goes to; the zero prefix means anywhere.
	Remote netip.Prefix
	// RemoteGroupID is set on rules of others that name a group instead.
	RemoteGroupID string
}

// Traffic is the rule without its ids and its description: two rules for the same traffic are equal.
func (r Rule) Traffic() Rule {
	r.ID, r.GroupID, r.ProjectID, r.Description = "", "", "", ""
	if r.Remote.IsValid() && r.Remote.Bits() == 0 {
		r.Remote = netip.Prefix{}
	}
	return r
}

// String describes the traffic of the rule.
func (r Rule) String() string {
	text := string(r.Direction) + " " + r.EtherType
	if r.Protocol != "" {
		text += " " + r.Protocol
	}
	if r.PortMin != 0 || r.PortMax != 0 {
		text += fmt.Sprintf(" %d-%d", r.PortMin, r.PortMax)
	}
	switch {
	case r.RemoteGroupID != "":
		return text + " group " + r.RemoteGroupID
	case r.Remote.IsValid():
		return text + " " + r.Remote.String()
	}
	return text
}

// Taggable is a kind of object that takes tags.
type Taggable string

// The kinds that are tagged.
const (
	TagNetwork Taggable = "networks"
	TagRouter  Taggable = "routers"
	TagGroup   Taggable = "security-groups"
)

// Pools are address scopes and subnet pools.
type Pools interface {
	Scopes(ctx context.Context, f Filter) ([]Scope, error)
	CreateScope(ctx context.Context, s Scope) (Scope, error)
	UpdateScope(ctx context.Context, s Scope, attributes ...string) (Scope, error)
	DeleteScope(ctx context.Context, id string) error
	Pools(ctx context.Context, f Filter) ([]Pool, error)
	CreatePool(ctx context.Context, p Pool) (Pool, error)
	UpdatePool(ctx context.Context, p Pool, attributes ...string) (Pool, error)
	DeletePool(ctx context.Context, id string) error
}

// Networks are networks and their subnets.
type Networks interface {
	Networks(ctx context.Context, f Filter) ([]Network, error)
	CreateNetwork(ctx context.Context, n Network) (Network, error)
	UpdateNetwork(ctx context.Context, n Network, attributes ...string) (Network, error)
	DeleteNetwork(ctx context.Context, id string) error
	Subnets(ctx context.Context, f Filter) ([]Subnet, error)
	CreateSubnet(ctx context.Context, s Subnet) (Subnet, error)
	UpdateSubnet(ctx context.Context, s Subnet, attributes ...string) (Subnet, error)
	DeleteSubnet(ctx context.Context, id string) error
}

// Routers are routers, their interfaces and their routes.
type Routers interface {
	Routers(ctx context.Context, f Filter) ([]Router, error)
	CreateRouter(ctx context.Context, r Router) (Router, error)
	UpdateRouter(ctx context.Context, r Router, attributes ...string) (Router, error)
	DeleteRouter(ctx context.Context, id string) error
	// AttachSubnet gives the router the gateway address of a subnet and returns the port it got.
	AttachSubnet(ctx context.Context, routerID, subnetID string) (portID string, err error)
	AttachPort(ctx context.Context, routerID, portID string) error
	// DetachSubnet takes the router out of a subnet; its port there goes too, whichever it is.
	DetachSubnet(ctx context.Context, routerID, subnetID string) error
	// AddRoutes adds to what is there, without reading it: others add theirs at the same time.
	AddRoutes(ctx context.Context, routerID string, routes []Route) error
	RemoveRoutes(ctx context.Context, routerID string, routes []Route) error
}

// Ports are ports.
type Ports interface {
	// Port returns one port as it is now, not as a list has it.
	Port(ctx context.Context, id string) (Port, error)
	Ports(ctx context.Context, f Filter) ([]Port, error)
	CreatePort(ctx context.Context, p Port) (Port, error)
	UpdatePort(ctx context.Context, p Port, attributes ...string) (Port, error)
	DeletePort(ctx context.Context, id string) error
}

// Groups are security groups and their rules.
type Groups interface {
	Groups(ctx context.Context, f Filter) ([]Group, error)
	CreateGroup(ctx context.Context, g Group) (Group, error)
	UpdateGroup(ctx context.Context, g Group, attributes ...string) (Group, error)
	DeleteGroup(ctx context.Context, id string) error
	Rules(ctx context.Context, f Filter) ([]Rule, error)
	// CreateRules makes all rules, of one group, in one call.
	CreateRules(ctx context.Context, rules []Rule) ([]Rule, error)
	DeleteRule(ctx context.Context, id string) error
}

// Tagger sets the tags of an object, replacing those it has.
type Tagger interface {
	SetTags(ctx context.Context, kind Taggable, id string, tags []string) error
}

// Cloud is all of it.
type Cloud interface {
	Pools
	Networks
	Routers
	Ports
	Groups
	Tagger
}

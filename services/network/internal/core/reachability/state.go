// Package reachability computes which ends reach one another, and by which rules and routes, from an observed state of the network: no packet is sent
// and nothing of what was asked for is looked at. It is pure.
//
// A Model is built once of a State and walks packets as the cloud's routers do: an address means what the router it has
// arrived at makes of it, so tenants may use the same ones. Each router takes the longest prefix among its interfaces, its
// routes and its gateway; a route whose next hop lies in no network of the router counts as not there. Security groups are
// judged at the source's port on the way out and at the destination's on the way in; replies pass, for connections are
// tracked, unless the group that let the first packet through is stateless. Rules that name a group mean the addresses of
// that group's ports, whoever else holds the same ones.
//
// It promises to err on one side: what it does not know of (an address nobody holds, a gateway outside of the cloud) ends
// a path with its own outcome, never with "delivered". Routers and ports that are switched off carry nothing; a network
// that is switched off does, because OVN does not look at that.
package reachability

import (
	"net/netip"
	"strings"
)

// State is what a cloud was seen to hold. It is stored as JSON: names of fields never change.
type State struct {
	Networks  []Network      `json:"networks,omitempty"`
	Subnets   []Subnet       `json:"subnets,omitempty"`
	Ports     []Port         `json:"ports,omitempty"`
	Routers   []Router       `json:"routers,omitempty"`
	Groups    []Group        `json:"groups,omitempty"`
	Shares    []Share        `json:"shares,omitempty"`
	Floating  []FloatingIP   `json:"floating,omitempty"`
	Addresses []AddressGroup `json:"addresses,omitempty"`
}

// Network is a layer-2 network.
type Network struct {
	ID        string   `json:"id"`
	Name      string   `json:"name,omitempty"`
	ProjectID string   `json:"project,omitempty"`
	External  bool     `json:"external,omitempty"`
	Tags      []string `json:"tags,omitempty"`
}

// Subnet is the addresses of a network. HostRoutes are what its servers are told beside the gateway.
type Subnet struct {
	ID         string       `json:"id"`
	Name       string       `json:"name,omitempty"`
	NetworkID  string       `json:"network"`
	CIDR       netip.Prefix `json:"cidr"`
	Gateway    netip.Addr   `json:"gateway,omitzero"`
	HostRoutes []Route      `json:"host_routes,omitempty"`
}

// Port is an end of a network.
type Port struct {
	ID          string         `json:"id"`
	Name        string         `json:"name,omitempty"`
	ProjectID   string         `json:"project,omitempty"`
	NetworkID   string         `json:"network"`
	DeviceID    string         `json:"device,omitempty"`
	DeviceOwner string         `json:"owner,omitempty"`
	Addresses   []Address      `json:"addresses,omitempty"`
	Pairs       []netip.Prefix `json:"pairs,omitempty"`
	GroupIDs    []string       `json:"groups,omitempty"`
	Down        bool           `json:"down,omitempty"`
	// Open is a port whose port security is off: neither its addresses nor its traffic are checked.
	Open bool `json:"open,omitempty"`
}

// Address is one fixed address of a port.
type Address struct {
	SubnetID string     `json:"subnet"`
	IP       netip.Addr `json:"ip"`
}

// Route sends what is for a destination to a next hop.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	NextHop     netip.Addr   `json:"next_hop"`
}

// Router routes between the networks it has a port in.
type Router struct {
	ID        string   `json:"id"`
	Name      string   `json:"name,omitempty"`
	ProjectID string   `json:"project,omitempty"`
	Down      bool     `json:"down,omitempty"`
	Routes    []Route  `json:"routes,omitempty"`
	Gateway   *Gateway `json:"gateway,omitempty"`
}

// Gateway is a router's way to an external network.
type Gateway struct {
	NetworkID string `json:"network"`
	// SNAT hides who sends behind the router's own address.
	SNAT bool `json:"snat,omitempty"`
}

// Group is a security group with its rules.
type Group struct {
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
	ProjectID string `json:"project,omitempty"`
	Stateless bool   `json:"stateless,omitempty"`
	Rules     []Rule `json:"rules,omitempty"`
}

// Rule lets one kind of traffic through.
type Rule struct {
	ID          string `json:"id"`
	Description string `json:"description,omitempty"`
	Egress      bool   `json:"egress,omitempty"`
	IPv6        bool   `json:"ipv6,omitempty"`
	// Protocol is as the cloud has it: a name, a number, or empty for every one.
	Protocol string `json:"protocol,omitempty"`
	// Min and Max are the ports, or type and code of ICMP; nil is any.
	Min *int `json:"min,omitempty"`
	Max *int `json:"max,omitempty"`
	// Remote is where traffic comes from or goes to; the zero prefix is anywhere.
	Remote               netip.Prefix `json:"remote,omitzero"`
	RemoteGroupID        string       `json:"remote_group,omitempty"`
	RemoteAddressGroupID string       `json:"remote_address_group,omitempty"`
}

// AddressGroup is a list of addresses that rules may name.
type AddressGroup struct {
	ID       string         `json:"id"`
	Name     string         `json:"name,omitempty"`
	Prefixes []netip.Prefix `json:"prefixes,omitempty"`
}

// Share lets another project, or `*` for all, use an object.
type Share struct {
	ID         string `json:"id"`
	ObjectType string `json:"object_type"`
	ObjectID   string `json:"object"`
	Action     string `json:"action"`
	Target     string `json:"target"`
}

// FloatingIP is an address of an external network that stands for one of a port.
type FloatingIP struct {
	ID        string     `json:"id"`
	NetworkID string     `json:"network"`
	IP        netip.Addr `json:"ip"`
	RouterID  string     `json:"router,omitempty"`
	PortID    string     `json:"port,omitempty"`
	Fixed     netip.Addr `json:"fixed,omitzero"`
}

const (
	ownerNetwork   = "network:"
	ownerInterface = "network:router_interface"
	ownerHA        = "network:ha_router_replicated_interface"
	ownerGateway   = "network:router_gateway"
)

// OfRouter reports the ports by which routers are in networks.
func (p Port) OfRouter() bool {
	return strings.HasPrefix(p.DeviceOwner, ownerInterface) || p.DeviceOwner == ownerHA || p.DeviceOwner == ownerGateway
}

// Host reports the ports of servers, and of everything else that sends for itself; ports of the network's own services are none.
func (p Port) Host() bool { return !strings.HasPrefix(p.DeviceOwner, ownerNetwork) }

package reachability

import "net/netip"

// Ref names an object of the cloud.
type Ref struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Outcome is where a packet ends.
type Outcome string

// The outcomes. Only Arrived is a delivery to a host, or to whoever will hold the address.
const (
	// Arrived: in the network where the address is on the link. Path.Port is who holds it; empty when nobody does.
	Arrived Outcome = "ARRIVED"
	// AtRouter: the address is a router's own.
	AtRouter Outcome = "AT_ROUTER"
	// NoRoute: a router, or the source's own network, knows no way.
	NoRoute Outcome = "NO_ROUTE"
	// NoNextHop: nobody holds the address of the next hop.
	NoNextHop Outcome = "NO_NEXT_HOP"
	// Down: a router or a port on the way is switched off.
	Down Outcome = "DOWN"
	// Loop: routers send it round in circles.
	Loop Outcome = "LOOP"
	// Astray: it is handed to a host that is not the destination.
	Astray Outcome = "ASTRAY"
	// Outside: it leaves the cloud by an external network.
	Outside Outcome = "OUTSIDE"
)

// RouteKind is why a router sends a packet where it does.
type RouteKind string

// The kinds of routes.
const (
	// Connected: the router has an interface in the network.
	Connected RouteKind = "CONNECTED"
	// Static: an extra route of the router.
	Static RouteKind = "STATIC"
	// Default: the router's external gateway.
	Default RouteKind = "DEFAULT"
)

// Used is the route a router takes: of all that fit, the one with the longest prefix.
type Used struct {
	Kind        RouteKind    `json:"kind"`
	Destination netip.Prefix `json:"destination"`
	NextHop     netip.Addr   `json:"next_hop,omitzero"`
}

// Hop is one router on the way.
type Hop struct {
	Router Ref `json:"router"`
	// In is the port it comes in by and Network the network it comes from.
	In      Ref `json:"in"`
	Network Ref `json:"network"`
	// Route is what the router takes; nil when it knows none.
	Route *Used `json:"route,omitempty"`
	// Out is the port it leaves by.
	Out Ref `json:"out,omitzero"`
}

// Path is a packet's way.
type Path struct {
	Outcome Outcome `json:"outcome"`
	Hops    []Hop   `json:"hops,omitempty"`
	// Network is where it ends, Port who has it then.
	Network Ref `json:"network,omitzero"`
	Port    Ref `json:"port,omitzero"`
	// Address is the destination's at the end: a floating address is exchanged for a fixed one on the way.
	Address netip.Addr `json:"address,omitzero"`
	// Hidden is set when a router hides the source behind another address.
	Hidden *Hidden `json:"hidden,omitempty"`
}

// Hidden is a source address that was exchanged on the way.
type Hidden struct {
	Router string     `json:"router"`
	From   netip.Addr `json:"from"`
	To     netip.Addr `json:"to"`
}

// End is one end of a connection: an address in a network, and the port that has it. Without a port it is a server that
// could be there, in the Groups it would take, or with its port security off when it is Open.
type End struct {
	Network string
	IP      netip.Addr
	Port    string
	Groups  []string
	Open    bool
}

func (m *Model) refNetwork(id string) Ref { return Ref{id, m.networks[id].Name} }
func (m *Model) refPort(p Port) Ref       { return Ref{p.ID, p.Name} }

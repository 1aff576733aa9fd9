package neutron

// Types of objects in the ledger. They never change.
const (
	TypeScope     = "neutron.address_scope"
	TypePool      = "neutron.subnetpool"
	TypeNetwork   = "neutron.network"
	TypeSubnet    = "neutron.subnet"
	TypeRouter    = "neutron.router"
	TypeInterface = "neutron.router_interface"
	TypePort      = "neutron.port"
	TypeRoute     = "neutron.route"
	TypeGroup     = "neutron.security_group"
	TypeRule      = "neutron.security_group_rule"
)

// Attributes of objects in the ledger.
const (
	AttrRouter      = "router_id"
	AttrSubnet      = "subnet_id"
	AttrDestination = "destination"
	AttrNextHop     = "next_hop"
)

package sim

type addressScope struct {
	meta
	IPVersion int
	Shared    bool
}

type subnetPool struct {
	meta
	Prefixes       []string
	IPVersion      int
	MinPrefixLen   int
	MaxPrefixLen   int
	DefPrefixLen   int
	DefaultQuota   int // 0: none
	AddressScopeID string
	Shared         bool
	IsDefault      bool
}

type network struct {
	meta
	AdminStateUp bool
	Shared       bool
	External     bool
	PortSecurity bool
	MTU          int
	SegmentID    int
	AZHints      []string
}

type ipRange struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

type netRoute struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

type subnet struct {
	meta
	NetworkID    string
	IPVersion    int
	CIDR         string
	GatewayIP    string
	Pools        []ipRange
	DNS          []string
	HostRoutes   []netRoute
	EnableDHCP   bool
	SubnetPoolID string
	RAMode       string
	AddressMode  string
	ServiceTypes []string
}

type fixedIP struct {
	SubnetID  string `json:"subnet_id,omitempty"`
	IPAddress string `json:"ip_address,omitempty"`
}

type addressPair struct {
	IPAddress  string `json:"ip_address"`
	MACAddress string `json:"mac_address,omitempty"`
}

type port struct {
	meta
	NetworkID    string
	AdminStateUp bool
	Status       string
	MAC          string
	FixedIPs     []fixedIP
	DeviceID     string
	DeviceOwner  string
	SecGroups    []string
	AddressPairs []addressPair
	PortSecurity bool
	HostID       string
	VNICType     string
	DNSName      string
}

type gatewayInfo struct {
	NetworkID  string
	EnableSNAT bool
	PortID     string
}

type router struct {
	meta
	AdminStateUp bool
	Routes       []netRoute
	Gateway      *gatewayInfo
	AZHints      []string
}

type secGroup struct {
	meta
	Stateful bool
}

type secRule struct {
	meta
	SecGroupID    string
	Direction     string
	EtherType     string
	Protocol      string
	PortMin       *int
	PortMax       *int
	RemoteIP      string
	RemoteGroupID string
}

type rbacPolicy struct {
	meta
	ObjectType   string
	ObjectID     string
	Action       string
	TargetTenant string
}

type floatingIP struct {
	meta
	NetworkID string
	Address   string
	PortID    string // of the address on the external network
	FixedPort string
	FixedIP   string
	RouterID  string
}

const (
	ownerRouterInterface = "network:router_interface"
	ownerRouterGateway   = "network:router_gateway"
	ownerFloatingIP      = "network:floatingip"
	ownerDHCP            = "network:dhcp"
)

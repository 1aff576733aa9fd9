package topology

import "github.com/low-layer/platform/libs/openstack/neutron"

// Types of objects in the ledger.
const (
	TypeScope     = neutron.TypeScope
	TypePool      = neutron.TypePool
	TypeNetwork   = neutron.TypeNetwork
	TypeSubnet    = neutron.TypeSubnet
	TypeRouter    = neutron.TypeRouter
	TypeInterface = neutron.TypeInterface
	TypePort      = neutron.TypePort
	TypeRoute     = neutron.TypeRoute
	TypeGroup     = neutron.TypeGroup
	TypeRule      = neutron.TypeRule
)

// Attributes of objects in the ledger.
const (
	AttrRouter      = neutron.AttrRouter
	AttrSubnet      = neutron.AttrSubnet
	AttrDestination = neutron.AttrDestination
	AttrNextHop     = neutron.AttrNextHop
)

// Steps that make the objects; a step's name is the key of what the ledger remembers of it, so they never change.
const (
	StepScope             = "scope"
	StepPool              = "pool"
	StepLinkPool          = "link-pool"
	StepFoundation        = "foundation"
	StepNetwork           = "network"
	StepSubnet            = "subnet"
	StepRouter            = "router"
	StepInterface         = "router-interface"
	StepGroup             = "security-group"
	StepRules             = "security-group-rules"
	StepTagNetwork        = "tag-network"
	StepTagRouter         = "tag-router"
	StepTagGroup          = "tag-security-group"
	StepTransitNetwork    = "transit-network"
	StepTransitSubnet     = "transit-subnet"
	StepTransitPort       = "transit-port"
	StepHubInterface      = "hub-interface"
	StepTransitInterface  = "transit-interface"
	StepHubRoute          = "hub-route"
	StepVpcRoute          = "vpc-route"
	StepTagTransitNetwork = "tag-transit-network"
	StepPeerPort          = "peer-port"
	StepPeerInterface     = "peer-interface"
	StepPeerRoute         = "peer-route"
	StepRule              = "vpc-rule"
	StepPeerRule          = "peer-rule"
)

// TagStep is the step that tags what another step makes; empty when that takes no tags.
func TagStep(step string) string {
	switch step {
	case StepNetwork:
		return StepTagNetwork
	case StepTransitNetwork:
		return StepTagTransitNetwork
	case StepRouter:
		return StepTagRouter
	case StepGroup:
		return StepTagGroup
	default:
		return ""
	}
}

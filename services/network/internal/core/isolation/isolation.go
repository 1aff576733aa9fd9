// Package isolation judges whether what the network was seen to hold keeps apart what must be apart and joins what must be
// joined. It is pure: it gets an observed state and what was asked for before and after that was taken, and returns a report
// for each tenant and one for the operator.
//
// Every pair of networks that routers link is judged by packets, from and to every kind of server there is or could be:
// the addresses of a network fall into classes by the routes and rules that tell them apart, and traffic into classes by the
// ports rules name, so one packet of each stands for all. A sender may use any router in its network, not its gateway
// alone. Traffic that gets through and should not is VIOLATED, and so is traffic that should and does not; the offenders are the rules,
// routes and ports on the way that nobody asked for. Such objects are offenders also where nothing gets through them yet.
//
// It promises not to cry wolf over changes under way: what a resource that is worked on may hold in the meantime is
// UNSETTLED. But an object that no resource of ours accounts for is an offender at any time.
package isolation

import (
	"net/netip"
	"time"

	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// Intent is what was asked for at one moment.
type Intent struct {
	Hubs     []hub.Hub
	Vpcs     []vpc.Vpc
	Peerings []peering.Peering
	// Busy are the uids of resources that are worked on, or were a moment ago.
	Busy map[string]bool
}

// Site is a network of LOW-LAYER: a hub or a VPC.
type Site struct {
	Kind string `json:"kind"`
	UID  string `json:"uid"`
	// Resource is its name, Tenant and Organisation the ids in it.
	Resource     string       `json:"resource"`
	Tenant       string       `json:"tenant"`
	Organisation string       `json:"organisation"`
	ProjectID    string       `json:"project"`
	NetworkID    string       `json:"network"`
	RouterID     string       `json:"router"`
	GroupID      string       `json:"group"`
	CIDR         netip.Prefix `json:"cidr"`
}

// Observation is a state with the networks that were known when it was taken.
type Observation struct {
	Time  time.Time          `json:"time"`
	State reachability.State `json:"state"`
	Sites []Site             `json:"sites"`
}

// Verdict of a report, a pair or a tenant.
type Verdict string

// The verdicts.
const (
	Verified  Verdict = "VERIFIED"
	Violated  Verdict = "VIOLATED"
	Unsettled Verdict = "UNSETTLED"
	// Empty is that of a report without a network. None is kept: it is found when there is nothing to read.
	Empty Verdict = "EMPTY"
)

// Report is who can reach whom in one tenant; that of the operator has no tenant.
type Report struct {
	Tenant    string     `json:"tenant,omitempty"`
	Time      time.Time  `json:"time"`
	Verdict   Verdict    `json:"verdict"`
	PairCount int        `json:"pair_count"`
	Reachable int        `json:"reachable"`
	Violated  int        `json:"violated"`
	Pairs     []Pair     `json:"pairs,omitempty"`
	Offenders []Offender `json:"offenders,omitempty"`
	Tenants   []Summary  `json:"tenants,omitempty"`
	// Lasts is how long what was observed proves something.
	Lasts time.Duration `json:"lasts"`
	// Unobserved and Message are known when it is read: see AsOf.
	Unobserved []string `json:"-"`
	Message    string   `json:"-"`
}

// Summary is the verdict of one tenant, for the operator.
type Summary struct {
	Tenant    string  `json:"tenant"`
	Verdict   Verdict `json:"verdict"`
	PairCount int     `json:"pair_count"`
	Violated  int     `json:"violated"`
	Offenders int     `json:"offenders"`
}

// Pair is one network and another, in this direction.
type Pair struct {
	// Source and Destination are names of sites, `networks/{id}` for others, empty for those of another tenant.
	Source      string   `json:"source"`
	Destination string   `json:"destination"`
	Verdict     Verdict  `json:"verdict"`
	Observed    []string `json:"observed,omitempty"`
	Expected    []string `json:"expected,omitempty"`
	OneWay      bool     `json:"one_way,omitempty"`
	// Cut is a violation by what does not get through, not by what does.
	Cut       bool                 `json:"cut,omitempty"`
	Message   string               `json:"message"`
	Forward   reachability.Path    `json:"forward"`
	Back      reachability.Path    `json:"back"`
	Rules     []reachability.Match `json:"rules,omitempty"`
	Offenders []Offender           `json:"offenders,omitempty"`
}

// Offender is an object that nobody asked for and that opens, or cuts, something.
type Offender struct {
	Resource   string `json:"resource"`
	ObjectType string `json:"object_type"`
	ObjectID   string `json:"object_id"`
	Detail     string `json:"detail"`
}

// Sites are the hubs and VPCs that have been made.
func (in Intent) Sites() []Site {
	var out []Site
	for _, h := range in.Hubs {
		if h.Cloud.NetworkID != "" {
			out = append(out, Site{
				Kind: hub.Kind, UID: h.UID, Resource: h.Name.String(), Tenant: h.Name.Tenant, Organisation: h.Name.Organisation, ProjectID: h.ProjectID,
				NetworkID: h.Cloud.NetworkID, RouterID: h.Cloud.RouterID, GroupID: h.Cloud.SecurityGroupID, CIDR: h.CIDR,
			})
		}
	}
	for _, v := range in.Vpcs {
		if v.Cloud.NetworkID != "" {
			out = append(out, Site{
				Kind: vpc.Kind, UID: v.UID, Resource: v.Name.String(), Tenant: v.Name.Tenant, Organisation: v.Name.Organisation, ProjectID: v.ProjectID,
				NetworkID: v.Cloud.NetworkID, RouterID: v.Cloud.RouterID, GroupID: v.Cloud.SecurityGroupID, CIDR: v.CIDR,
			})
		}
	}
	return out
}

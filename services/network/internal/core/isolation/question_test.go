package isolation_test

import (
	"net/netip"
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// Every port in the project of an organisation is an end for its tenant, also in a network that the customer made.
func TestWhy_portInNetworkOfTheCustomer_isAnEnd(t *testing.T) {
	t.Parallel()
	port := func(id, project, network, ip string) reachability.Port {
		return reachability.Port{
			ID: id, ProjectID: project, NetworkID: network, DeviceOwner: "compute:nova", DeviceID: "server-of-" + id,
			Addresses: []reachability.Address{{IP: netip.MustParseAddr(ip)}},
		}
	}
	index := isolation.NewIndex(isolation.Observation{
		Sites: []isolation.Site{
			{Tenant: "acme", Resource: "tenants/acme/organisations/core/vpcs/dev", ProjectID: "core", NetworkID: "dev"},
			{Tenant: "umbrella", Resource: "tenants/umbrella/organisations/core/vpcs/dev", ProjectID: "other", NetworkID: "theirs"},
		},
		State: reachability.State{
			Networks: []reachability.Network{{ID: "dev", ProjectID: "core"}, {ID: "own", ProjectID: "core"}, {ID: "theirs", ProjectID: "other"}},
			Ports:    []reachability.Port{port("in-vpc", "core", "dev", "10.64.16.9"), port("in-own", "core", "own", "192.0.2.9"), port("foreign", "other", "theirs", "10.64.16.9")},
		},
	})
	for source, known := range map[string]bool{"ports/in-own": true, "servers/server-of-in-own": true, "ports/foreign": false} {
		e, err := index.Why(isolation.Question{Tenant: "acme", Source: source, Destination: "ports/in-vpc", Protocol: reachability.ICMP})
		switch {
		case known && (err != nil || e.Source.Port != "in-own"):
			t.Errorf("%s: got %+v, %v", source, e.Source, err)
		case !known && errs.CodeOf(err) != errs.CodeNotFound:
			t.Errorf("%s: got %v", source, err)
		}
	}
}

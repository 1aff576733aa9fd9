package provision_test

import (
	"fmt"
	"testing"

	"github.com/low-layer/platform/libs/provision/provisiontest"
)

const times = "now(), now()"

func TestEveryKindSurvives(t *testing.T) {
	kinds := newPlace(t).ground(t, "vpc").kinds
	in := func(world func(*testing.T, *place) provisiontest.World) func(*testing.T) provisiontest.World {
		p := newPlace(t) // each kind has a cloud of its own
		return func(t *testing.T) provisiontest.World { return world(t, p) }
	}
	provisiontest.Every(t, kinds, map[string]func(*testing.T) provisiontest.World{
		"boundary": in(boundaryWorld), "hub": in(hubWorld), "vpc": in(vpcWorld), "peering": in(peeringWorld),
	})
}

func boundaryWorld(t *testing.T, p *place) provisiontest.World {
	return p.ground(t, "bnd").world("boundary", "tenants/acme/boundary", []string{
		`INSERT INTO boundaries (uid, tenant, tenant_uid, network_cidr, create_time, update_time)
			VALUES ($uid, 'acme', 'ten_1', '10.64.0.0/12', ` + times + `)`,
	}, nil)
}

func hubWorld(t *testing.T, p *place) provisiontest.World {
	g := p.ground(t, "hub")
	g.boundary()
	return g.world("hub", "tenants/acme/organisations/core/hub", []string{
		fmt.Sprintf(`INSERT INTO hubs (uid, tenant, organisation, organisation_uid, project_id, mode, cidr, create_time, update_time)
			VALUES ($uid, 'acme', 'core', 'org_1', '%s', 'MUTUALIZED', '10.64.0.0/22', %s)`, g.project, times),
	}, nil)
}

func vpcWorld(t *testing.T, p *place) provisiontest.World {
	g := p.ground(t, "vpc")
	g.boundary()
	g.hub()
	return g.world("vpc", "tenants/acme/organisations/core/vpcs/dev", []string{
		`INSERT INTO vpcs (uid, tenant, organisation, vpc, mode, cidr, transit_cidr, ingress_rules, create_time, update_time)
			VALUES ($uid, 'acme', 'core', 'dev', 'DEDICATED', '10.64.16.0/20', '100.64.0.0/30',
			'[{"name": "web", "protocol": "tcp", "port_min": 443, "port_max": 443, "source": "0.0.0.0/0"}]', ` + times + `)`,
	}, []string{
		`UPDATE vpcs SET ingress_rules = '[{"name": "dns", "protocol": "udp", "port_min": 53, "port_max": 53, "source": "10.0.0.0/8"}]'
			WHERE uid = $uid`,
	})
}

func peeringWorld(t *testing.T, p *place) provisiontest.World {
	g := p.ground(t, "peer")
	g.boundary()
	g.hub()
	a, b := g.end("dev", "10.64.16.0/20", "100.64.0.0/30"), g.end("prod", "10.64.32.0/20", "100.64.0.4/30")
	return g.world("peering", "tenants/acme/peerings/link", []string{
		fmt.Sprintf(`INSERT INTO peerings (uid, tenant, peering, vpc_uid, peer_uid, vpc, peer_vpc, acceptance, link_cidr, create_time, update_time)
			VALUES ($uid, 'acme', 'link', '%s', '%s', 'tenants/acme/organisations/core/vpcs/dev',
			'tenants/acme/organisations/core/vpcs/prod', 'ACCEPTED', '100.65.0.0/30', %s)`, a, b, times),
	}, nil)
}

package conformance

import (
	"net/http"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
)

func checkSecurityGroup(_ *testing.T, e *env) {
	tn := e.tenant("group")
	pages, err := groups.List(tn.network, groups.ListOpts{}).AllPages(e.ctx())
	e.must("list groups", err)
	found, err := groups.ExtractGroups(pages)
	e.must("read groups", err)
	e.check(len(found) == 1 && found[0].Name == "default" && len(found[0].Rules) == 4, "a project has its default group: %+v", found)
	_, err = groups.Create(e.ctx(), tn.network, groups.CreateOpts{Name: "default"}).Extract()
	e.wants("a second default group", err, http.StatusConflict, "SecurityGroupDefaultAlreadyExists")
	e.wants("delete the default group as a member", groups.Delete(e.ctx(), tn.network, found[0].ID).ExtractErr(),
		http.StatusConflict, "SecurityGroupCannotRemoveDefault")

	g := e.group(tn, "g")
	e.check(len(g.Rules) == 2, "rules of a new group: %+v", g.Rules)
	for _, r := range g.Rules {
		e.check(r.Direction == "egress", "a new group lets out only: %+v", r)
	}
	n := e.net(tn, "n")
	p := e.port(tn, ports.CreateOpts{NetworkID: n.ID, SecurityGroups: &[]string{g.ID}})
	e.wants("delete a group in use", groups.Delete(e.ctx(), e.network, g.ID).ExtractErr(),
		http.StatusConflict, "SecurityGroupInUse")
	e.must("delete port", ports.Delete(e.ctx(), e.network, p.ID).ExtractErr())
	e.must("delete group", groups.Delete(e.ctx(), e.network, g.ID).ExtractErr())
	_, err = groups.Get(e.ctx(), e.network, g.ID).Extract()
	e.wants("get it", err, http.StatusNotFound, "SecurityGroupNotFound")
}

func checkRulesInBulk(_ *testing.T, e *env) {
	tn := e.tenant("rules")
	g := e.group(tn, "g")
	icmp := rules.CreateOpts{
		ProjectID: tn.projectID, SecGroupID: g.ID, Direction: rules.DirIngress, EtherType: rules.EtherType4,
		Protocol: rules.ProtocolICMP, RemoteIPPrefix: "10.64.0.0/16",
	}
	api := icmp
	api.Protocol, api.PortRangeMin, api.PortRangeMax = rules.ProtocolTCP, 6443, 6443
	among := rules.CreateOpts{
		ProjectID: tn.projectID, SecGroupID: g.ID, Direction: rules.DirIngress, EtherType: rules.EtherType4, RemoteGroupID: g.ID,
	}
	made, err := rules.CreateBulk(e.ctx(), e.network, []rules.CreateOpts{icmp, api, among}).Extract()
	e.must("create rules", err)
	e.check(len(made) == 3, "made: %+v", made)
	_, err = rules.Create(e.ctx(), e.network, api).Extract()
	e.wants("a rule twice", err, http.StatusConflict, "SecurityGroupRuleExists")
	fresh := api
	fresh.PortRangeMin, fresh.PortRangeMax = 80, 80
	_, err = rules.CreateBulk(e.ctx(), e.network, []rules.CreateOpts{fresh, api}).Extract()
	e.wants("a bulk with a rule that exists", err, http.StatusConflict, "SecurityGroupRuleExists")
	got, err := groups.Get(e.ctx(), e.network, g.ID).Extract()
	e.must("get group", err)
	e.check(len(got.Rules) == 5, "a bulk is all or nothing: %d rules", len(got.Rules))

	wrong := api
	wrong.PortRangeMin, wrong.PortRangeMax = 90, 80
	_, err = rules.Create(e.ctx(), e.network, wrong).Extract()
	e.wants("a range backwards", err, http.StatusBadRequest, "SecurityGroupInvalidPortRange")
	wrong = api
	wrong.RemoteIPPrefix, wrong.EtherType = "10.64.0.0/16", rules.EtherType6
	_, err = rules.Create(e.ctx(), e.network, wrong).Extract()
	e.wants("an IPv4 prefix in an IPv6 rule", err, http.StatusBadRequest, "SecurityGroupRuleParameterConflict")
	e.must("delete rule", rules.Delete(e.ctx(), e.network, made[0].ID).ExtractErr())
	_, err = rules.Get(e.ctx(), e.network, made[0].ID).Extract()
	e.wants("get it", err, http.StatusNotFound, "SecurityGroupRuleNotFound")
}

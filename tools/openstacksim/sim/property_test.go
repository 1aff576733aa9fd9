package sim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// machine drives the handler without a network and keeps no model: what it checks holds
// of any cloud, whatever was accepted or refused on the way.
type machine struct {
	cloud *sim.Cloud
	token string
	ids   map[string][]string // by path, of everything ever made
}

func (m *machine) call(t *rapid.T, method, path string, body any) (int, map[string]any) {
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://sim"+path, strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", m.token)
	rec := &recorder{header: http.Header{}}
	m.cloud.Handler().ServeHTTP(rec, req)
	if rec.status >= 500 {
		t.Fatalf("%s %s %s: %d %s", method, path, raw, rec.status, rec.body)
	}
	if m.token == "" {
		m.token = rec.header.Get("X-Subject-Token")
	}
	var out map[string]any
	if len(rec.body) > 0 {
		if err := json.Unmarshal(rec.body, &out); err != nil {
			t.Fatal(err)
		}
	}
	return rec.status, out
}

func newMachine(t *rapid.T) *machine {
	m := &machine{cloud: sim.New(sim.Options{}), ids: map[string][]string{}}
	m.call(t, "POST", "/identity/v3/auth/tokens", json.RawMessage(`{"auth":{"identity":{"methods":["password"],"password":
		{"user":{"name":"admin","domain":{"id":"default"},"password":"labpass"}}},"scope":{"project":{"name":"admin","domain":{"id":"default"}}}}}`))
	m.call(t, "PUT", "/networking/v2.0/quotas/"+m.project(), map[string]any{"quota": quota})
	return m
}

var quota = map[string]int{"network": 4, "subnet": 5, "port": 8, "router": 2, "security_group": 4, "security_group_rule": 14}

func (m *machine) project() string {
	for _, o := range m.cloud.Inventory("") {
		if o.Type == "project" && o.Name == "admin" {
			return o.ID
		}
	}
	return ""
}

func (m *machine) create(t *rapid.T, path, key string, attrs map[string]any) {
	status, out := m.call(t, "POST", "/networking/v2.0/"+path, map[string]any{key: attrs})
	if status == http.StatusCreated {
		made, isObject := out[key].(map[string]any)
		if !isObject {
			t.Fatalf("created %s: %v", key, out)
		}
		m.ids[path] = append(m.ids[path], fmt.Sprint(made["id"]))
	}
}

func (m *machine) any(t *rapid.T, path string) string {
	if len(m.ids[path]) == 0 {
		return "00000000-0000-4000-8000-000000000000"
	}
	return rapid.SampledFrom(m.ids[path]).Draw(t, path)
}

func (m *machine) objects(t *rapid.T, path, key string) []map[string]any {
	_, out := m.call(t, "GET", "/networking/v2.0/"+path, nil)
	list, isList := out[key].([]any)
	if !isList {
		t.Fatalf("list of %s: %v", key, out)
	}
	objects := make([]map[string]any, 0, len(list))
	for _, o := range list {
		object, isObject := o.(map[string]any)
		if !isObject {
			t.Fatalf("in %s: %v", key, o)
		}
		objects = append(objects, object)
	}
	return objects
}

func (m *machine) actions() map[string]func(*rapid.T) {
	subnet := rapid.SampledFrom([]string{"10.0.0.0/28", "10.0.0.16/28", "10.0.0.0/27", "10.1.0.0/29", "fd00::/64"})
	return map[string]func(*rapid.T){
		"network": func(t *rapid.T) { m.create(t, "networks", "network", map[string]any{"name": "n"}) },
		"subnet": func(t *rapid.T) {
			m.create(t, "subnets", "subnet", map[string]any{"network_id": m.any(t, "networks"), "cidr": subnet.Draw(t, "cidr")})
		},
		"port":   func(t *rapid.T) { m.create(t, "ports", "port", map[string]any{"network_id": m.any(t, "networks")}) },
		"router": func(t *rapid.T) { m.create(t, "routers", "router", map[string]any{"name": "r"}) },
		"group": func(t *rapid.T) {
			m.create(t, "security-groups", "security_group", map[string]any{"name": "g"})
		},
		"rule": func(t *rapid.T) {
			m.create(t, "security-group-rules", "security_group_rule", map[string]any{
				"security_group_id": m.any(t, "security-groups"), "direction": "ingress", "protocol": "tcp",
				"port_range_min": rapid.IntRange(1, 3).Draw(t, "port"), "port_range_max": 9,
			})
		},
		"attach": func(t *rapid.T) {
			m.call(t, "PUT", "/networking/v2.0/routers/"+m.any(t, "routers")+"/add_router_interface",
				map[string]any{"subnet_id": m.any(t, "subnets")})
		},
		"adopt": func(t *rapid.T) {
			m.call(t, "PUT", "/networking/v2.0/routers/"+m.any(t, "routers")+"/add_router_interface",
				map[string]any{"port_id": m.any(t, "ports")})
		},
		"detach": func(t *rapid.T) {
			m.call(t, "PUT", "/networking/v2.0/routers/"+m.any(t, "routers")+"/remove_router_interface",
				map[string]any{"subnet_id": m.any(t, "subnets")})
		},
		"route": func(t *rapid.T) {
			m.call(t, "PUT", "/networking/v2.0/routers/"+m.any(t, "routers")+"/add_extraroutes", map[string]any{
				"router": map[string]any{"routes": []any{map[string]any{"destination": "10.9.0.0/24", "nexthop": "10.0.0.5"}}},
			})
		},
		"delete": func(t *rapid.T) {
			path := rapid.SampledFrom([]string{"networks", "subnets", "ports", "routers", "security-groups"}).Draw(t, "kind")
			m.call(t, "DELETE", "/networking/v2.0/"+path+"/"+m.any(t, path), nil)
		},
		"": m.check,
	}
}

// check is the integrity that no sequence of calls may break.
func (m *machine) check(t *rapid.T) {
	nets, subnets, routers := map[any]bool{}, map[any]netip.Prefix{}, map[any]bool{}
	networks := m.objects(t, "networks", "networks")
	for _, n := range networks {
		nets[n["id"]] = true
	}
	byNet := map[any][]netip.Prefix{}
	for _, s := range m.objects(t, "subnets", "subnets") {
		if !nets[s["network_id"]] {
			t.Fatalf("a subnet without its network: %v", s)
		}
		prefix := netip.MustParsePrefix(fmt.Sprint(s["cidr"]))
		for _, other := range byNet[s["network_id"]] {
			if other.Overlaps(prefix) {
				t.Fatalf("%s and %s overlap on one network", other, prefix)
			}
		}
		byNet[s["network_id"]] = append(byNet[s["network_id"]], prefix)
		subnets[s["id"]] = prefix
	}
	for _, r := range m.objects(t, "routers", "routers") {
		routers[r["id"]] = true
	}
	m.checkPorts(t, nets, subnets, routers)
	groups := map[any]bool{}
	for _, g := range m.objects(t, "security-groups", "security_groups") {
		groups[g["id"]] = true
	}
	for _, r := range m.objects(t, "security-group-rules", "security_group_rules") {
		if !groups[r["security_group_id"]] {
			t.Fatalf("a rule without its group: %v", r)
		}
	}
	used := map[string]int{}
	for _, o := range m.cloud.Inventory("") {
		used[o.Type]++
	}
	for kind, limit := range quota {
		if used[kind] > limit {
			t.Fatalf("%d of %s where the quota is %d", used[kind], kind, limit)
		}
	}
}

func (m *machine) checkPorts(t *rapid.T, nets map[any]bool, subnets map[any]netip.Prefix, routers map[any]bool) {
	taken := map[string]bool{}
	for _, p := range m.objects(t, "ports", "ports") {
		if !nets[p["network_id"]] {
			t.Fatalf("a port without its network: %v", p)
		}
		if p["device_owner"] == "network:router_interface" && !routers[p["device_id"]] {
			t.Fatalf("an interface without its router: %v", p)
		}
		ips, isList := p["fixed_ips"].([]any)
		if !isList {
			t.Fatalf("fixed ips of %v", p)
		}
		for _, raw := range ips {
			ip, isObject := raw.(map[string]any)
			prefix, known := subnets[ip["subnet_id"]]
			if !isObject || !known || !prefix.Contains(netip.MustParseAddr(fmt.Sprint(ip["ip_address"]))) {
				t.Fatalf("an address outside its subnet: %v", p)
			}
			key := fmt.Sprint(ip["subnet_id"], ip["ip_address"])
			if taken[key] {
				t.Fatalf("an address given twice: %v", ip)
			}
			taken[key] = true
		}
	}
}

func TestCloud_anyOrder_keepsIntegrity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { t.Repeat(newMachine(t).actions()) })
}

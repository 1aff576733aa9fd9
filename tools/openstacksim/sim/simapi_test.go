package sim_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// control calls the control side of a cloud.
func (l *lab) control(method, path, body string, into any) int {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.URL+"/_sim/"+path, strings.NewReader(body))
	must(l.t, err)
	resp, err := l.admin.provider.HTTPClient.Do(req)
	must(l.t, err)
	defer func() { must(l.t, resp.Body.Close()) }()
	if into != nil {
		must(l.t, json.NewDecoder(resp.Body).Decode(into))
	}
	return resp.StatusCode
}

func TestFaultsOverHTTP(t *testing.T) {
	l := start(t, sim.Options{})
	var made struct {
		ID int `json:"id"`
	}
	if s := l.control("POST", "faults", `{"method":"POST","path":"/networks$","status":500,"latency":"1ms"}`, &made); s != 201 {
		t.Fatalf("post: %d", s)
	}
	wantStatus(t, l.makeNetwork("a"), http.StatusInternalServerError, "NeutronError")
	var list struct {
		Faults []sim.FaultState `json:"faults"`
	}
	l.control("GET", "faults", "", &list)
	if len(list.Faults) != 1 || list.Faults[0].Struck != 1 || list.Faults[0].Latency != sim.Duration(time.Millisecond) {
		t.Fatalf("faults: %+v", list)
	}
	if s := l.control("DELETE", "faults/99", "", nil); s != 404 {
		t.Fatalf("delete of another: %d", s)
	}
	if s := l.control("DELETE", "faults/1", "", nil); s != 204 {
		t.Fatalf("delete: %d", s)
	}
	must(t, l.makeNetwork("b"))
	for _, bad := range []string{`{"colour":1}`, `{"status":200}`, `{`} {
		if s := l.control("POST", "faults", bad, nil); s != 400 {
			t.Errorf("%s: %d", bad, s)
		}
	}
}

func TestCallsAreCounted(t *testing.T) {
	l := start(t, sim.Options{})
	l.control("DELETE", "calls", "", nil)
	l.admin.network.MoreHeaders = map[string]string{"X-Openstack-Request-ID": "req-mine"}
	must(t, l.makeNetwork("a"))
	must(t, l.makeNetwork("b"))
	_, err := networks.Get(t.Context(), l.admin.network, "nosuch").Extract()
	wantStatus(t, err, http.StatusNotFound, "NetworkNotFound")
	var seen struct {
		Counts []sim.CallCount `json:"counts"`
		Calls  []sim.Call      `json:"calls"`
	}
	l.control("GET", "calls", "", &seen)
	want := []sim.CallCount{
		{Method: "POST", Template: "/networking/v2.0/networks", Status: 201, Count: 2},
		{Method: "GET", Template: "/networking/v2.0/networks/{id}", Status: 404, Count: 1},
	}
	if len(seen.Counts) != 2 || seen.Counts[0] != want[0] || seen.Counts[1] != want[1] {
		t.Fatalf("counts: %+v", seen.Counts)
	}
	if len(seen.Calls) != 3 || seen.Calls[0].GlobalRequestID != "req-mine" || !strings.HasPrefix(seen.Calls[0].RequestID, "req-") {
		t.Fatalf("calls: %+v", seen.Calls)
	}
}

func TestInventory(t *testing.T) {
	l := start(t, sim.Options{})
	tn := l.tenant("a")
	tn.net(t, "n", "10.64.0.0/24")
	must(t, l.makeNetwork("foreign"))
	for _, o := range l.Cloud.Inventory("") {
		if o.Name == "foreign" {
			must(t, attributestags.Add(t.Context(), l.admin.network, "networks", o.ID, "owner-x").ExtractErr())
		}
	}
	types := func(owner string) map[string]int {
		var got struct {
			Objects []sim.InventoryItem `json:"objects"`
		}
		l.control("GET", "inventory?owner="+owner, "", &got)
		out := map[string]int{}
		for _, o := range got.Objects {
			out[o.Type]++
		}
		return out
	}
	if got := types(tn.domainID); got["domain"] != 1 || got["project"] != 1 || got["user"] != 1 || got["network"] != 1 || got["subnet"] != 1 {
		t.Fatalf("of the domain: %v", got)
	}
	if got := types(tn.projectID); got["network"] != 1 || got["security_group"] != 1 || got["user"] != 0 {
		t.Fatalf("of the project: %v", got)
	}
	if got := types("owner-x"); len(got) != 1 || got["network"] != 1 {
		t.Fatalf("by tag: %v", got)
	}
	if s := l.control("POST", "reset", "", nil); s != 204 {
		t.Fatalf("reset: %d", s)
	}
	if got := types(tn.projectID); len(got) != 0 {
		t.Fatalf("after a reset: %v", got)
	}
}

func TestSnapshot(t *testing.T) {
	l := start(t, sim.Options{})
	tn := l.tenant("a")
	netID := tn.net(t, "n", "10.64.0.0/24")
	id, err := tn.boot(t, "s", l.image("node"), l.flavor("m1", 1, nil), "")
	must(t, err)
	if s := l.server(id); s.Status != "ACTIVE" {
		t.Fatalf("server: %s", s.Status)
	}
	var saved bytes.Buffer
	must(t, l.Cloud.Snapshot(&saved))
	before := l.Cloud.Inventory("")
	l.Cloud.Reset()
	must(t, l.Cloud.Restore(bytes.NewReader(saved.Bytes())))
	after := l.Cloud.Inventory("")
	a, err := json.Marshal(before)
	must(t, err)
	b, err := json.Marshal(after)
	must(t, err)
	if !bytes.Equal(a, b) {
		t.Fatalf("before %s\nafter %s", a, b)
	}
	n, err := networks.Get(t.Context(), tn.network, netID).Extract() // with the token from before
	must(t, err)
	if n.Name != "n" || len(n.Subnets) != 1 {
		t.Fatalf("network: %+v", n)
	}
	for _, bad := range []string{"", "{}", `{"Format":1}`, `{"Format":9,"State":{}}`} {
		if err := l.Cloud.Restore(strings.NewReader(bad)); err == nil {
			t.Errorf("restored from %q", bad)
		}
	}
}

func TestCloud_requestIdsAndUnknownPaths(t *testing.T) {
	l := start(t, sim.Options{})
	resp, err := l.admin.provider.HTTPClient.Get(l.URL + "/nowhere")
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != 404 || !strings.HasPrefix(resp.Header.Get("X-Openstack-Request-Id"), "req-") {
		t.Fatalf("answer: %d %v", resp.StatusCode, resp.Header)
	}
	resp, err = l.admin.provider.HTTPClient.Get(l.URL + "/networking/v2.0/networks")
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != 401 || resp.Header.Get("Www-Authenticate") == "" {
		t.Fatalf("without a token: %d %v", resp.StatusCode, resp.Header)
	}
	l.Cloud.Close()
	resp, err = l.admin.provider.HTTPClient.Get(l.URL + "/identity/v3")
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != 503 {
		t.Fatalf("closed: %d", resp.StatusCode)
	}
}

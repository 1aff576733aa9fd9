package isolation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/network/internal/core/isolation"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

func TestAsOf(t *testing.T) {
	t.Parallel()
	verified := isolation.Report{Tenant: "acme", Time: noon, Lasts: time.Hour, Verdict: isolation.Verified, PairCount: 6}
	violated := verified
	violated.Verdict, violated.Violated = isolation.Violated, 2
	empty := isolation.Report{Tenant: "acme", Time: noon, Verdict: isolation.Empty}
	change := []isolation.Change{{Tenant: "acme", Resource: "tenants/acme/organisations/core/vpcs/dev"}}
	var many []isolation.Change
	for i := range 5 {
		many = append(many, isolation.Change{Tenant: "acme", Resource: fmt.Sprint("vpc", i)})
	}
	for name, c := range map[string]struct {
		report  isolation.Report
		now     time.Time
		changes []isolation.Change
		verdict isolation.Verdict
		says    string
	}{
		"fresh":           {verified, noon.Add(time.Minute), nil, isolation.Verified, "6 pairs of networks is as asked for"},
		"at its end":      {verified, noon.Add(time.Hour), nil, isolation.Verified, "6 pairs of networks is as asked for"},
		"stale":           {verified, noon.Add(time.Hour + 1), nil, isolation.Unsettled, "nothing newer than 2026-11-27T12:00:00Z"},
		"changed":         {verified, noon, change, isolation.Unsettled, change[0].Resource},
		"many changes":    {verified, noon, many, isolation.Unsettled, "and 2 more"},
		"violated, stale": {violated, noon.Add(2 * time.Hour), change, isolation.Violated, "2 pairs"},
		"empty":           {empty, noon.Add(time.Hour), nil, isolation.Empty, "no network"},
		"empty, changed":  {empty, noon, change, isolation.Unsettled, change[0].Resource},
	} {
		got := c.report.AsOf(c.now, c.changes)
		if got.Verdict != c.verdict || !strings.Contains(got.Message, c.says) || len(got.Unobserved) != len(c.changes) {
			t.Errorf("%s: %s, %q, %d unobserved", name, got.Verdict, got.Message, len(got.Unobserved))
		}
	}
}

func TestAsOf_operator_unsettlesTenantsWithChanges(t *testing.T) {
	t.Parallel()
	r := isolation.Report{Time: noon, Lasts: time.Hour, Verdict: isolation.Verified, Tenants: []isolation.Summary{
		{Tenant: "acme", Verdict: isolation.Verified}, {Tenant: "globex", Verdict: isolation.Violated},
	}}
	got := r.AsOf(noon, []isolation.Change{{Tenant: "acme", Resource: "a"}, {Tenant: "globex", Resource: "g"}, {Tenant: "initech", Resource: "i"}})
	want := "acme=UNSETTLED globex=VIOLATED initech=UNSETTLED"
	var said []string
	for _, s := range got.Tenants {
		said = append(said, fmt.Sprintf("%s=%s", s.Tenant, s.Verdict))
	}
	if strings.Join(said, " ") != want || got.Verdict != isolation.Unsettled {
		t.Errorf("got %v, %s; want %s", said, got.Verdict, want)
	}
	if r.Tenants[0].Verdict != isolation.Verified {
		t.Error("AsOf changed its receiver")
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	site := isolation.Site{Resource: "dev"}
	open := isolation.Pair{Source: "prod", Destination: "dev", Verdict: isolation.Violated, Message: "all gets through"}
	cut := isolation.Pair{Source: "dev", Destination: "hub", Verdict: isolation.Violated, Cut: true, Message: "lost"}
	pending := isolation.Pair{Source: "dev", Destination: "hub", Verdict: isolation.Unsettled}
	elsewhere := isolation.Pair{Source: "prod", Destination: "hub", Verdict: isolation.Violated}
	offender := isolation.Offender{Resource: "dev", Detail: "rule evil"}
	for name, c := range map[string]struct {
		report  isolation.Report
		verdict isolation.Verdict
		reason  string
		says    string
	}{
		"isolated":           {isolation.Report{Pairs: []isolation.Pair{elsewhere}, Offenders: []isolation.Offender{{Resource: "prod"}}}, isolation.Verified, isolation.ReasonIsolated, "as asked for"},
		"opened":             {isolation.Report{Pairs: []isolation.Pair{open, cut}}, isolation.Violated, isolation.ReasonOpened, "prod to dev: all gets through"},
		"opened by offender": {isolation.Report{Pairs: []isolation.Pair{open}, Offenders: []isolation.Offender{offender}}, isolation.Violated, isolation.ReasonOpened, "rule evil; prod to dev"},
		"exposed":            {isolation.Report{Pairs: []isolation.Pair{cut}, Offenders: []isolation.Offender{offender}}, isolation.Violated, isolation.ReasonExposed, "rule evil"},
		"cut":                {isolation.Report{Pairs: []isolation.Pair{cut, pending}}, isolation.Violated, isolation.ReasonCut, "dev to hub: lost"},
		"unsettled":          {isolation.Report{Pairs: []isolation.Pair{pending}}, isolation.Unsettled, "", ""},
		"another tenant":     {isolation.Report{Pairs: []isolation.Pair{{Destination: "dev", Verdict: isolation.Violated, Message: "m"}}}, isolation.Violated, isolation.ReasonOpened, "another tenant to dev"},
	} {
		got := c.report.Standing(site)
		if got.Verdict != c.verdict || got.Reason != c.reason || !strings.Contains(got.Message, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func index(w *world) *isolation.Index {
	o, _ := isolation.Judge(noon, w.state, w.intent, w.intent)
	return isolation.NewIndex(o)
}

func TestWhy(t *testing.T) {
	t.Parallel()
	dev, hubs := resourceOf("acme", "dev"), resourceOf("acme", "hub")
	w := newWorld()
	w.server("acme-dev", "p-acme", "10.64.16.9", "acme-dev-g")
	w.server("acme-prod", "p-acme", "10.64.32.9", "acme-prod-g")
	x := index(w)
	tcp := func(from, to string, port int) isolation.Question {
		return isolation.Question{Tenant: "acme", Source: from, Destination: to, Protocol: reachability.TCP, Port: port}
	}
	for name, c := range map[string]struct {
		q       isolation.Question
		verdict reachability.Verdict
		says    string
	}{
		"hub to a VPC":       {tcp(hubs, dev, 22), reachability.Reachable, "tcp:22 reaches it: allowed by rule acme-dev-g-3"},
		"VPC to the hub":     {tcp(dev, hubs, 443), reachability.Reachable, "tcp:443 reaches it"},
		"VPC to hub, closed": {tcp(dev, hubs, 22), reachability.DeniedIngress, "denied by the destination's security groups"},
		"VPC to VPC":         {tcp(dev, resourceOf("acme", "prod"), 22), reachability.Unroutable, "no route: at router acme-dev-r, it knows no route there"},
		"by port":            {tcp("ports/port-10.64.16.9", hubs, 443), reachability.Reachable, "reaches it"},
		"by server":          {tcp("servers/vm-10.64.16.9", hubs, 443), reachability.Reachable, "reaches it"},
		"by address":         {tcp("10.64.16.9", hubs, 443), reachability.Reachable, "reaches it"},
		"by name and address": {
			isolation.Question{Source: dev + "@10.64.16.77", Destination: hubs, Protocol: reachability.ICMP}, reachability.Reachable, "icmp reaches it",
		},
	} {
		e, err := x.Why(c.q)
		if err != nil || e.Verdict != c.verdict || !strings.Contains(e.Message, c.says) || len(e.Steps) < 2 {
			t.Errorf("%s: %s, %q, %v, %d steps", name, e.Verdict, e.Message, err, len(e.Steps))
		}
	}
}

func TestWhy_badQuestion_namesTheField(t *testing.T) {
	t.Parallel()
	dev, hubs := resourceOf("acme", "dev"), resourceOf("acme", "hub")
	x := index(newWorld())
	for name, c := range map[string]struct {
		q      isolation.Question
		reason string
		field  string
	}{
		"no port":              {isolation.Question{Tenant: "acme", Source: dev, Destination: hubs, Protocol: reachability.TCP}, errs.ReasonInvalidFields, "port"},
		"port of icmp":         {isolation.Question{Tenant: "acme", Source: dev, Destination: hubs, Protocol: reachability.ICMP, Port: 1}, errs.ReasonInvalidFields, "port"},
		"same end":             {isolation.Question{Tenant: "acme", Source: dev, Destination: dev, Protocol: reachability.ICMP}, errs.ReasonInvalidFields, "destination"},
		"no end":               {isolation.Question{Tenant: "acme", Source: "what", Destination: hubs, Protocol: reachability.ICMP}, errs.ReasonInvalidFields, "source"},
		"address of many":      {isolation.Question{Source: "10.64.16.9", Destination: hubs, Protocol: reachability.ICMP}, errs.ReasonInvalidFields, "source"},
		"VPC of another":       {isolation.Question{Tenant: "acme", Source: resourceOf("globex", "dev"), Destination: hubs, Protocol: reachability.ICMP}, "ENDPOINT_NOT_FOUND", ""},
		"address out of place": {isolation.Question{Tenant: "acme", Source: "10.99.0.1", Destination: hubs, Protocol: reachability.ICMP}, "ENDPOINT_NOT_FOUND", ""},
		"no such port":         {isolation.Question{Tenant: "acme", Source: "ports/none", Destination: hubs, Protocol: reachability.ICMP}, "ENDPOINT_NOT_FOUND", ""},
	} {
		_, err := x.Why(c.q)
		e, ok := errs.As(err)
		if !ok || e.Reason != c.reason || (c.field != "" && (len(e.Fields) != 1 || e.Fields[0].Field != c.field)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhy_portOfAnotherTenant_isNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.server("globex-dev", "p-globex", "10.64.16.9", "globex-dev-g")
	q := isolation.Question{Tenant: "acme", Source: "ports/port-10.64.16.9", Destination: resourceOf("acme", "hub"), Protocol: reachability.ICMP}
	x := index(w)
	if _, err := x.Why(q); errs.ReasonOf(err) != "ENDPOINT_NOT_FOUND" {
		t.Errorf("acme: %v", err)
	}
	q.Tenant, q.Destination = "", resourceOf("globex", "hub")
	if e, err := x.Why(q); err != nil || e.Source.Resource != resourceOf("globex", "dev") {
		t.Errorf("operator: %+v, %v", e.Source, err)
	}
}

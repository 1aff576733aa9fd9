//go:build acceptance

package acceptance

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/low-layer/platform/tools/stack/stacktest"
)

// Bars of the report: so many verdicts are compared with those of ovn-trace, and real packets are sent for so long.
const (
	wantTraced    = 200
	packetTime    = 60 * time.Second
	tracesAtOnce  = 3
	reportTimeout = 60 * time.Second
)

// answer is what `lowlayer isolation why -o json` says, as far as this test looks.
type answer struct {
	Verdict, Message string
	Forward          struct{ Outcome string }
}

// delivered is true when the packet gets there, which is all that ovn-trace follows.
func (a answer) delivered() bool { return a.Verdict == "REACHABLE" || a.Verdict == "ONE_WAY" }

type isolationReport struct {
	Verdict     string
	ObserveTime time.Time
	Offenders   []struct{ ObjectID, Resource string }
}

func reportOf(t *testing.T, p *stacktest.Platform, tenant ...string) isolationReport {
	t.Helper()
	var r isolationReport
	if err := json.Unmarshal([]byte(p.Must(t, append([]string{"isolation", "report", "-o", "json"}, tenant...)...)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// observed waits until the report is of a moment after the call, and of what has settled by then.
func observed(t *testing.T, p *stacktest.Platform, good func(isolationReport) bool, tenant ...string) isolationReport {
	t.Helper()
	since, tick := time.Now(), time.NewTicker(500*time.Millisecond)
	defer tick.Stop()
	for {
		r := reportOf(t, p, tenant...)
		if r.ObserveTime.After(since) && r.Verdict != "UNSETTLED" && good(r) {
			return r
		}
		if time.Since(since) > reportTimeout {
			t.Fatalf("after %s the report still says %+v", reportTimeout, r)
		}
		<-tick.C
	}
}

func verdictIs(want string) func(isolationReport) bool {
	return func(r isolationReport) bool { return r.Verdict == want }
}

// question is one packet.
type question struct{ from, to, protocol string }

// questions are those of a phase: every pair with ping, and pairs drawn by the seed with ports that rules name and others.
func questions(servers map[string]server, rnd *rand.Rand, n int) []question {
	var names []string
	for name := range servers {
		names = append(names, name)
	}
	var pairs, out []question
	for _, a := range names {
		for _, b := range names {
			if a != b {
				pairs = append(pairs, question{a, b, "icmp"})
			}
		}
	}
	rnd.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	seen := make(map[question]bool)
	for _, q := range pairs {
		if len(out) < n {
			seen[q] = true
			out = append(out, q)
		}
	}
	ports := []int{22, 53, 80, 443, 2222, 6443, 8132, 8200, 8443, 30000}
	for len(out) < n {
		q := pairs[rnd.IntN(len(pairs))]
		q.protocol = []string{"tcp:", "udp:"}[rnd.IntN(2)] + strconv.Itoa(ports[rnd.IntN(len(ports))])
		if !seen[q] {
			seen[q] = true
			out = append(out, q)
		}
	}
	return out
}

// compare asks the platform and ovn-trace the same questions.
type compare struct {
	t       *testing.T
	p       *stacktest.Platform
	servers map[string]server

	mu                           sync.Mutex
	traced, open, packets, wrong int
	spent                        time.Duration
}

func (c *compare) why(q question) answer {
	c.t.Helper()
	var a answer
	out := c.p.Must(c.t, "isolation", "why", "ports/"+c.servers[q.from].port, "ports/"+c.servers[q.to].port, "--port", q.protocol, "-o", "json")
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		c.t.Fatal(err)
	}
	return a
}

// trace compares with ovn-trace, a few at once.
func (c *compare) trace(phase string, all []question) {
	c.t.Helper()
	work := make(chan question)
	var workers sync.WaitGroup
	began := time.Now()
	for range tracesAtOnce {
		workers.Go(func() {
			for q := range work {
				c.one(phase, q)
			}
		})
	}
	for _, q := range all {
		work <- q
	}
	close(work)
	workers.Wait()
	c.spent += time.Since(began)
}

func (c *compare) one(phase string, q question) {
	says := c.why(q)
	r := c.p.Run(c.t, "tools/lab/trace", "--resolve", "3", c.servers[q.from].port, c.servers[q.to].port, q.protocol)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.Code {
	case 0, 1, 4, 5: // delivered, dropped, no server has the address, delivered to somebody else
	default:
		c.t.Errorf("%s: the trace %+v did not run: %+v", phase, q, r)
		return
	}
	c.traced++
	delivered := r.Code == 0
	if delivered {
		c.open++
	}
	if delivered != says.delivered() {
		c.wrong++
		c.t.Errorf("%s: %s -> %s %s: the report says %s (%s), ovn-trace: %s", phase, q.from, q.to, q.protocol, says.Verdict, says.Message, strings.TrimSpace(r.Out))
	}
}

// send compares with real packets until the time is up.
func (c *compare) send(phase string, all []question, until time.Time) {
	c.t.Helper()
	check := probe{c.p, c.servers}
	for _, q := range all {
		if time.Now().After(until) {
			return
		}
		// The address may be one of the sender's own tenant: a packet cannot tell whom it has reached.
		if tenantOf(q.from) != tenantOf(q.to) {
			continue
		}
		kind, port, _ := strings.Cut(q.protocol, ":")
		var got bool
		switch kind {
		case "icmp":
			got = check.ping(c.t, q.from, c.servers[q.to].ip)
		case "tcp":
			number, err := strconv.Atoi(port)
			if err != nil {
				c.t.Fatal(err)
			}
			got = check.tcp(c.t, q.from, q.to, number)
		default:
			continue
		}
		c.packets++
		if says := c.why(q); got != (says.Verdict == "REACHABLE") {
			c.wrong++
			c.t.Errorf("%s: %s -> %s %s: the report says %s (%s), real packets: %v", phase, q.from, q.to, q.protocol, says.Verdict, says.Message, got)
		}
	}
}

func tenantOf(server string) string { return server[:1] }

// TestIsolationReport_packets_agree orders two tenants with the same addresses, boots a server in each of their networks and
// holds what WhyReachable says, from the observed objects alone, against ovn-trace and real packets: apart, peered, with rules
// added by hand, and with the two tenants' hubs linked by hand.
func TestIsolationReport_packets_agree(t *testing.T) {
	p, c := platform(t), openCloud(t)
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("LOWLAYER_TEST_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("LOWLAYER_TEST_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	p.Must(t, "apply", "-f", "deploy/blueprints/startup.yaml")
	t.Cleanup(func() { p.Must(t, "tenant", "delete", "acme", "--yes", "--force", "--purge") })
	p.Must(t, "tenant", "create", "rival")
	t.Cleanup(func() { p.Must(t, "tenant", "delete", "rival", "--yes", "--force", "--purge") })
	a := topologyOf(t, p, "acme")
	p.Must(t, "organisation", "create", "rival/core", "--mode", "MUTUALIZED", "--vpc", "dev@"+a.Organisations[0].Vpcs[0].Cidr)
	b := topologyOf(t, p, "rival")
	servers := c.boot(append(a.places("a"), b.places("b")...))
	probe{p, servers}.settle(t)
	cmp := &compare{t: t, p: p, servers: servers}
	began := time.Now()
	packets := func(share int) time.Time { return time.Now().Add(packetTime / time.Duration(share)) }

	observed(t, p, verdictIs("VERIFIED"))
	apart := questions(servers, rnd, 80)
	cmp.trace("apart", apart)
	cmp.send("apart", apart, packets(3))

	p.Must(t, "peering", "create", "acme/dev-prod", "--vpc", "acme/core/dev", "--peer", "acme/core/prod")
	p.Must(t, "peering", "accept", "acme/dev-prod")
	probe{p, servers}.settle(t)
	observed(t, p, verdictIs("VERIFIED"))
	peered := questions(servers, rnd, 60)
	cmp.trace("peered", peered)
	cmp.send("peered", peered, packets(3))
	p.Must(t, "peering", "delete", "acme/dev-prod", "--yes")

	shut := c.allow(a.Organisations[0].Hub.Cloud.SecurityGroupID, 2222)
	mend := c.breach(a, b, servers)
	probe{p, servers}.settle(t)
	mark := time.Now()
	r := observed(t, p, verdictIs("VIOLATED"))
	t.Logf("the rule and the breach made by hand are reported after %s", time.Since(mark).Round(time.Millisecond))
	route := b.Organisations[0].Hub.Cloud.RouterID + " " + servers["a-prod"].ip + "/32 via 198.51.100.1"
	named := false
	for _, o := range r.Offenders {
		named = named || o.ObjectID == route
	}
	if !named {
		t.Errorf("the route %q is not named in %+v", route, r.Offenders)
	}
	breached := questions(servers, rnd, 70)
	cmp.trace("breached", breached)
	cmp.send("breached", breached, packets(3))
	mend()
	shut()
	probe{p, servers}.settle(t)
	observed(t, p, verdictIs("VERIFIED"))

	t.Logf("%d questions compared with ovn-trace in %s (%d delivered), %d with real packets, %d disagreements; %s in all",
		cmp.traced, cmp.spent.Round(time.Second), cmp.open, cmp.packets, cmp.wrong, time.Since(began).Round(time.Second))
	if cmp.traced < wantTraced || cmp.packets == 0 || cmp.open == 0 || cmp.open == cmp.traced {
		t.Errorf("too little was compared to show anything")
	}
}

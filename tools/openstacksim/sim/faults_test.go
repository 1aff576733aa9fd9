package sim_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func (l *lab) networkNames() []string {
	l.t.Helper()
	pages, err := networks.List(l.admin.network, nil).AllPages(l.t.Context())
	must(l.t, err)
	found, err := networks.ExtractNetworks(pages)
	must(l.t, err)
	names := []string{}
	for _, n := range found {
		names = append(names, n.Name)
	}
	return names
}

func (l *lab) makeNetwork(name string) error {
	_, err := networks.Create(l.t.Context(), l.admin.network, networks.CreateOpts{Name: name}).Extract()
	return err
}

func (l *lab) fault(f sim.Fault) {
	l.t.Helper()
	if _, err := l.Cloud.AddFault(f); err != nil {
		l.t.Fatal(err)
	}
}

func TestStatusFault(t *testing.T) {
	l := start(t, sim.Options{})
	l.fault(sim.Fault{Method: "POST", Path: `/v2\.0/networks$`, Status: 503, RetryAfter: 7, Count: 1})
	err := l.makeNetwork("a")
	wantStatus(t, err, http.StatusServiceUnavailable, "NeutronError")
	var code gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &code) || code.ResponseHeader.Get("Retry-After") != "7" {
		t.Fatalf("retry after: %v", code.ResponseHeader)
	}
	must(t, l.makeNetwork("b"))
	if names := l.networkNames(); len(names) != 1 {
		t.Fatalf("the failed call was not executed: %v", names)
	}
}

func TestFault_status_hasItsBody(t *testing.T) {
	l := start(t, sim.Options{})
	body := `{"NeutronError":{"type":"IpAddressInUse","message":"so it is","detail":""}}`
	l.fault(sim.Fault{Method: "POST", Status: 409, Body: json.RawMessage(body), Nth: 2})
	must(t, l.makeNetwork("first"))
	wantStatus(t, l.makeNetwork("second"), http.StatusConflict, "so it is")
	must(t, l.makeNetwork("third"))
}

func TestFault_executed_losesTheResponse(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault sim.Fault
		check func(error) bool
	}{
		{"dropped", sim.Fault{Executed: true}, func(err error) bool { return errors.Is(err, io.EOF) || strings.Contains(err.Error(), "EOF") }},
		{"bad gateway", sim.Fault{Executed: true, Status: 502}, func(err error) bool { return gophercloud.ResponseCodeIs(err, 502) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := start(t, sim.Options{})
			c.fault.Method, c.fault.Path = "POST", "/networks$"
			l.fault(c.fault)
			if err := l.makeNetwork("made"); err == nil || !c.check(err) {
				t.Fatalf("error: %v", err)
			}
			if names := l.networkNames(); len(names) != 1 || names[0] != "made" {
				t.Fatalf("it was executed: %v", names)
			}
		})
	}
}

func TestFault_drop_isNotExecuted(t *testing.T) {
	l := start(t, sim.Options{})
	l.fault(sim.Fault{Method: "POST", Path: "/networks$", Drop: true})
	if err := l.makeNetwork("never"); err == nil {
		t.Fatal("the connection was not dropped")
	}
	if names := l.networkNames(); len(names) != 0 {
		t.Fatalf("it was executed: %v", names)
	}
}

func TestStaleLists(t *testing.T) {
	clock := newClock()
	l := start(t, sim.Options{Clock: clock})
	must(t, l.makeNetwork("old"))
	clock.advance(10 * time.Second)
	must(t, l.makeNetwork("young"))
	l.fault(sim.Fault{Method: "GET", Path: "/networks$", Stale: sim.Duration(5 * time.Second)})
	if names := l.networkNames(); len(names) != 1 || names[0] != "old" {
		t.Fatalf("a stale list: %v", names)
	}
	clock.advance(5 * time.Second)
	if names := l.networkNames(); len(names) != 2 {
		t.Fatalf("five seconds on: %v", names)
	}
}

func TestFault_probability_repeatsWithItsSeed(t *testing.T) {
	run := func() string {
		l := start(t, sim.Options{})
		l.fault(sim.Fault{Method: "POST", Path: "/networks$", Status: 500, Probability: 0.5, Seed: 42})
		var out strings.Builder
		for range 20 {
			if l.makeNetwork("x") == nil {
				out.WriteByte('.')
			} else {
				out.WriteByte('x')
			}
		}
		return out.String()
	}
	one, two := run(), run()
	if one != two || !strings.Contains(one, "x") || !strings.Contains(one, ".") {
		t.Fatalf("first %s, second %s", one, two)
	}
}

func TestFault_latency_queuesNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := sim.New(sim.Options{Latency: 20 * time.Millisecond})
		begin := time.Now()
		done := make(chan int)
		for range 50 {
			go func() {
				rec := &recorder{header: http.Header{}}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://sim/identity/v3", http.NoBody)
				if err != nil {
					done <- 0
					return
				}
				cloud.Handler().ServeHTTP(rec, req)
				done <- rec.status
			}()
		}
		for range 50 {
			if status := <-done; status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		}
		if took := time.Since(begin); took != 20*time.Millisecond {
			t.Errorf("50 calls at once took %v", took)
		}
	})
}

func TestFault_abandonedCall_isNotExecuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := sim.New(sim.Options{Latency: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sim/identity/v3", http.NoBody)
		must(t, err)
		cloud.Handler().ServeHTTP(&recorder{header: http.Header{}}, req)
		calls := cloud.Calls()
		if len(calls) != 1 || calls[0].Status != 0 {
			t.Errorf("calls: %+v", calls)
		}
	})
}

// A gate lets calls through that come side by side, and holds one that comes alone; who leaves does not count.
func TestFault_gather_holdsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := sim.New(sim.Options{})
		id, err := cloud.AddFault(sim.Fault{Path: "/identity/v3$", Gather: 3})
		must(t, err)
		statuses := make(chan int, 8)
		call := func(ctx context.Context) {
			rec := &recorder{header: http.Header{}}
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sim/identity/v3", http.NoBody)
			if err == nil {
				cloud.Handler().ServeHTTP(rec, req)
			}
			statuses <- rec.status
		}
		gone, leave := context.WithCancel(t.Context())
		go call(gone)
		synctest.Wait()
		leave()
		if status := <-statuses; status != 0 {
			t.Errorf("a call that was given up answered %d", status)
		}
		for range 2 {
			go call(t.Context())
		}
		synctest.Wait()
		if len(statuses) != 0 {
			t.Fatalf("%d calls went on alone", len(statuses))
		}
		go call(t.Context())
		for range 3 {
			if status := <-statuses; status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		}
		call(t.Context()) // it has been open since
		if status := <-statuses; status != http.StatusOK || !cloud.RemoveFault(id) {
			t.Errorf("after the others: %d", status)
		}
		_, err = cloud.AddFault(sim.Fault{Gather: 2})
		must(t, err)
		go call(t.Context())
		synctest.Wait()
		cloud.ClearFaults()
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("when the fault was disarmed: %d", status)
		}
	})
}

type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { r.body = append(r.body, b...); return len(b), nil }

func TestFaultsAreChecked(t *testing.T) {
	cloud := sim.New(sim.Options{})
	for _, f := range []sim.Fault{
		{},
		{Status: 200},
		{Status: 500, Path: "("},
		{Executed: true, Drop: true},
		{Status: 500, Probability: 2},
		{Status: 500, Nth: -1},
		{Gather: -1},
		{Gather: 2, Count: 1},
		{Gather: 2, Nth: 1},
	} {
		if _, err := cloud.AddFault(f); err == nil {
			t.Errorf("accepted: %+v", f)
		}
	}
	if len(cloud.Faults()) != 0 {
		t.Errorf("armed: %+v", cloud.Faults())
	}
}

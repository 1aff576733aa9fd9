package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/tools/stack"
)

const readVpc = benchOrganisation + "/vpcs/read"

// A target is one way to make a call; caller makes a function that one goroutine uses.
type target struct {
	name string
	bar  float64
	call func(ctx context.Context, n int64) error
}

// sample is what one measurement found.
type sample struct {
	p50, p99   time.Duration
	throughput float64
}

// edge measures what the gateway adds to a call. What is gated is the gateway alone: a gateway whose service is the bare
// echo server, against calling that same echo process directly, in turns. Service, SQL and disk are the same on both
// sides, namely none, so the ratio says what the edge costs and nothing else: one more hop between processes, which by
// itself doubles a call that does nothing, and its own work. The gate is the p50 of one caller, who waits for each
// answer; what the machine's cores do to many callers is shown beside it, as are the whole path with service and SQL, and a bare
// proxy in the gateway's place.
func edge(ctx context.Context, set settings, s *stack.Stack) (err error) {
	if err := order(ctx, s, "read"); err != nil {
		return err
	}
	address, stop, err := startEcho(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	alone, stopAlone, err := startGateway(ctx, set.bin, address, s.Addresses().Redis)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAlone()) }()
	proxy, stopProxy, err := startProxy(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopProxy()) }()
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256}}
	defer web.CloseIdleConnections()
	peer, closePeer, err := overGRPC("bare grpc-go Get", 0, address)
	if err != nil {
		return err
	}
	defer closePeer()
	ours := []target{overREST("REST Get, edge alone", barEdge, web, alone), overREST("REST Get, edge + service + SQL", 0, web, s.Addresses().Gateway)}
	for _, way := range []struct {
		name, address string
		bar           float64
	}{
		{"gRPC Get, edge alone", alone, barEdge},
		{"gRPC Get, a bare grpc-go proxy in place of the edge", proxy, 0},
		{"gRPC Get, edge + service + SQL", s.Addresses().Gateway, 0},
		{"gRPC Get, service + SQL past the edge", s.Addresses().Of("network"), 0},
	} {
		t, end, err := overGRPC(way.name, way.bar, way.address)
		if err != nil {
			return err
		}
		defer end()
		ours = append(ours, t)
	}
	for _, t := range ours {
		for _, callers := range []int{1, 32, 128} {
			if err := compare(ctx, set, peer, t, callers); err != nil {
				return err
			}
		}
	}
	return creates(ctx, set, s, address, web)
}

// overGRPC reads a VPC over gRPC.
func overGRPC(name string, bar float64, address string) (target, func(), error) {
	client, end, err := vpcClient(address)
	if err != nil {
		return target{}, nil, err
	}
	get := &networkv1.GetVpcRequest{Name: readVpc}
	return target{name, bar, func(ctx context.Context, _ int64) error { _, err := client.GetVpc(ctx, get); return err }}, end, nil
}

// overREST reads a VPC over REST.
func overREST(name string, bar float64, client *http.Client, address string) target {
	url := "http://" + address + "/v1/" + readVpc
	return target{name, bar, func(ctx context.Context, _ int64) error { return httpCall(ctx, client, http.MethodGet, url, nil) }}
}

// creates measures accepting an order: one durable transaction. The cloud stands still meanwhile, so that carrying the orders
// out does not compete for the same cores; what is ordered here is thrown away with the platform.
func creates(ctx context.Context, set settings, s *stack.Stack, echo string, web *http.Client) (err error) {
	bare, closeBare, err := vpcClient(echo)
	if err != nil {
		return err
	}
	defer closeBare()
	peer := target{name: "bare grpc-go Create", call: func(ctx context.Context, _ int64) error {
		_, err := bare.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: benchOrganisation, VpcId: "x", Vpc: &networkv1.Vpc{}})
		return err
	}}
	if err := s.Signal("openstacksim", syscall.SIGSTOP); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Signal("openstacksim", syscall.SIGCONT)) }()
	a, err := connect(s)
	if err != nil {
		return err
	}
	defer a.close()
	var made atomic.Int64
	next := func() string { return fmt.Sprintf("tenant-%d", made.Add(1)) }
	ours := []target{
		{"gRPC Create (one durable transaction)", 0, func(ctx context.Context, _ int64) error {
			_, err := a.tenants.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: next(), Tenant: &tenantv1.Tenant{}})
			return err
		}},
		{"REST Create (one durable transaction)", 0, func(ctx context.Context, _ int64) error {
			return httpCall(ctx, web, http.MethodPost, "http://"+s.Addresses().Gateway+"/v1/tenants?tenantId="+next(), []byte("{}"))
		}},
	}
	set.rounds, set.period = min(set.rounds, 3), set.period/2
	for _, target := range ours {
		for _, callers := range []int{1, 32, 128} {
			if err := compare(ctx, set, peer, target, callers); err != nil {
				return err
			}
		}
	}
	return nil
}

// turns is into how many pieces a period is cut: peer and platform change places that often, so that what else the machine
// does for a while falls on both.
const turns = 8

// compare lets peer and platform take turns (ABBA) and reports the median of the rounds' ratios.
func compare(ctx context.Context, set settings, peer, ours target, callers int) error {
	for _, t := range []target{peer, ours} {
		if _, _, err := loop(ctx, t, callers, set.period/turns); err != nil { // warm
			return err
		}
	}
	var ratios []float64
	var ourSamples, peerSamples []sample
	for range set.rounds {
		p, o := measured{target: peer}, measured{target: ours}
		for turn := range turns {
			order := []*measured{&p, &o}
			if turn%2 == 1 {
				slices.Reverse(order)
			}
			for _, m := range order {
				if err := m.turn(ctx, callers, set.period/turns); err != nil {
					return err
				}
			}
		}
		peerSamples, ourSamples = append(peerSamples, p.sample()), append(ourSamples, o.sample())
		ratios = append(ratios, float64(o.sample().p50)/float64(p.sample().p50))
	}
	o, p := median(ourSamples, func(s sample) float64 { return s.throughput }), median(peerSamples, func(s sample) float64 { return s.throughput })
	slices.Sort(ratios)
	m := measurement{Name: fmt.Sprintf("%s / %s, p50, %d callers", ours.name, peer.name, callers), Unit: "×", Value: ratios[len(ratios)/2]}
	m.Note = fmt.Sprintf("p50 %s p99 %s %.0f/s; peer p50 %s p99 %s %.0f/s", o.p50.Round(time.Microsecond), o.p99.Round(time.Microsecond), o.throughput,
		p.p50.Round(time.Microsecond), p.p99.Round(time.Microsecond), p.throughput)
	if callers == 1 && ours.bar > 0 {
		m.Bar = ours.bar
	}
	set.report(m)
	return nil
}

// measured is what the turns of one round have found.
type measured struct {
	target target
	times  []time.Duration
	took   time.Duration
}

func (m *measured) turn(ctx context.Context, callers int, period time.Duration) error {
	times, took, err := loop(ctx, m.target, callers, period)
	m.times, m.took = append(m.times, times...), m.took+took
	return err
}

func (m *measured) sample() sample {
	slices.Sort(m.times)
	return sample{p50: m.times[len(m.times)/2], p99: m.times[len(m.times)*99/100], throughput: float64(len(m.times)) / m.took.Seconds()}
}

func median(samples []sample, by func(sample) float64) sample {
	s := slices.Clone(samples)
	slices.SortFunc(s, func(a, b sample) int { return int(by(a) - by(b)) })
	return s[len(s)/2]
}

// loop calls the target from so many callers, each waiting for its answer, for a period and until all have one. It answers
// how long each call took, and all of it.
func loop(ctx context.Context, t target, callers int, period time.Duration) ([]time.Duration, time.Duration, error) {
	var wg sync.WaitGroup
	var n atomic.Int64
	results, errs := make([][]time.Duration, callers), make([]error, callers)
	start := time.Now()
	end := start.Add(period)
	for i := range callers {
		wg.Go(func() {
			for {
				begin := time.Now()
				if begin.After(end) && len(results[i]) > 0 {
					return
				}
				if err := t.call(ctx, n.Add(1)); err != nil {
					errs[i] = fmt.Errorf("%s: %w", t.name, err)
					return
				}
				results[i] = append(results[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	return slices.Concat(results...), time.Since(start), errors.Join(errs...)
}

func vpcClient(address string) (networkv1.VpcServiceClient, func(), error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, err
	}
	return networkv1.NewVpcServiceClient(conn), func() { _ = conn.Close() }, nil
}

func httpCall(ctx context.Context, client *http.Client, method, url string, body []byte) error {
	return httpCallAs(ctx, client, method, url, "", body)
}

// httpCallAs makes a call with an authorization header.
func httpCallAs(ctx context.Context, client *http.Client, method, url, authorization string, body []byte) error {
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, resp.Status, text)
	}
	return nil
}

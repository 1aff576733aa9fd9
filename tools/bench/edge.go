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

// edge measures the cost of the gateway alone: its service is the echo server. The peers make the same call of the same echo process:
// directly, through a bare grpc-go proxy in the gateway's place, and through a vanilla grpc-gateway. Bars hold the p50 of one caller. The
// figures of many callers, and of the whole path with service and SQL, stand beside.
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
	vanilla, stopVanilla, err := startVanilla(ctx, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopVanilla()) }()
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256}}
	defer web.CloseIdleConnections()
	grpcTo := make(map[string]target)
	for name, to := range map[string]string{
		"bare grpc-go Get": address, "gRPC Get, edge alone": alone, "gRPC Get, a bare grpc-go proxy": proxy,
		"gRPC Get, edge + service + SQL": s.Addresses().Gateway, "gRPC Get, service + SQL past the edge": s.Addresses().Of("network"),
	} {
		t, end, err := overGRPC(name, 0, to)
		if err != nil {
			return err
		}
		defer end()
		grpcTo[name] = t
	}
	bare, aloneGRPC, aloneREST := grpcTo["bare grpc-go Get"], grpcTo["gRPC Get, edge alone"], overREST("REST Get, edge alone", 0, web, alone)
	for _, c := range []struct {
		ours, peer target
		bar        float64
		callers    []int
	}{
		{aloneREST, bare, barEdge, allCallers},
		{aloneGRPC, bare, barEdge, allCallers},
		{aloneGRPC, grpcTo["gRPC Get, a bare grpc-go proxy"], barProxy, allCallers},
		{aloneREST, overREST("REST Get, a vanilla grpc-gateway", 0, web, vanilla), barVanilla, allCallers},
		{overREST("REST Get, edge + service + SQL", 0, web, s.Addresses().Gateway), bare, 0, oneCaller},
		{grpcTo["gRPC Get, edge + service + SQL"], bare, 0, oneCaller},
		{grpcTo["gRPC Get, service + SQL past the edge"], bare, 0, oneCaller},
	} {
		c.ours.bar = c.bar
		for _, callers := range c.callers {
			if err := compare(ctx, set, c.peer, c.ours, callers); err != nil {
				return err
			}
		}
	}
	return creates(ctx, set, s, address, web)
}

var oneCaller, allCallers = []int{1}, []int{1, 32, 128}

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

// creates measures the acceptance of an order: one durable transaction. The cloud is stopped, so that the work of the orders does not
// compete for the cores.
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
	for _, target := range ours {
		for _, callers := range allCallers {
			if err := compare(ctx, set, peer, target, callers); err != nil {
				return err
			}
		}
	}
	return nil
}

// turns is the number of pieces of a period. Peer and platform take turns, so that other load of the machine falls on both.
const turns = 8

// compare lets peer and platform take turns (ABBA) and reports the median of the rounds' ratios. A comparison without a bar takes one
// short round.
func compare(ctx context.Context, set settings, peer, ours target, callers int) error {
	if callers > 1 || ours.bar == 0 {
		set.rounds, set.period = 1, set.period/2
	}
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

// loop calls the target from so many callers, each waiting for its answer, for a period and until all have one. It returns
// the time of each call, and of all.
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
		return fmt.Errorf("%s responds %s: %s", url, resp.Status, text)
	}
	return nil
}

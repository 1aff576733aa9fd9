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

// edge compares calls through the gateway with the same calls to the bare echo server.
func edge(ctx context.Context, set settings, s *stack.Stack) (err error) {
	if err := order(ctx, s, "read"); err != nil {
		return err
	}
	address, stop, err := startEcho(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	bare, closeBare, err := vpcClient(address)
	if err != nil {
		return err
	}
	defer closeBare()
	through, closeThrough, err := vpcClient(s.Addresses().Gateway)
	if err != nil {
		return err
	}
	defer closeThrough()
	direct, closeDirect, err := vpcClient(s.Addresses().Network)
	if err != nil {
		return err
	}
	defer closeDirect()
	get := &networkv1.GetVpcRequest{Name: readVpc}
	peerGet := target{name: "bare grpc-go Get", call: func(ctx context.Context, _ int64) error { _, err := bare.GetVpc(ctx, get); return err }}
	peerCreate := target{name: "bare grpc-go Create", call: func(ctx context.Context, _ int64) error {
		_, err := bare.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: benchOrganisation, VpcId: "x", Vpc: &networkv1.Vpc{}})
		return err
	}}
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256}}
	defer web.CloseIdleConnections()
	base := "http://" + s.Addresses().Gateway + "/v1/"
	pairs := []struct{ peer, ours target }{
		{peerGet, target{"gRPC Get past the edge, at the service", 0, func(ctx context.Context, _ int64) error { _, err := direct.GetVpc(ctx, get); return err }}},
		{peerGet, target{"gRPC Get", barEdge, func(ctx context.Context, _ int64) error { _, err := through.GetVpc(ctx, get); return err }}},
		{peerGet, target{"REST Get", barEdge, func(ctx context.Context, _ int64) error { return httpCall(ctx, web, http.MethodGet, base+readVpc, nil) }}},
	}
	for _, p := range pairs {
		for _, callers := range []int{1, 32, 128} {
			if err := compare(ctx, set, p.peer, p.ours, callers); err != nil {
				return err
			}
		}
	}
	return creates(ctx, set, s, peerCreate, web)
}

// creates measures accepting an order: one durable transaction. The cloud stands still meanwhile, so that carrying the orders
// out does not compete for the same cores; what is ordered here is thrown away with the platform.
func creates(ctx context.Context, set settings, s *stack.Stack, peer target, web *http.Client) (err error) {
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

// compare lets peer and platform take turns and reports the median of the rounds' ratios.
func compare(ctx context.Context, set settings, peer, ours target, callers int) error {
	var ratios []float64
	var ourSamples, peerSamples []sample
	for round := range set.rounds {
		first, second := peer, ours
		if round%2 == 1 {
			first, second = ours, peer
		}
		a, err := load(ctx, first, callers, set.period)
		if err != nil {
			return err
		}
		b, err := load(ctx, second, callers, set.period)
		if err != nil {
			return err
		}
		if round%2 == 1 {
			a, b = b, a
		}
		peerSamples, ourSamples = append(peerSamples, a), append(ourSamples, b)
		ratios = append(ratios, float64(b.p50)/float64(a.p50))
	}
	o, p := median(ourSamples, func(s sample) float64 { return s.throughput }), median(peerSamples, func(s sample) float64 { return s.throughput })
	slices.Sort(ratios)
	m := measurement{Name: fmt.Sprintf("%s / bare grpc-go, p50, %d callers", ours.name, callers), Unit: "×", Value: ratios[len(ratios)/2]}
	if callers == 1 {
		m.Bar = ours.bar
	}
	m.Note = fmt.Sprintf("p50 %s p99 %s %.0f/s; bare p50 %s p99 %s %.0f/s", o.p50.Round(time.Microsecond), o.p99.Round(time.Microsecond), o.throughput,
		p.p50.Round(time.Microsecond), p.p99.Round(time.Microsecond), p.throughput)
	set.report(m)
	return nil
}

func median(samples []sample, by func(sample) float64) sample {
	s := slices.Clone(samples)
	slices.SortFunc(s, func(a, b sample) int { return int(by(a) - by(b)) })
	return s[len(s)/2]
}

// load calls the target from so many callers, each waiting for its answer, for one period after a short warm-up.
func load(ctx context.Context, t target, callers int, period time.Duration) (sample, error) {
	if _, err := loop(ctx, t, callers, period/8); err != nil {
		return sample{}, err
	}
	times, err := loop(ctx, t, callers, period)
	if err != nil {
		return sample{}, err
	}
	slices.Sort(times)
	return sample{p50: times[len(times)/2], p99: times[len(times)*99/100], throughput: float64(len(times)) / period.Seconds()}, nil
}

func loop(ctx context.Context, t target, callers int, period time.Duration) ([]time.Duration, error) {
	var wg sync.WaitGroup
	var n atomic.Int64
	results, errs := make([][]time.Duration, callers), make([]error, callers)
	end := time.Now().Add(period)
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
	return slices.Concat(results...), errors.Join(errs...)
}

func vpcClient(address string) (networkv1.VpcServiceClient, func(), error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, err
	}
	return networkv1.NewVpcServiceClient(conn), func() { _ = conn.Close() }, nil
}

func httpCall(ctx context.Context, client *http.Client, method, url string, body []byte) error {
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

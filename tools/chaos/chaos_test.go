//go:build chaos

package chaos_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// customers work at the same time.
const customers = 3

func settings(t *testing.T) (lasts time.Duration, seed uint64) {
	t.Helper()
	lasts, seed = 3*time.Minute, uint64(time.Now().UnixNano())
	var err error
	if text := os.Getenv("CHAOS_FOR"); text != "" {
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("CHAOS_FOR: %v", err)
		}
	}
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("CHAOS_SEED: %v", err)
		}
	}
	return lasts, seed
}

// TestChaos: customers work while a monkey rages. In the end every operation has ended well, everything promised is there once,
// and when the customers leave, nothing is.
func TestChaos(t *testing.T) {
	lasts, seed := settings(t)
	t.Logf("CHAOS_FOR=%s CHAOS_SEED=%d", lasts, seed)
	p := stacktest.Start(t, stack.Options{
		Latency: 10 * time.Millisecond, Durable: true,
		Env: []string{
			"LOWLAYER_NETWORK_LEASE=1s", "LOWLAYER_NETWORK_SWEEP=200ms", "LOWLAYER_NETWORK_SETTLE=500ms",
			"LOWLAYER_TENANT_LEASE=1s", "LOWLAYER_TENANT_SWEEP=200ms", "LOWLAYER_TENANT_SETTLE=500ms",
		},
	})
	conn := stacktest.Dial(t, p.Addresses().Gateway)
	model := newClient(t, conn, "chaos-model", seed)
	whole := undisturbed(t, p, model)
	var clients []*client
	for i := range customers {
		c := newClient(t, conn, fmt.Sprintf("chaos-%d", i), seed)
		if err := c.createTenant(t.Context()); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}

	stop, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	m := &monkey{t: t, p: p, random: rand.New(rand.NewPCG(seed, customers)), deeds: map[string]int{}}
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			if err := c.work(t.Context(), stop); err != nil {
				t.Error(err)
				cancel()
			}
		})
	}
	all.Go(func() {
		if err := m.rage(t.Context(), stop); err != nil {
			t.Error(err)
			cancel()
		}
	})
	all.Wait()
	for _, c := range clients {
		t.Logf("%s: %d operations, the slowest %s, %d calls repeated, %d organisations now", c.tenant, c.ended, c.slowest.Round(time.Millisecond), c.repeats, len(c.has))
	}
	for _, kind := range slices.Sorted(maps.Keys(m.deeds)) {
		t.Logf("%4d %s", m.deeds[kind], kind)
	}
	if t.Failed() {
		return
	}
	for _, c := range append(clients, model) {
		c.settled(t)
		c.hasWhatItWasPromised(t, p, whole)
	}
	for _, c := range append(clients, model) {
		if err := c.purge(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if left := p.Inventory(t, "chaos"); len(left) > 0 {
		t.Errorf("the cloud still holds %v", left)
	}
	for _, service := range registry.Names(registry.Databases()) {
		nothingIsHeld(t, p, service)
	}
}

// nothingIsHeld of any quota.
func nothingIsHeld(t *testing.T, p *stacktest.Platform, service string) {
	t.Helper()
	pool, err := pg.Open(t.Context(), pg.Config{URL: p.DatabaseURL(service)})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var left int
	if err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM quota_reservations) + (SELECT count(*) FROM quota_limits)`).Scan(&left); err != nil || left > 0 {
		t.Errorf("%s still has %d rows of quotas, %v", service, left, err)
	}
}

// quotasAreRight compares what the ledgers of quotas say of a tenant with what it has.
func (c *client) quotasAreRight(t *testing.T, organisations, vpcs, peerings int) {
	t.Helper()
	list, err := c.quotas.ListQuotas(t.Context(), &quotav1.ListQuotasRequest{Parent: c.tenant})
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]int{}
	for _, q := range list.GetQuotas() {
		taken[q.GetName()[strings.LastIndexByte(q.GetName(), '.')+1:]] += int(q.GetInUse() + q.GetReserved())
	}
	want := map[string]int{
		"organisations": organisations, "vpcs": vpcs, "peerings": peerings,
		"networks": organisations + 2*vpcs + peerings, "routers": organisations + vpcs, "ports": organisations + 3*vpcs + 2*peerings,
		"security_groups": 2*organisations + vpcs,
	}
	maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
	maps.DeleteFunc(taken, func(_ string, n int) bool { return n == 0 })
	if !maps.Equal(taken, want) {
		t.Errorf("of the quotas of %s is taken %v, but there is %v", c.tenant, taken, want)
	}
}

// undisturbed is what the cloud holds of one VPC, by type.
func undisturbed(t *testing.T, p *stacktest.Platform, c *client) map[string]int {
	t.Helper()
	err := c.createTenant(t.Context())
	if err == nil {
		err = c.createOrganisation(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	organisation := slices.Collect(maps.Keys(c.has))[0]
	if err := c.createVpc(t.Context(), organisation); err != nil {
		t.Fatal(err)
	}
	vpc := slices.Sorted(maps.Keys(c.has[organisation]))[0]
	v, err := c.vpcs.GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpc})
	if err != nil {
		t.Fatal(err)
	}
	whole := p.Inventory(t, v.GetUid())
	if len(whole) < 4 {
		t.Fatalf("the cloud holds %v of a VPC", whole)
	}
	return whole
}

// settled: no operation of his goes on, and none failed.
func (c *client) settled(t *testing.T) {
	t.Helper()
	var running []string
	stacktest.Eventually(t, "the end of every operation of "+c.tenant, func() bool {
		running = nil
		request := &longrunningpb.ListOperationsRequest{Name: c.tenant, PageSize: 1000}
		for {
			page, err := c.operations.ListOperations(t.Context(), request)
			if err != nil {
				return false
			}
			for _, op := range page.GetOperations() {
				if !op.GetDone() {
					running = append(running, op.GetName())
				} else if op.GetError() != nil {
					t.Errorf("%s ended with %v", op.GetName(), op.GetError())
				}
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				return len(running) == 0
			}
		}
	})
}

// hasWhatItWasPromised compares what the platform says, and what the cloud holds, with what he was told.
func (c *client) hasWhatItWasPromised(t *testing.T, p *stacktest.Platform, whole map[string]int) {
	t.Helper()
	organisations, err := c.organisations.ListOrganisations(t.Context(), &tenantv1.ListOrganisationsRequest{Parent: c.tenant, PageSize: 1000, ShowDeleted: true})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, o := range organisations.GetOrganisations() {
		got = append(got, o.GetName()+" "+o.GetState().String())
	}
	vpcs, err := c.vpcs.ListVpcs(t.Context(), &networkv1.ListVpcsRequest{Parent: c.tenant + "/organisations/-", PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vpcs.GetVpcs() {
		got = append(got, v.GetName()+" "+v.GetState().String()+" "+v.GetDisplayName())
		if held := p.Inventory(t, v.GetUid()); !maps.Equal(held, whole) {
			t.Errorf("of %s the cloud holds %v, of one that nobody disturbed %v", v.GetName(), held, whole)
		}
	}
	peerings, err := c.peerings.ListPeerings(t.Context(), &networkv1.ListPeeringsRequest{Parent: c.tenant, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range peerings.GetPeerings() {
		got = append(got, x.GetName()+" "+x.GetState().String())
	}
	c.quotasAreRight(t, len(organisations.GetOrganisations()), len(vpcs.GetVpcs()), len(peerings.GetPeerings()))
	active := " " + typev1.State_ACTIVE.String()
	for organisation, vpcs := range c.has {
		want = append(want, organisation+active)
		for vpc, label := range vpcs {
			want = append(want, vpc+active+" "+label)
		}
	}
	for peering := range c.peered {
		want = append(want, peering+active)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s has\n%s\nand was promised\n%s", c.tenant, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

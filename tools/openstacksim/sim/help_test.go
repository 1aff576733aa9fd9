package sim_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handClock moves when a test says so.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *handClock { return &handClock{now: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)} }

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lab is a running cloud with an administrator's clients.
type lab struct {
	*sim.Server
	t     testing.TB
	admin *clients
}

type clients struct {
	provider                                        *gophercloud.ProviderClient
	identity, network, compute, image, plac, volume *gophercloud.ServiceClient
}

func start(t testing.TB, opts sim.Options) *lab {
	t.Helper()
	srv, err := sim.Start(t.Context(), opts)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	l := &lab{Server: srv, t: t}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	l.admin = l.login(gophercloud.AuthOptions{
		Username: "admin", Password: "labpass", DomainID: "default", TenantName: "admin", AllowReauth: true,
	})
	return l
}

func (l *lab) tryLogin(ao gophercloud.AuthOptions) (*clients, error) {
	ao.IdentityEndpoint = l.AuthURL
	p, err := openstack.NewClient(l.AuthURL)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{}
	p.HTTPClient = http.Client{Transport: transport}
	l.t.Cleanup(transport.CloseIdleConnections)
	if err := openstack.Authenticate(l.t.Context(), p, ao); err != nil {
		return nil, err
	}
	c := &clients{provider: p}
	eo := gophercloud.EndpointOpts{Region: "RegionOne"}
	for _, s := range []struct {
		into **gophercloud.ServiceClient
		make func(*gophercloud.ProviderClient, gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error)
	}{
		{&c.identity, openstack.NewIdentityV3},
		{&c.network, openstack.NewNetworkV2},
		{&c.compute, openstack.NewComputeV2},
		{&c.image, openstack.NewImageV2},
		{&c.plac, openstack.NewPlacementV1},
		{&c.volume, openstack.NewBlockStorageV3},
	} {
		if *s.into, err = s.make(p, eo); err != nil {
			return nil, err
		}
	}
	c.compute.Microversion = "2.90"
	c.plac.Microversion = "1.39"
	return c, nil
}

func (l *lab) login(ao gophercloud.AuthOptions) *clients {
	l.t.Helper()
	c, err := l.tryLogin(ao)
	if err != nil {
		l.t.Fatalf("login: %v", err)
	}
	return c
}

func p[T any](v T) *T { return &v }

package sim_test

import (
	"net/http"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"

	"github.com/low-layer/platform/tools/openstacksim/sim"
)

// BenchmarkGetNetwork is the cost of one call over HTTP, with many callers.
func BenchmarkGetNetwork(b *testing.B) {
	l := start(b, sim.Options{})
	if t, isTransport := l.admin.provider.HTTPClient.Transport.(*http.Transport); isTransport {
		t.MaxIdleConnsPerHost = 64
	}
	n, err := networks.Create(b.Context(), l.admin.network, networks.CreateOpts{Name: "n"}).Extract()
	must(b, err)
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := networks.Get(b.Context(), l.admin.network, n.ID).Extract(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

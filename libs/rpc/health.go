package rpc

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// readiness decides the responses of grpc.health.v1. The name of a registered service concerns that service; any other
// name, such as `database`, is a need of the whole server.
type readiness struct {
	mu       sync.Mutex
	health   *health.Server
	services []string
	blocked  map[string]bool
}

func newReadiness() *readiness {
	return &readiness{health: health.NewServer(), blocked: make(map[string]bool)}
}

func (r *readiness) set(name string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok {
		delete(r.blocked, name)
	} else {
		r.blocked[name] = true
	}
	r.publish()
}

// serve makes the registered services known to health checks.
func (r *readiness) serve(services []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.services = services
	r.publish()
}

// drain responds NOT_SERVING for everything, for good.
func (r *readiness) drain() { r.health.Shutdown() }

// publish is called with the lock held.
func (r *readiness) publish() {
	shared := false
	for name := range r.blocked {
		shared = shared || !slices.Contains(r.services, name)
	}
	for _, service := range r.services {
		r.health.SetServingStatus(service, statusOf(!shared && !r.blocked[service]))
	}
	r.health.SetServingStatus("", statusOf(len(r.services) > 0 && len(r.blocked) == 0))
}

func (r *readiness) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.services) == 0 {
		return errNotServing
	}
	if len(r.blocked) == 0 {
		return nil
	}
	return fmt.Errorf("waiting for %s", strings.Join(slices.Sorted(maps.Keys(r.blocked)), ", "))
}

func statusOf(ok bool) healthpb.HealthCheckResponse_ServingStatus {
	if ok {
		return healthpb.HealthCheckResponse_SERVING
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}

package registry_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/registry"
)

func TestAll_namesPortsAndPeers_areConsistent(t *testing.T) {
	ports, names := map[int]string{}, []string{}
	for _, s := range registry.All() {
		for _, port := range []int{s.Port, s.AdminPort} {
			if port == 0 || ports[port] != "" {
				t.Errorf("%s: port %d is also that of %q", s.Name, port, ports[port])
			}
			ports[port] = s.Name
		}
		for _, peer := range s.Calls() {
			if !slices.Contains(names, peer) {
				t.Errorf("%s: its peer %s does not stand before it", s.Name, peer)
			}
		}
		if slices.Contains(names, s.Name) {
			t.Errorf("%s is registered twice", s.Name)
		}
		names = append(names, s.Name)
	}
}

func TestAll_equalsTheFoldersOfServices(t *testing.T) {
	mains, err := filepath.Glob("../../services/*/cmd/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var programs []string
	for _, main := range mains {
		programs = append(programs, filepath.Base(filepath.Dir(main)))
	}
	names := registry.Names(registry.All())
	slices.Sort(names)
	if slices.Sort(programs); !slices.Equal(programs, names) {
		t.Errorf("registered are %v, services/ has the programs %v", names, programs)
	}
	for _, s := range registry.Public() {
		if _, err := os.Stat(filepath.Join("../../proto/lowlayer", s.Name, "v1")); err != nil {
			t.Errorf("%s is public: %v", s.Name, err)
		}
	}
}

func TestFind_knownAndUnknown(t *testing.T) {
	s, ok := registry.Find("tenant")
	if !ok || s.Prefix() != "LOWLAYER_TENANT_" || s.Address() != "127.0.0.1:9101" || s.AdminAddress() != "127.0.0.1:9201" {
		t.Errorf("got %+v, %v", s, ok)
	}
	if _, ok := registry.Find("none"); ok {
		t.Error("found a service that is not registered")
	}
	if got := registry.TargetVariable("network"); got != "NETWORK_TARGET" {
		t.Errorf("got %s", got)
	}
	if got := registry.Names(registry.Databases()); slices.Contains(got, registry.Gateway) || !slices.Contains(got, "tenant") {
		t.Errorf("got %v", got)
	}
}

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestOffences_eachRule_namesTheChain(t *testing.T) {
	p := prefix
	cases := map[string]struct {
		graph map[string][]string
		want  string
	}{
		"core reaches grpc through a lib": {
			map[string][]string{
				p + "services/network/internal/core/vpc": {"strings", p + "libs/x"},
				p + "libs/x":                             {"google.golang.org/grpc/codes"},
			},
			"core imports no transport, SQL or SDK: services/network/internal/core/vpc -> libs/x -> google.golang.org/grpc/codes",
		},
		"core declares a port": {
			map[string][]string{p + "services/network/internal/core/vpc": {"context"}},
			"core declares no port: it takes no context and no clock: services/network/internal/core/vpc -> context",
		},
		"core reads a clock": {
			map[string][]string{p + "services/tenant/internal/core/tenancy": {p + "libs/clock"}},
			"core declares no port: it takes no context and no clock: services/tenant/internal/core/tenancy -> libs/clock",
		},
		"api imports store": {
			map[string][]string{p + "services/network/internal/api": {p + "services/network/internal/store"}},
			"api calls use cases, not the store: services/network/internal/api -> services/network/internal/store",
		},
		"usecase reaches a cloud through core": {
			map[string][]string{
				p + "services/network/internal/usecase": {p + "services/network/internal/core/x"},
				p + "services/network/internal/core/x":  {p + "libs/openstack/client"},
				p + "libs/openstack/client":             {"github.com/gophercloud/gophercloud/v2"},
			},
			"usecase imports no client, cloud or SDK of another system: services/network/internal/usecase -> services/network/internal/core/x -> libs/openstack/client",
		},
		"usecase imports a client": {
			map[string][]string{p + "services/tenant/internal/usecase": {p + "services/tenant/internal/client"}},
			"usecase imports no client, cloud or SDK of another system: services/tenant/internal/usecase -> services/tenant/internal/client",
		},
		"store calls a use case": {
			map[string][]string{p + "services/network/internal/store": {p + "services/network/internal/usecase"}},
			"store holds rows and imports no layer above: services/network/internal/store -> services/network/internal/usecase",
		},
		"a service imports another": {
			map[string][]string{p + "services/tenant/internal/app": {p + "services/network/public"}},
			"services never import services: services/tenant/internal/app -> services/network/public",
		},
		"a lib imports a tool": {
			map[string][]string{p + "libs/x": {p + "tools/y"}},
			"libs import neither services nor tools: libs/x -> tools/y",
		},
		"a tool imports a service": {
			map[string][]string{p + "tools/y": {p + "services/tenant/z"}},
			"tools import no service: tools/y -> services/tenant/z",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := offences(c.graph); !slices.Contains(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), c.want)
			}
		})
	}
}

func TestOffences_allowedImports_none(t *testing.T) {
	p := prefix
	graph := map[string][]string{
		p + "services/network/internal/app":      {p + "services/network/internal/api", p + "services/network/internal/store", p + "libs/pg"},
		p + "services/network/internal/api":      {p + "services/network/internal/usecase", p + "services/network/internal/core/vpc", "google.golang.org/grpc"},
		p + "services/network/internal/usecase":  {p + "services/network/internal/store", p + "services/network/internal/core/vpc"},
		p + "services/network/internal/store":    {p + "services/network/internal/core/vpc", "github.com/jackc/pgx/v5"},
		p + "services/network/internal/core/vpc": {p + "libs/errs", "net/netip"},
		p + "libs/errs":                          {"errors", "context"},
		p + "libs/pg":                            {"github.com/jackc/pgx/v5"},
	}
	if got := offences(graph); len(got) > 0 {
		t.Errorf("refused: %v", got)
	}
}

package openstack

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/low-layer/platform/libs/errs"
)

// service is one API of a cloud: its name in the catalogue and where below its endpoint the resources are.
type service struct {
	name         string
	aliases      []string
	version      string // path segment the resources are under; empty when the catalogue's endpoint has it
	microversion string
}

var (
	serviceIdentity  = service{name: "identity", version: "v3"}
	serviceNetwork   = service{name: "network", aliases: []string{"networking"}, version: "v2.0"}
	serviceCompute   = service{name: "compute", microversion: computeMicroversion}
	serviceImage     = service{name: "image", version: "v2"}
	servicePlacement = service{name: "placement", microversion: placementMicroversion}
	// The catalogue's endpoint of Cinder has the version, and often the project behind it.
	serviceBlockStorage = service{name: "block-storage", aliases: []string{"volumev3"}}
)

// service makes the client of one service. It is cheap: connections and tokens are shared. Callers may change its
// microversion; it is theirs.
func (s *session) service(ctx context.Context, svc service) (*gophercloud.ServiceClient, error) {
	t, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	endpoint, err := locate(t.catalog, svc, s.cloud.endpoints)
	if err != nil {
		// The catalogue comes with the token: somebody may have mended it since.
		fresh, anewErr := s.anew(ctx, t)
		if anewErr != nil || fresh == t {
			return nil, err
		}
		if endpoint, err = locate(fresh.catalog, svc, s.cloud.endpoints); err != nil {
			return nil, err
		}
	}
	return &gophercloud.ServiceClient{
		ProviderClient: &gophercloud.ProviderClient{
			IdentityBase:     s.cloud.identityBase,
			IdentityEndpoint: s.cloud.identityBase + "v3/",
			HTTPClient: http.Client{Transport: &authTransport{
				session: s,
				next:    &retryTransport{next: s.cloud.calls.of(svc.name), clock: s.cloud.clock},
			}},
		},
		Endpoint:     endpoint,
		ResourceBase: endpoint,
		Type:         svc.name,
		Microversion: svc.microversion,
	}, nil
}

// locate finds the endpoint in the catalogue. Unlike gophercloud it asks the endpoint nothing: a call without the
// caller's context could hang, and the versions in use are fixed.
func locate(catalog *tokens.ServiceCatalog, svc service, want gophercloud.EndpointOpts) (string, error) {
	availability := want.Availability
	if availability == "" {
		availability = gophercloud.AvailabilityPublic
	}
	for _, entry := range catalog.Entries {
		if entry.Type != svc.name && !slices.Contains(svc.aliases, entry.Type) {
			continue
		}
		for _, e := range entry.Endpoints {
			inRegion := want.Region == "" || e.Region == want.Region || e.RegionID == want.Region
			if e.Interface == string(availability) && inRegion {
				return versioned(e.URL, svc.version), nil
			}
		}
	}
	where := ""
	if want.Region != "" {
		where = " in region " + want.Region
	}
	return "", errs.New(errs.FailedPrecondition, ReasonServiceMissing,
		"the cloud's catalogue has no %s endpoint of service %s%s; register it in Keystone, or correct the region and interface in clouds.yaml",
		availability, svc.name, where).With("service", svc.name)
}

// versioned ends an endpoint in its version, which some catalogues hold and some do not.
func versioned(endpoint, version string) string {
	endpoint = strings.TrimRight(endpoint, "/")
	if version == "" {
		return endpoint + "/"
	}
	if last := endpoint[strings.LastIndexByte(endpoint, '/')+1:]; isVersion(last) {
		endpoint = strings.TrimRight(strings.TrimSuffix(endpoint, last), "/")
	}
	return endpoint + "/" + version + "/"
}

func isVersion(segment string) bool {
	return len(segment) > 1 && segment[0] == 'v' && strings.Trim(segment[1:], "0123456789.") == ""
}

// Package openstack connects the platform to an OpenStack: gophercloud's service clients over a transport with tokens,
// retries, tracing and typed errors.
//
// It promises:
//   - A token is fetched at its first use and renewed before it expires, while calls go on with the old one. Any number of waiting calls cause one fetch. A call with the response 401 was not carried out: it is repeated once, with a new token.
//   - A read is repeated on 429, 502, 503, 504 and broken connections for as long as its context allows. A write is never repeated: its caller must look whether it was carried out.
//   - Every call has a span, a global request id and a time limit, and can be observed (WithCalls).
//   - Classify turns the error of a call into an errs.Error with one of the Reason constants.
//
// The package makes no call before its first use, so a service starts while its cloud is down.
package openstack

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/telemetry"
)

const (
	defaultTimeout = time.Minute

	// The microversions the platform is written against; every cloud since OpenStack Zed has them.
	computeMicroversion   = "2.90"
	placementMicroversion = "1.39"
)

// Config names a cloud of a clouds.yaml. Empty fields are looked up as the openstack command does.
type Config struct {
	// CloudsFile is the path of the clouds.yaml; a secure.yaml beside it is read too.
	CloudsFile string
	// Cloud is the name of the cloud in it.
	Cloud string
	// Timeout is the limit of one call, a minute when 0. See also WithTimeout.
	Timeout   time.Duration
	Telemetry *telemetry.Telemetry
	Logger    *slog.Logger
	Clock     clock.Clock
}

// Client is an OpenStack seen by one user. It is safe for use by many goroutines.
type Client struct {
	cloud   *cloud
	session *session
}

// New reads the clouds.yaml. It makes no call.
func New(cfg Config) (*Client, error) {
	var options []clouds.ParseOption
	if cfg.CloudsFile != "" {
		options = append(options, clouds.WithLocations(cfg.CloudsFile))
	}
	if cfg.Cloud != "" {
		options = append(options, clouds.WithCloudName(cfg.Cloud))
	}
	auth, endpoints, tlsConfig, err := clouds.Parse(options...)
	if err != nil {
		return nil, fmt.Errorf("read cloud %q: %w", cfg.Cloud, err)
	}
	if err := complete(auth); err != nil {
		return nil, fmt.Errorf("read cloud %q: %w", cfg.Cloud, err)
	}
	c, err := newCloud(cfg, auth.IdentityEndpoint, endpoints, tlsConfig)
	if err != nil {
		return nil, fmt.Errorf("read cloud %q: %w", cfg.Cloud, err)
	}
	return &Client{cloud: c, session: newSession(c, auth)}, nil
}

// complete refuses credentials that no Keystone could take, for example a project's name without its domain.
func complete(auth gophercloud.AuthOptions) error {
	scope, err := auth.ToTokenV3ScopeMap()
	if err == nil {
		_, err = auth.ToTokenV3CreateMap(scope)
	}
	return err
}

// With is the same cloud seen by another user. Clients with the same credentials share their token.
func (c *Client) With(credentials Credentials) *Client {
	return &Client{cloud: c.cloud, session: c.cloud.sessionOf(credentials, c.session.auth)}
}

// Close ends what the client and every client made from it by With hold open. Calls after it fail or connect anew.
func (c *Client) Close() { c.cloud.close() }

// Identity is Keystone v3.
func (c *Client) Identity(ctx context.Context) (*gophercloud.ServiceClient, error) {
	return c.session.service(ctx, serviceIdentity)
}

// Network is Neutron v2.0.
func (c *Client) Network(ctx context.Context) (*gophercloud.ServiceClient, error) {
	return c.session.service(ctx, serviceNetwork)
}

// Compute is Nova v2.1.
func (c *Client) Compute(ctx context.Context) (*gophercloud.ServiceClient, error) {
	return c.session.service(ctx, serviceCompute)
}

// Image is Glance v2.
func (c *Client) Image(ctx context.Context) (*gophercloud.ServiceClient, error) {
	return c.session.service(ctx, serviceImage)
}

// Placement is Placement v1.
func (c *Client) Placement(ctx context.Context) (*gophercloud.ServiceClient, error) {
	return c.session.service(ctx, servicePlacement)
}

// BlockStorage is Cinder v3.
func (c *Client) BlockStorage(ctx context.Context) (*gophercloud.ServiceClient, error) {
	return c.session.service(ctx, serviceBlockStorage)
}

// Identified is a client's identity in the cloud.
type Identified struct {
	UserID    string
	ProjectID string // empty unless scoped to a project
	DomainID  string // the domain scoped to, or that of the project
	Roles     []string
}

// Whoami reads the identity from the token. It fails when the credentials are not good, and makes no call when a token
// is cached.
func (c *Client) Whoami(ctx context.Context) (Identified, error) {
	t, err := c.session.current(ctx)
	if err != nil {
		return Identified{}, err
	}
	return t.who, nil
}

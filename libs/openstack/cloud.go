package openstack

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/utils"

	"github.com/low-layer/platform/libs/clock"
)

const (
	// maxSessions bounds what With remembers; beyond it, sessions without a good token are let go.
	maxSessions = 1024

	// Apache closes idle connections after 5 s, and uwsgi does so without notice. A write on a connection that the
	// server is closing gets no response and costs a look-up in the cloud; so connections close earlier here.
	idleConnTimeout = 4 * time.Second
	maxConnsPerHost = 64
)

// cloud is what all sessions share.
type cloud struct {
	identityBase string // ends in a slash, without a version
	endpoints    gophercloud.EndpointOpts
	http         *http.Transport
	calls        *callTransport
	clock        clock.Clock
	logger       *slog.Logger

	// flights are the token requests under way, which outlive the calls that caused them.
	flights  sync.WaitGroup
	stop     context.Context
	stopNow  context.CancelFunc
	mu       sync.Mutex
	sessions map[[32]byte]*session
}

func newCloud(cfg Config, authURL string, endpoints gophercloud.EndpointOpts, tlsConfig *tls.Config) (*cloud, error) {
	parsed, err := url.Parse(authURL)
	if err != nil || parsed.Scheme == "" || parsed.Host == "" {
		return nil, errors.New("auth_url is not an absolute URL; write it as https://host:5000/v3")
	}
	base, err := utils.BaseEndpoint(authURL)
	if err != nil {
		return nil, err
	}
	c := &cloud{
		identityBase: gophercloud.NormalizeURL(base),
		endpoints:    endpoints,
		clock:        cfg.Clock,
		logger:       cfg.Logger,
		sessions:     map[[32]byte]*session{},
	}
	if c.clock == nil {
		c.clock = clock.Real()
	}
	if c.logger == nil {
		c.logger = slog.Default()
	}
	c.stop, c.stopNow = context.WithCancel(context.Background())
	c.http = &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       tlsConfig,
		TLSHandshakeTimeout:   10 * time.Second,
		IdleConnTimeout:       idleConnTimeout,
		MaxIdleConnsPerHost:   maxConnsPerHost,
		MaxConnsPerHost:       maxConnsPerHost,
		ExpectContinueTimeout: time.Second,
	}
	c.calls, err = newCallTransport(c.http, cfg, c.clock)
	return c, err
}

// sessionOf finds or makes the session of the credentials.
func (c *cloud) sessionOf(credentials Credentials, parent gophercloud.AuthOptions) *session {
	auth := credentials.options(parent)
	key := fingerprint(auth)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.sessions[key]; ok {
		return s
	}
	if len(c.sessions) >= maxSessions {
		for k, s := range c.sessions {
			if s.idle() {
				delete(c.sessions, k)
			}
		}
	}
	s := newSession(c, auth)
	c.sessions[key] = s
	return s
}

func (c *cloud) close() {
	c.stopNow()
	c.flights.Wait()
	c.http.CloseIdleConnections()
}

package openstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

const (
	tokenTimeout = 30 * time.Second
	// renewPause keeps a Keystone that is down from being asked by every call while the old token is still good.
	renewPause = 15 * time.Second
	maxEarly   = 10 * time.Minute
	maxMargin  = 30 * time.Second
)

// token is one token and what came with it.
type token struct {
	id      string
	renew   time.Time // from here on a new one is fetched, and this one used meanwhile
	dead    time.Time // from here on it is not used: it could expire on the way
	catalog *tokens.ServiceCatalog
	who     Identified
}

// flight is one request for a token that any number of calls wait for.
type flight struct {
	done  chan struct{}
	token *token
	err   error
}

// session is one user's token, kept good.
type session struct {
	cloud *cloud
	auth  gophercloud.AuthOptions

	mu        sync.Mutex
	token     *token
	flight    *flight
	renewNext time.Time
}

func newSession(c *cloud, auth gophercloud.AuthOptions) *session {
	return &session{cloud: c, auth: auth}
}

// idle is true when forgetting the session costs at most a new token.
func (s *session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flight == nil && (s.token == nil || !s.cloud.clock.Now().Before(s.token.dead))
}

// current returns a good token, and waits for one only when there is none.
func (s *session) current(ctx context.Context) (*token, error) {
	s.mu.Lock()
	now := s.cloud.clock.Now()
	if t := s.token; t != nil && now.Before(t.dead) {
		if !now.Before(t.renew) && !now.Before(s.renewNext) {
			s.renewNext = now.Add(renewPause)
			s.fly(ctx)
		}
		s.mu.Unlock()
		return t, nil
	}
	f := s.fly(ctx)
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, &notSentError{fmt.Errorf("wait for a token: %w", ctx.Err())}
	case <-f.done:
	}
	if f.err != nil {
		return nil, &notSentError{f.err}
	}
	return f.token, nil
}

// doubt has a new token, and with it the catalogue, fetched in the background: a call failed in a way that a moved endpoint
// explains. Calls use the present token meanwhile.
func (s *session) doubt(ctx context.Context, used *token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.cloud.clock.Now(); s.token == used && !now.Before(s.renewNext) {
		s.renewNext = now.Add(renewPause)
		s.fly(ctx)
	}
}

// anew returns a newer token than one whose catalogue lacks a service, at most every renewPause.
func (s *session) anew(ctx context.Context, used *token) (*token, error) {
	s.mu.Lock()
	if now := s.cloud.clock.Now(); s.token == used && !now.Before(s.renewNext) {
		s.renewNext, s.token = now.Add(renewPause), nil
	}
	s.mu.Unlock()
	return s.current(ctx)
}

// drop forgets a token the cloud refused; a newer one stays.
func (s *session) drop(refused *token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == refused {
		s.token = nil
	}
}

// fly joins the request under way or starts one. The request runs on a context of its own: the call that happens to
// start it may be cancelled, and the others that wait must not fail with it. Callers hold s.mu.
func (s *session) fly(ctx context.Context) *flight {
	if s.flight != nil {
		return s.flight
	}
	f := &flight{done: make(chan struct{})}
	s.flight = f
	ctx, cancel := context.WithTimeout(unobserved(ctx), tokenTimeout)
	stopped := context.AfterFunc(s.cloud.stop, cancel)
	s.cloud.flights.Go(func() {
		defer stopped()
		defer cancel()
		t, err := s.fetch(ctx)
		if err != nil {
			s.cloud.logger.WarnContext(ctx, "openstack token was not issued", slog.Any("error", err))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.token = t
		}
		f.token, f.err, s.flight = t, err, nil
		close(f.done)
	})
	return f
}

// fetch asks Keystone for a token.
func (s *session) fetch(ctx context.Context) (*token, error) {
	asked := s.cloud.clock.Now()
	auth := s.auth // gophercloud fills in the scope
	client := &gophercloud.ServiceClient{
		ProviderClient: &gophercloud.ProviderClient{
			HTTPClient: http.Client{Transport: s.cloud.calls.of(serviceIdentity.name)},
			Throwaway:  true,
		},
		Endpoint: s.cloud.identityBase + "v3/",
		Type:     serviceIdentity.name,
	}
	result := tokens.Create(ctx, client, &auth)
	id, err := result.ExtractTokenID()
	if err != nil {
		return nil, &tokenError{err}
	}
	// The token's life counts from our asking: Keystone's clock and ours need not agree.
	life, err := lifeOf(result)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, errors.New("get a token: keystone answered none")
	}
	catalog, err := result.ExtractServiceCatalog()
	if err != nil {
		return nil, fmt.Errorf("read the service catalogue: %w", err)
	}
	who, err := identify(result)
	if err != nil {
		return nil, fmt.Errorf("read whose token it is: %w", err)
	}
	return &token{
		id:      id,
		renew:   asked.Add(life - min(life/5, maxEarly)),
		dead:    asked.Add(life - min(life/20, maxMargin)),
		catalog: catalog,
		who:     who,
	}, nil
}

// zoneless is how Keystone writes the end of a token that ends with its application credential.
const zoneless = "2006-01-02T15:04:05"

// lifeOf is how long a token is good for.
func lifeOf(result tokens.CreateResult) (time.Duration, error) {
	var times struct {
		IssuedAt  string `json:"issued_at"`
		ExpiresAt string `json:"expires_at"`
	}
	if err := result.ExtractInto(&times); err != nil {
		return 0, fmt.Errorf("read a token's times: %w", err)
	}
	issued, issuedErr := parseTime(times.IssuedAt)
	expires, expiresErr := parseTime(times.ExpiresAt)
	if err := errors.Join(issuedErr, expiresErr); err != nil {
		return 0, fmt.Errorf("read a token's times: %w", err)
	}
	life := expires.Sub(issued)
	if life <= 0 {
		return 0, fmt.Errorf("get a token: keystone answered one that is good from %s until %s", times.IssuedAt, times.ExpiresAt)
	}
	return life, nil
}

func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	return time.Parse(zoneless, text) // it takes a fraction too
}

func identify(result tokens.CreateResult) (Identified, error) {
	user, err := result.ExtractUser()
	if err != nil {
		return Identified{}, err
	}
	project, err := result.ExtractProject()
	if err != nil {
		return Identified{}, err
	}
	domain, err := result.ExtractDomain()
	if err != nil {
		return Identified{}, err
	}
	roles, err := result.ExtractRoles()
	if err != nil {
		return Identified{}, err
	}
	var who Identified
	if user != nil {
		who.UserID = user.ID
	}
	if project != nil {
		who.ProjectID, who.DomainID = project.ID, project.Domain.ID
	}
	if domain != nil {
		who.DomainID = domain.ID
	}
	for _, role := range roles {
		who.Roles = append(who.Roles, role.Name)
	}
	return who, nil
}

package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/libs/errs"
)

const (
	// Floor is the least time between two requests for the issuer's keys, whatever tokens come.
	Floor = 2 * time.Second
	// Refresh is how often the keys are asked for without a reason; after a failure it is retryAfter.
	Refresh = 5 * time.Minute
	// fetchTimeout bounds one such request.
	fetchTimeout = 5 * time.Second
)

// Config names the trusted issuer and audience.
type Config struct {
	// Issuer is the URL of the realm, as the claim `iss` has it.
	Issuer string
	// Audience is what the tokens must be for.
	Audience string
	// JWKSURL is where the issuer publishes its keys; where Keycloak does when empty.
	JWKSURL string
	// Client asks for them; a default one when nil. It follows no redirects.
	Client *http.Client
	// Clock is the system's when nil.
	Clock clock.Clock
	// Logger logs missing keys; nil is the default logger.
	Logger *slog.Logger
}

// CertsPath is where Keycloak publishes the keys of a realm, below its issuer.
const CertsPath = "/protocol/openid-connect/certs"

// Verifier verifies access tokens. It is safe for use by several goroutines.
type Verifier struct {
	cfg   Config
	keys  *keys
	cache *cache
}

// NewVerifier makes no request; Run keeps the keys.
func NewVerifier(cfg Config) *Verifier {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	client := http.Client{}
	if cfg.Client != nil {
		client = *cfg.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	url := cmp.Or(cfg.JWKSURL, strings.TrimSuffix(cfg.Issuer, "/")+CertsPath)
	return &Verifier{cfg: cfg, cache: newCache(), keys: &keys{url: url, client: &client, clock: cfg.Clock, floor: Floor}}
}

// Run fetches the keys, and refreshes them until ctx ends. Without Run the first token fetches them. While the issuer is
// away the pauses grow, and the log has one line.
func (v *Verifier) Run(ctx context.Context) error {
	pause := Refresh
	away := false
	for ctx.Err() == nil {
		err := v.keys.freshen(ctx, v.cfg.Clock.Now())
		switch {
		case err == nil:
			if away {
				v.cfg.Logger.InfoContext(ctx, "the issuer's keys can be had again")
			}
			away, pause = false, Refresh
		case !away && ctx.Err() == nil:
			v.cfg.Logger.WarnContext(ctx, "the issuer's keys cannot be had; those known before stay in use",
				"error", err, "known", v.keys.current.Load() != nil)
			away, pause = true, retryAfter
		default:
			pause = min(2*pause, Refresh)
		}
		_ = v.keys.pause(ctx, pause) // it fails when ctx ends
	}
	return nil
}

// Verify returns the caller that a token names.
func (v *Verifier) Verify(ctx context.Context, token string) (*Principal, error) {
	if len(token) > maxToken {
		return nil, invalid(errSize)
	}
	sum := sha256.Sum256([]byte(token))
	if e, ok := v.cache.get(sum); ok && v.keys.known(e.keyID) == e.key {
		if v.cfg.Clock.Now().Before(e.principal.Expiry.Add(Leeway)) {
			return e.principal, nil
		}
		v.cache.drop(sum)
		return nil, expired()
	}
	e, err := v.verify(ctx, token)
	if err != nil {
		return nil, typed(err)
	}
	v.cache.put(sum, e, v.cfg.Clock.Now())
	return e.principal, nil
}

func (v *Verifier) verify(ctx context.Context, token string) (entry, error) {
	h, err := readHeader(token)
	if err != nil {
		return entry{}, err
	}
	k, err := v.keys.find(ctx, h.KeyID)
	if err != nil {
		return entry{}, err
	}
	payload, err := signed(token, h, k)
	if err != nil {
		return entry{}, err
	}
	p, err := v.principal(payload)
	if err != nil {
		return entry{}, err
	}
	return entry{principal: p, keyID: h.KeyID, key: k}, nil
}

// typed is the error for the caller. It says that a token expired only when the signature was good.
func typed(err error) error {
	if e, ok := errs.As(err); ok {
		return e
	}
	if errors.Is(err, errExpired) {
		return expired()
	}
	return invalid(err)
}

package identity

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4/json" // refuses repeated names and takes them in their own case only
)

const (
	// Leeway is how far the clocks of the issuer and of this service may be apart.
	Leeway = 30 * time.Second
	// maxGroups and maxText bound what a token can make the platform carry.
	maxGroups = 1000
	maxText   = 512
	// accessToken is what the claim `typ` of an access token says; ID and refresh tokens of the same issuer say otherwise.
	accessToken = "Bearer"
	// serviceAccount begins the name that Keycloak gives to the user of a client.
	serviceAccount = "service-account-"
	// latest bounds times: nothing later can be computed with.
	latest = 1 << 40
)

// claims are those that are used; others are ignored.
type claims struct {
	Issuer   string      `json:"iss"`
	Subject  string      `json:"sub"`
	Audience audience    `json:"aud"`
	Type     string      `json:"typ"`
	Expiry   json.Number `json:"exp"`
	NotYet   json.Number `json:"nbf"`
	Issued   json.Number `json:"iat"`
	AuthTime json.Number `json:"auth_time"`
	TokenID  string      `json:"jti"`
	Name     string      `json:"preferred_username"`
	Email    string      `json:"email"`
	Client   string      `json:"client_id"`
	ACR      string      `json:"acr"`
	AMR      []string    `json:"amr"`
	Groups   []string    `json:"groups"`
}

// audience is one text or several.
type audience []string

// UnmarshalJSON reads either form.
func (a *audience) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte(`"`)) {
		var one string
		err := json.Unmarshal(data, &one)
		*a = audience{one}
		return err
	}
	return json.Unmarshal(data, (*[]string)(a))
}

var (
	errIssuer   = errors.New("the token is of another issuer")
	errAudience = errors.New("the token is for another audience")
	errNoAccess = errors.New("the token is no access token")
	errSubject  = errors.New("the token names no subject")
	errTime     = errors.New("a time in the token is missing or unreadable")
	errTooEarly = errors.New("the token is not valid yet")
	errTooMuch  = errors.New("the token claims more than is believed")
	errExpired  = errors.New("the token has expired")
)

// principal returns the caller that the claims name, when audience and time match.
func (v *Verifier) principal(payload []byte) (*Principal, error) {
	// Once for what is used, and once for names that are repeated in what is not.
	var c claims
	var all map[string]any
	if err := errors.Join(json.Unmarshal(payload, &all), json.Unmarshal(payload, &c)); err != nil {
		return nil, fmt.Errorf("read the token's claims: %w", err)
	}
	switch {
	case c.Issuer != v.cfg.Issuer:
		return nil, errIssuer
	case !slices.Contains(c.Audience, v.cfg.Audience):
		return nil, errAudience
	case c.Type != accessToken:
		return nil, errNoAccess
	case c.Subject == "":
		return nil, errSubject
	case len(c.Groups) > maxGroups || slices.ContainsFunc(append(c.texts(), c.Groups...), tooLong):
		return nil, errTooMuch
	}
	end, err := v.lifetime(c)
	if err != nil {
		return nil, err
	}
	auth, _, err := moment(c.AuthTime)
	if err != nil {
		return nil, err
	}
	return &Principal{
		Subject: c.Subject, Issuer: c.Issuer, Name: c.Name, Email: c.Email, Groups: c.Groups, AMR: c.AMR,
		ACR: c.ACR, AuthTime: auth, Expiry: end, ServiceAccount: c.Client != "" && c.Name == serviceAccount+c.Client,
	}, nil
}

func (c claims) texts() []string {
	return append([]string{c.Subject, c.TokenID, c.Name, c.Email, c.Client, c.ACR}, c.AMR...)
}

func tooLong(text string) bool { return len(text) > maxText }

// lifetime is when the token ends, if it has begun and has not ended.
func (v *Verifier) lifetime(c claims) (time.Time, error) {
	now := v.cfg.Clock.Now()
	issued, ok, err := moment(c.Issued)
	if err != nil || !ok {
		return time.Time{}, errTime
	}
	begin, _, err := moment(c.NotYet)
	if err != nil {
		return time.Time{}, err
	}
	if issued.After(now.Add(Leeway)) || begin.After(now.Add(Leeway)) {
		return time.Time{}, errTooEarly
	}
	end, ok, err := moment(c.Expiry)
	if err != nil || !ok {
		return time.Time{}, errTime
	}
	if !now.Before(end.Add(Leeway)) {
		return time.Time{}, errExpired
	}
	return end, nil
}

// moment reads seconds since 1970, whole or not; false when there are none.
func moment(n json.Number) (time.Time, bool, error) {
	if n == "" {
		return time.Time{}, false, nil
	}
	seconds, err := strconv.ParseFloat(string(n), 64)
	if err != nil || seconds < 0 || seconds > latest {
		return time.Time{}, false, errTime
	}
	if seconds == 0 { // Keycloak's form of "none"
		return time.Time{}, false, nil
	}
	return time.Unix(int64(seconds), 0).UTC(), true, nil
}

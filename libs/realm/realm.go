// Package realm sets up a Keycloak realm for the platform: clients, the mappers that put groups, audience and
// authentication methods into tokens, the login flow with a second level, and the roots of the group tree. Sandbox, lab
// and production use it alike.
//
// Setup is repeatable. On a realm in the wanted state it changes nothing that a user could notice. The next run finishes
// an interrupted one. Unknown parts stay as they are. Errors hold Keycloak's own words and name the step.
//
// The package calls the admin API itself instead of through gocloak, whose types drop fields that matter here: an update
// resets the priority of an execution, mappers know fixed keys only, and realms lack the default scopes.
package realm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The names that the platform's programs agree on.
const (
	// Name is the realm.
	Name = "lowlayer"
	// CLIClient is the public client of people's programs: device flow, and code flow to a loopback address, both with PKCE.
	CLIClient = "lowlayer-cli"
	// TenantClient is the confidential client of the tenant service.
	TenantClient = "lowlayer-tenant"
	// Audience is what access tokens for the platform carry.
	Audience = "lowlayer-api"
	// Tenants is the root of the tenants' groups.
	Tenants = "tenants"
	// Platform is the root of the groups of LOW-LAYER's own people.
	Platform = "platform"
	// Operator is the group of LOW-LAYER's own operators, below Platform.
	Operator = "operator"
	// MFARole makes every login of its bearer ask for a one-time password, the device flow too.
	MFARole = "mfa-required"
	// Callback is where the code flow of the CLI comes back to; its port is the program's choice.
	Callback = "http://127.0.0.1/callback"
)

// TenantRoles are the rights of the tenant service in its realm: members and their groups, clients of service accounts,
// and the events that show their last use.
var TenantRoles = []string{"manage-users", "manage-clients", "view-events"}

// Config says which Keycloak and what of it is not fixed.
type Config struct {
	// URL is the base of Keycloak, for example https://id.example.com.
	URL string
	// Realm is Name unless a test needs one of its own.
	Realm string
	// AdminUser and AdminPassword are those of an administrator of the realm master.
	AdminUser, AdminPassword string
	// TenantSecret is the secret of TenantClient; empty keeps the one there is, or lets Keycloak make one.
	TenantSecret string
	// PollInterval is how often a device may ask whether its login is done; 5 s when zero.
	PollInterval time.Duration
	// HTTP is the client to use; http.DefaultClient when nil.
	HTTP *http.Client
}

// Issuer is the issuer of the tokens of a realm at a Keycloak.
func Issuer(url, realm string) string { return strings.TrimRight(url, "/") + "/realms/" + realm }

// Setup makes the realm as the platform needs it.
func Setup(ctx context.Context, cfg Config) error {
	s, err := login(ctx, cfg)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"realm", s.realm},
		{"user profile", s.profile},
		{"roles", s.roles},
		{"client scope", s.scope},
		{"clients", s.clients},
		{"groups", s.groups},
		{"login flow", s.flow},
	} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("set up the %s of realm %s: %w", step.name, s.cfg.Realm, err)
		}
	}
	return nil
}

// Delete removes the realm with everything in it; for tests.
func Delete(ctx context.Context, cfg Config) error {
	s, err := login(ctx, cfg)
	if err != nil {
		return err
	}
	return absentIsFine(s.do(ctx, http.MethodDelete, "", nil, nil))
}

type setup struct {
	*api
	cfg     Config
	scopeID string
}

func login(ctx context.Context, cfg Config) (*setup, error) {
	if cfg.Realm == "" {
		cfg.Realm = Name
	}
	if cfg.PollInterval == 0 {
		cfg.PollInterval = 5 * time.Second
	}
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	a := &api{base: strings.TrimRight(cfg.URL, "/"), realm: cfg.Realm, user: cfg.AdminUser, password: cfg.AdminPassword, http: cfg.HTTP}
	if err := a.login(ctx); err != nil {
		return nil, fmt.Errorf("log in to Keycloak at %s: %w", cfg.URL, err)
	}
	return &setup{api: a, cfg: cfg}, nil
}

// object is a representation as JSON.
type object = map[string]any

// wanted are the realm settings of the platform. All others are the operator's.
func (s *setup) wanted() object {
	return object{
		"realm": s.cfg.Realm, "enabled": true, "displayName": "LOW-LAYER",
		"registrationAllowed": false, "registrationEmailAsUsername": true, "loginWithEmailAllowed": true, "duplicateEmailsAllowed": false,
		"editUsernameAllowed": false, "resetPasswordAllowed": true, "rememberMe": false,
		"bruteForceProtected": true, "failureFactor": 10, "permanentLockout": false,
		"accessTokenLifespan": 300, "ssoSessionIdleTimeout": 1800, "ssoSessionMaxLifespan": 36000,
		"passwordPolicy": "length(12) and notUsername(undefined) and notEmail(undefined)",
		"eventsEnabled":  true, "eventsExpiration": 7 * 24 * 3600,
		"enabledEventTypes": []string{
			"LOGIN", "LOGIN_ERROR", "CLIENT_LOGIN", "CLIENT_LOGIN_ERROR", "LOGOUT", "CODE_TO_TOKEN", "OAUTH2_DEVICE_VERIFY_USER_CODE",
			"OAUTH2_DEVICE_CODE_TO_TOKEN", "UPDATE_CREDENTIAL", "REMOVE_CREDENTIAL", "UPDATE_TOTP", "USER_DISABLED_BY_TEMPORARY_LOCKOUT",
		},
		"attributes": object{"acr.loa.map": `{"1":1,"2":2}`},
	}
}

func (s *setup) realm(ctx context.Context) error {
	err := s.do(ctx, http.MethodGet, "", nil, nil)
	if isStatus(err, http.StatusNotFound) {
		err = s.root(ctx, http.MethodPost, "/admin/realms", s.wanted(), nil)
		if isStatus(err, http.StatusConflict) { // another made it meanwhile
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return s.do(ctx, http.MethodPut, "", s.wanted(), nil)
}

// profile lets people be known by their e-mail alone: a member is invited before anybody knows how they spell their name.
func (s *setup) profile(ctx context.Context) error {
	var p object
	if err := s.do(ctx, http.MethodGet, "/users/profile", nil, &p); err != nil {
		return err
	}
	changed := false
	attributes, _ := p["attributes"].([]any)
	for _, a := range attributes {
		o, _ := a.(object)
		_, required := o["required"]
		if name := o["name"]; required && (name == "firstName" || name == "lastName") {
			delete(o, "required")
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return s.do(ctx, http.MethodPut, "/users/profile", p, nil)
}

func (s *setup) roles(ctx context.Context) error {
	return existsIsFine(s.do(ctx, http.MethodPost, "/roles", object{
		"name": MFARole, "description": "every login asks for a one-time password",
	}, nil))
}

func (s *setup) groups(ctx context.Context) error {
	for _, path := range []string{Tenants, Platform, Platform + "/" + Operator} {
		if _, err := s.ensureGroup(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// ensureGroup makes a group and those above it.
func (s *setup) ensureGroup(ctx context.Context, path string) (string, error) {
	var g struct{ ID string }
	err := s.do(ctx, http.MethodGet, "/group-by-path/"+path, nil, &g)
	if !isStatus(err, http.StatusNotFound) {
		return g.ID, err
	}
	at, name := "/groups", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, err := s.ensureGroup(ctx, path[:i])
		if err != nil {
			return "", err
		}
		at, name = "/groups/"+parent+"/children", path[i+1:]
	}
	if err := existsIsFine(s.do(ctx, http.MethodPost, at, object{"name": name}, nil)); err != nil {
		return "", err
	}
	err = s.do(ctx, http.MethodGet, "/group-by-path/"+path, nil, &g)
	return g.ID, err
}

// User is a person of a sandbox or a test, with a password that is known.
type User struct {
	Email, FirstName, LastName, Password string
	// Groups are full paths, for example /platform/operator.
	Groups []string
	// OTP is the raw text of a one-time-password secret; empty makes none.
	OTP string
}

// EnsureUser makes a missing user and joins it to its groups. An existing user keeps its password, and joins only when
// its e-mail is verified: a caller who may invite members can make an account for a foreign address.
func EnsureUser(ctx context.Context, cfg Config, u User) (id string, err error) {
	s, err := login(ctx, cfg)
	if err != nil {
		return "", err
	}
	rep := object{
		"username": u.Email, "email": u.Email, "emailVerified": true, "enabled": true, "firstName": u.FirstName, "lastName": u.LastName,
	}
	credentials := []object{{"type": "password", "value": u.Password, "temporary": false}}
	if u.OTP != "" {
		credentials = append(credentials, object{
			"type": "otp", "userLabel": "known", "secretData": `{"value":` + strconv.Quote(u.OTP) + `}`,
			"credentialData": `{"subType":"totp","digits":6,"period":30,"algorithm":"HmacSHA1","counter":0}`,
		})
	}
	rep["credentials"] = credentials
	if err := existsIsFine(s.do(ctx, http.MethodPost, "/users", rep, nil)); err != nil {
		return "", fmt.Errorf("make user %s: %w", u.Email, err)
	}
	var found []struct {
		ID            string
		EmailVerified bool
	}
	if err := s.do(ctx, http.MethodGet, "/users?exact=true&username="+escape(u.Email), nil, &found); err != nil {
		return "", fmt.Errorf("find user %s: %w", u.Email, err)
	}
	if len(found) != 1 {
		return "", fmt.Errorf("find user %s: %w", u.Email, errors.New("there is none, or more than one"))
	}
	// A new user is verified, so this concerns existing accounts alone.
	if !found[0].EmailVerified && len(u.Groups) > 0 {
		return "", fmt.Errorf("join %s to %s: %w", u.Email, strings.Join(u.Groups, ", "), errUnverified)
	}
	return found[0].ID, s.join(ctx, found[0].ID, u)
}

var errUnverified = errors.New("the account was there before and its e-mail is not verified, so it may be somebody else's who named this " +
	"address; look in Keycloak who made it, then verify its e-mail or remove the account, and run this again")

func (s *setup) join(ctx context.Context, id string, u User) error {
	for _, path := range u.Groups {
		g, err := s.ensureGroup(ctx, strings.TrimPrefix(path, "/"))
		if err != nil {
			return fmt.Errorf("make group %s: %w", path, err)
		}
		if err := s.do(ctx, http.MethodPut, "/users/"+id+"/groups/"+g, nil, nil); err != nil {
			return fmt.Errorf("join %s to %s: %w", u.Email, path, err)
		}
	}
	return nil
}

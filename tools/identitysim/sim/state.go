package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"time"
)

// object is a representation as JSON: what is not looked at is kept as it came.
type object = map[string]any

// state is everything the simulator knows; it is what a snapshot holds.
type state struct {
	Realms map[string]*realm
}

type realm struct {
	Name string
	Rep  object
	Keys []*key
	// HMAC signs refresh tokens.
	HMAC     []byte
	Users    map[string]*user
	Groups   map[string]*group
	Clients  map[string]*client
	Scopes   map[string]object
	Defaults []string // ids of the scopes a new client gets
	Roles    map[string]object
	Flows    map[string]*flow
	Profile  object
	Sessions map[string]*session
	Devices  map[string]*device
	Codes    map[string]*grant
	Logins   map[string]*login
	Events   []event
}

type user struct {
	ID          string
	Rep         object
	Password    string
	OTP         string // the raw text of the secret
	UsedOTP     map[string]bool
	Groups      map[string]bool
	RealmRoles  map[string]bool
	ClientRoles map[string]map[string]bool // by the id of the client
	Client      string                     // id of the client it is the service account of
}

type group struct {
	ID, Name, Parent string
	Attributes       object
	RealmRoles       map[string]bool
}

type client struct {
	ID     string
	Rep    object
	Secret string
	Scopes []string // ids of its default scopes
	Roles  map[string]object
	User   string // id of its service account
}

type flow struct {
	ID, Alias string
	BuiltIn   bool
	Steps     []object
	// Configs are the settings of steps by their id.
	Configs map[string]object
}

// session is a login of a user through a client.
type session struct {
	ID, User, Client, Scope, ACR string
	AMR                          []string
	AuthTime, OTPTime            time.Time
	LastRefresh                  time.Time
}

// device is a device authorization.
type device struct {
	Code, UserCode, Client, Scope, Challenge string
	Expires, LastPoll                        time.Time
	Interval                                 time.Duration
	Session                                  string // set once it is approved
	Denied                                   bool
}

// grant is an authorization code on its way.
type grant struct {
	Session, Client, Redirect, Challenge, Scope, Nonce string
	Expires                                            time.Time
}

// login is a person on the pages: where it started and how far it has come.
type login struct {
	ID, Client, Scope, Challenge, Redirect, State, Nonce, Device, User string
	ACR                                                                string
	AMR                                                                []string
	AuthTime, OTPTime                                                  time.Time
	Level                                                              int
	Consented                                                          bool
	Secret                                                             string // of an OTP being enrolled
}

type event struct {
	Time   int64  `json:"time"` // milliseconds since 1970
	Type   string `json:"type"`
	Realm  string `json:"realmId"`
	Client string `json:"clientId"`
	User   string `json:"userId,omitempty"`
	Error  string `json:"error,omitempty"`
	ID     string `json:"id"`
}

const snapshotFormat = 1

type snapshot struct {
	Format int
	State  *state
}

// Snapshot writes everything, keys and sessions included: tokens given out before go on after Restore.
func (s *Sim) Snapshot(w io.Writer) error {
	s.mu.Lock()
	data, err := json.Marshal(snapshot{snapshotFormat, s.st})
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// Restore replaces everything by what Snapshot wrote.
func (s *Sim) Restore(r io.Reader) error {
	var snap snapshot
	if err := json.NewDecoder(r).Decode(&snap); err != nil {
		return fmt.Errorf("decode snapshot: %w", err)
	}
	if snap.Format != snapshotFormat || snap.State == nil || snap.State.Realms["master"] == nil {
		return fmt.Errorf("decode snapshot: it is not one of format %d", snapshotFormat)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st = snap.State
	return nil
}

func text(o object, key string) string { v, _ := o[key].(string); return v }

func truth(o object, key string) bool { v, _ := o[key].(bool); return v }

func texts(o object, key string) []string {
	var out []string
	list, _ := o[key].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func child(o object, key string) object { v, _ := o[key].(object); return v }

func number(o object, key string, fallback int) int {
	if v, ok := o[key].(float64); ok {
		return int(v)
	}
	return fallback
}

// with is a copy with some keys set.
func with(o object, more object) object {
	out := maps.Clone(o)
	if out == nil {
		out = object{}
	}
	maps.Copy(out, more)
	return out
}

// realmRole reports whether a user has a role, itself or by a group above or at one of its groups.
func (r *realm) realmRole(u *user, role string) bool {
	if u.RealmRoles[role] {
		return true
	}
	for id := range u.Groups {
		for g := r.Groups[id]; g != nil; g = r.Groups[g.Parent] {
			if g.RealmRoles[role] {
				return true
			}
		}
	}
	return false
}

// path is a group's full path.
func (r *realm) path(g *group) string {
	if p := r.Groups[g.Parent]; p != nil {
		return r.path(p) + "/" + g.Name
	}
	return "/" + g.Name
}

func (r *realm) clientByName(clientID string) *client {
	for _, c := range r.Clients {
		if text(c.Rep, "clientId") == clientID {
			return c
		}
	}
	return nil
}

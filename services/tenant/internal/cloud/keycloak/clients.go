package keycloak

import (
	"context"
	"strconv"
	"time"

	"github.com/Nerzal/gocloak/v14"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/core/directory"
)

// EnsureClient makes the account of a program, or returns the one there is.
func (d *Directory) EnsureClient(ctx context.Context, clientID, name string) (directory.Client, error) {
	found, err := d.clientByName(ctx, clientID)
	if err != nil {
		return directory.Client{}, err
	}
	if found == nil {
		yes, no := gocloak.BoolP(true), gocloak.BoolP(false)
		err := d.call(ctx, "make the service account", func(token string) error {
			_, err := d.client.CreateClient(ctx, token, d.cfg.Realm, gocloak.Client{
				ClientID: &clientID, Description: &name, Enabled: yes, PublicClient: no, ServiceAccountsEnabled: yes,
				StandardFlowEnabled: no, ImplicitFlowEnabled: no, DirectAccessGrantsEnabled: no, FullScopeAllowed: no,
			})
			return err
		})
		if err != nil && errs.CodeOf(err) != errs.AlreadyExists {
			return directory.Client{}, err
		}
		if found, err = d.clientByName(ctx, clientID); err != nil {
			return directory.Client{}, err
		}
	}
	if found == nil {
		return directory.Client{}, errs.NotFound("client", clientID)
	}
	c := directory.Client{ID: gocloak.PString(found.ID), ClientID: clientID, Enabled: gocloak.PBool(found.Enabled)}
	err = d.call(ctx, "find the service account's user", func(token string) error {
		u, err := d.client.GetClientServiceAccount(ctx, token, d.cfg.Realm, c.ID)
		if err == nil {
			c.Subject = gocloak.PString(u.ID)
		}
		return err
	})
	return c, err
}

func (d *Directory) clientByName(ctx context.Context, clientID string) (*gocloak.Client, error) {
	var found []*gocloak.Client
	err := d.call(ctx, "find the service account", func(token string) error {
		var err error
		found, err = d.client.GetClients(ctx, token, d.cfg.Realm, gocloak.GetClientsParams{ClientID: &clientID})
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// RenewSecret gives a client a new secret.
func (d *Directory) RenewSecret(ctx context.Context, id string) (string, error) {
	var secret string
	err := d.call(ctx, "make a new secret", func(token string) error {
		c, err := d.client.RegenerateClientSecret(ctx, token, d.cfg.Realm, id)
		if err == nil {
			secret = gocloak.PString(c.Value)
		}
		return err
	})
	return secret, err
}

// EnableClient lets a client log in, or not.
func (d *Directory) EnableClient(ctx context.Context, id string, enabled bool) error {
	return d.call(ctx, "switch the service account", func(token string) error {
		return d.client.UpdateClient(ctx, token, d.cfg.Realm, gocloak.Client{ID: &id, Enabled: &enabled})
	})
}

// DeleteClient ends a client.
func (d *Directory) DeleteClient(ctx context.Context, id string) error {
	return absentIsFine(d.call(ctx, "end the service account", func(token string) error {
		return d.client.DeleteClient(ctx, token, d.cfg.Realm, id)
	}))
}

const eventPage = 1000

// ClientLogins reads Keycloak's events. gocloak cannot: its type of an event does not fit the wire.
func (d *Directory) ClientLogins(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for first := 0; ; first += eventPage {
		var page []struct {
			Time     int64  `json:"time"`
			ClientID string `json:"clientId"`
		}
		err := d.call(ctx, "read the logins of service accounts", func(token string) error {
			q := map[string]string{
				"type": "CLIENT_LOGIN", "direction": "asc", "first": strconv.Itoa(first), "max": strconv.Itoa(eventPage),
			}
			if !since.IsZero() {
				q["dateFrom"] = strconv.FormatInt(since.UnixMilli(), 10)
			}
			resp, err := d.client.RestyClient().R().SetContext(ctx).SetAuthToken(token).SetQueryParams(q).SetResult(&page).
				Get(d.cfg.URL + "/admin/realms/" + d.cfg.Realm + "/events")
			if err != nil {
				return err
			}
			return statusOK(resp.StatusCode(), resp.String())
		})
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			out[e.ClientID] = time.UnixMilli(e.Time).UTC()
		}
		if len(page) < eventPage {
			return out, nil
		}
	}
}

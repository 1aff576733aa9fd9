package realm

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

type texts = map[string]string

// mappers put into every access token what the platform decides by.
func mappers() []object {
	everywhere := texts{
		"access.token.claim": "true", "id.token.claim": "true", "userinfo.token.claim": "true", "introspection.token.claim": "true",
	}
	groups := texts{"claim.name": "groups", "full.path": "true"}
	for k, v := range everywhere {
		groups[k] = v
	}
	mapper := func(name, kind string, config texts) object {
		return object{"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
	}
	return []object{
		mapper("groups", "oidc-group-membership-mapper", groups),
		mapper("audience", "oidc-audience-mapper", texts{
			"included.custom.audience": Audience, "access.token.claim": "true", "introspection.token.claim": "true",
		}),
		mapper("amr", "oidc-amr-mapper", texts{"access.token.claim": "true", "id.token.claim": "true", "introspection.token.claim": "true"}),
	}
}

// scopeName is the client scope of the mappers. It is a default of the realm, so that clients made later have it too.
const scopeName = "lowlayer"

func (s *setup) scope(ctx context.Context) error {
	err := existsIsFine(s.do(ctx, http.MethodPost, "/client-scopes", object{
		"name": scopeName, "protocol": "openid-connect", "description": "claims for the decisions of LOW-LAYER",
		"attributes": texts{"include.in.token.scope": "false", "display.on.consent.screen": "false"},
	}, nil))
	if err != nil {
		return err
	}
	var all []struct{ ID, Name string }
	if err := s.do(ctx, http.MethodGet, "/client-scopes", nil, &all); err != nil {
		return err
	}
	for _, c := range all {
		if c.Name == scopeName {
			s.scopeID = c.ID
		}
	}
	if err := s.mappers(ctx); err != nil {
		return err
	}
	return existsIsFine(s.do(ctx, http.MethodPut, "/default-default-client-scopes/"+s.scopeID, nil, nil))
}

func (s *setup) mappers(ctx context.Context) error {
	at := "/client-scopes/" + s.scopeID + "/protocol-mappers/models"
	var have []struct{ ID, Name string }
	if err := s.do(ctx, http.MethodGet, at, nil, &have); err != nil {
		return err
	}
	ids := texts{}
	for _, m := range have {
		ids[m.Name] = m.ID
	}
	for _, m := range mappers() {
		name, _ := m["name"].(string)
		method, path := http.MethodPost, at
		if id := ids[name]; id != "" {
			m["id"], method, path = id, http.MethodPut, at+"/"+id
		}
		if err := existsIsFine(s.do(ctx, method, path, m, nil)); err != nil {
			return fmt.Errorf("mapper %s: %w", name, err)
		}
	}
	return nil
}

func (s *setup) clients(ctx context.Context) error {
	_, err := s.client(ctx, object{
		"clientId": CLIClient, "name": "LOW-LAYER command line", "enabled": true, "publicClient": true, "protocol": "openid-connect",
		"standardFlowEnabled": true, "implicitFlowEnabled": false, "directAccessGrantsEnabled": false, "serviceAccountsEnabled": false,
		"redirectUris": []string{Callback}, "webOrigins": []string{},
		"attributes": texts{
			"oauth2.device.authorization.grant.enabled": "true",
			"oauth2.device.polling.interval":            strconv.Itoa(int(s.cfg.PollInterval.Seconds())),
			"pkce.code.challenge.method":                "S256",
		},
	})
	if err != nil {
		return err
	}
	tenant := object{
		"clientId": TenantClient, "name": "LOW-LAYER tenant service", "enabled": true, "publicClient": false, "protocol": "openid-connect",
		"standardFlowEnabled": false, "implicitFlowEnabled": false, "directAccessGrantsEnabled": false, "serviceAccountsEnabled": true,
	}
	if s.cfg.TenantSecret != "" {
		tenant["secret"] = s.cfg.TenantSecret
	}
	id, err := s.client(ctx, tenant)
	if err != nil {
		return err
	}
	return s.grant(ctx, id, TenantRoles)
}

// client makes a client or brings it in line, and returns its id.
func (s *setup) client(ctx context.Context, want object) (string, error) {
	name, _ := want["clientId"].(string)
	id, err := s.clientID(ctx, name)
	if err != nil {
		return "", err
	}
	if id == "" {
		if err := existsIsFine(s.do(ctx, http.MethodPost, "/clients", want, nil)); err != nil {
			return "", fmt.Errorf("make client %s: %w", name, err)
		}
		if id, err = s.clientID(ctx, name); err != nil {
			return "", err
		}
	}
	if err := s.do(ctx, http.MethodPut, "/clients/"+id, want, nil); err != nil {
		return "", fmt.Errorf("update client %s: %w", name, err)
	}
	return id, s.do(ctx, http.MethodPut, "/clients/"+id+"/default-client-scopes/"+s.scopeID, nil, nil)
}

func (s *setup) clientID(ctx context.Context, name string) (string, error) {
	var found []struct{ ID string }
	if err := s.do(ctx, http.MethodGet, "/clients?clientId="+escape(name), nil, &found); err != nil {
		return "", fmt.Errorf("find client %s: %w", name, err)
	}
	if len(found) == 0 {
		return "", nil
	}
	return found[0].ID, nil
}

// grant gives a client's service account roles of realm-management.
func (s *setup) grant(ctx context.Context, client string, roles []string) error {
	management, err := s.clientID(ctx, "realm-management")
	if err != nil {
		return err
	}
	var account struct{ ID string }
	if err := s.do(ctx, http.MethodGet, "/clients/"+client+"/service-account-user", nil, &account); err != nil {
		return err
	}
	give := make([]object, len(roles))
	for i, name := range roles {
		if err := s.do(ctx, http.MethodGet, "/clients/"+management+"/roles/"+name, nil, &give[i]); err != nil {
			return fmt.Errorf("find role %s: %w", name, err)
		}
	}
	return s.do(ctx, http.MethodPost, "/users/"+account.ID+"/role-mappings/clients/"+management, give, nil)
}

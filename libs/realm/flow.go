package realm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// flowAlias is the login flow: a password for the first level, a one-time password for the second (acr "2"), which also
// users with MFARole are asked for. Its parts:
//
//	cookie ALTERNATIVE
//	forms ALTERNATIVE
//	  loa1 CONDITIONAL: level 1 for ten hours, password
//	  loa2 CONDITIONAL: level 2 for five minutes, one-time password
//	  role CONDITIONAL: bearers of MFARole, one-time password
//
// The device flow knows no levels: there only MFARole makes Keycloak ask, and the token says so in amr.
const flowAlias = "lowlayer-browser"

type execution struct {
	provider, requirement string
	config                texts
}

type subflow struct {
	alias string
	steps []execution
}

func subflows() []subflow {
	level := func(n, age string) texts { return texts{"loa-condition-level": n, "loa-max-age": age} }
	method := func(name, age string) texts {
		return texts{"default.reference.value": name, "default.reference.maxAge": age}
	}
	return []subflow{
		{flowAlias + "-loa1", []execution{
			{"conditional-level-of-authentication", "REQUIRED", level("1", "36000")},
			{"auth-username-password-form", "REQUIRED", method("pwd", "36000")},
		}},
		{flowAlias + "-loa2", []execution{
			{"conditional-level-of-authentication", "REQUIRED", level("2", "300")},
			{"auth-otp-form", "REQUIRED", method("otp", "300")},
		}},
		{flowAlias + "-role", []execution{
			{"conditional-user-role", "REQUIRED", texts{"condUserRole": MFARole, "negate": "false"}},
			{"auth-otp-form", "REQUIRED", method("otp", "300")},
		}},
	}
}

// flow is bound to the realm last, so one that is bound is whole, but may be of an earlier version; a rest of an earlier
// attempt is made anew.
func (s *setup) flow(ctx context.Context) error {
	var r struct {
		BrowserFlow string `json:"browserFlow"`
	}
	if err := s.do(ctx, http.MethodGet, "", nil, &r); err != nil {
		return err
	}
	if r.BrowserFlow == flowAlias {
		return s.refresh(ctx)
	}
	var flows []struct{ ID, Alias string }
	if err := s.do(ctx, http.MethodGet, "/authentication/flows", nil, &flows); err != nil {
		return err
	}
	for _, f := range flows {
		if f.Alias == flowAlias {
			if err := absentIsFine(s.do(ctx, http.MethodDelete, "/authentication/flows/"+f.ID, nil, nil)); err != nil {
				return err
			}
		}
	}
	if err := s.makeFlow(ctx); err != nil {
		return err
	}
	return s.do(ctx, http.MethodPut, "", object{"browserFlow": flowAlias}, nil)
}

// refresh gives the steps of the flow their settings of today.
func (s *setup) refresh(ctx context.Context) error {
	for _, sub := range subflows() {
		var steps []struct{ ProviderID, AuthenticationConfig string }
		if err := s.do(ctx, http.MethodGet, "/authentication/flows/"+sub.alias+"/executions", nil, &steps); err != nil {
			return err
		}
		for _, e := range sub.steps {
			for _, step := range steps {
				if step.ProviderID != e.provider || step.AuthenticationConfig == "" {
					continue
				}
				if err := s.reconfigure(ctx, "/authentication/config/"+step.AuthenticationConfig, e.config); err != nil {
					return fmt.Errorf("change %s: %w", e.provider, err)
				}
			}
		}
	}
	return nil
}

func (s *setup) reconfigure(ctx context.Context, at string, want texts) error {
	var has struct {
		ID     string `json:"id"`
		Alias  string `json:"alias"`
		Config texts  `json:"config"`
	}
	if err := s.do(ctx, http.MethodGet, at, nil, &has); err != nil {
		return err
	}
	has.Config = want // whether it differs is unknown: Keycloak hides some of the values
	return s.do(ctx, http.MethodPut, at, has, nil)
}

func (s *setup) makeFlow(ctx context.Context) error {
	err := s.do(ctx, http.MethodPost, "/authentication/flows", object{
		"alias": flowAlias, "providerId": "basic-flow", "topLevel": true, "builtIn": false, "description": "LOW-LAYER: password, and a one-time password for the second level",
	}, nil)
	if err != nil {
		return err
	}
	if err := s.add(ctx, flowAlias, execution{"auth-cookie", "ALTERNATIVE", nil}); err != nil {
		return err
	}
	forms := flowAlias + "-forms"
	if err := s.addFlow(ctx, flowAlias, forms, "ALTERNATIVE"); err != nil {
		return err
	}
	for _, sub := range subflows() {
		if err := s.addFlow(ctx, forms, sub.alias, "CONDITIONAL"); err != nil {
			return err
		}
		for _, e := range sub.steps {
			if err := s.add(ctx, sub.alias, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *setup) add(ctx context.Context, parent string, e execution) error {
	err := s.do(ctx, http.MethodPost, "/authentication/flows/"+parent+"/executions/execution", object{"provider": e.provider}, nil)
	if err != nil {
		return fmt.Errorf("add %s: %w", e.provider, err)
	}
	id, err := s.require(ctx, parent, func(step object) bool { return step["providerId"] == e.provider }, e.requirement)
	if err != nil || e.config == nil {
		return err
	}
	return s.do(ctx, http.MethodPost, "/authentication/executions/"+id+"/config", object{
		"alias": parent + "-" + e.provider, "config": e.config,
	}, nil)
}

func (s *setup) addFlow(ctx context.Context, parent, alias, requirement string) error {
	err := s.do(ctx, http.MethodPost, "/authentication/flows/"+parent+"/executions/flow", object{
		"alias": alias, "type": "basic-flow", "provider": "registration-page-form", "description": "",
	}, nil)
	if err != nil {
		return fmt.Errorf("add %s: %w", alias, err)
	}
	_, err = s.require(ctx, parent, func(step object) bool { return step["displayName"] == alias }, requirement)
	return err
}

// require sets the requirement of the last such step: most start disabled. The whole representation goes back: one without
// its priority would move to the front.
func (s *setup) require(ctx context.Context, parent string, is func(object) bool, requirement string) (string, error) {
	at := "/authentication/flows/" + parent + "/executions"
	var steps []object
	if err := s.do(ctx, http.MethodGet, at, nil, &steps); err != nil {
		return "", err
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if !is(steps[i]) {
			continue
		}
		id, _ := steps[i]["id"].(string)
		if steps[i]["requirement"] == requirement {
			return id, nil
		}
		steps[i]["requirement"] = requirement
		return id, s.do(ctx, http.MethodPut, at, steps[i], nil)
	}
	return "", errors.New("the step just added to " + parent + " is not there")
}

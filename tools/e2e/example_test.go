package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// story is the methods whose examples succeed one after the other. Those that need a state the story does not reach (undelete),
// or an id that only the platform knows (operations), are not in it.
var story = []string{
	"TenantService_CreateTenant", "OrganisationService_CreateOrganisation", "VpcService_CreateVpc", "PeeringService_CreatePeering",
	"PeeringService_AcceptPeering", "TenantService_GetTenant", "TenantService_ListTenants", "OrganisationService_GetOrganisation",
	"OrganisationService_ListOrganisations", "HubService_GetHub", "VpcService_GetVpc", "VpcService_ListVpcs", "PeeringService_GetPeering",
	"PeeringService_ListPeerings", "DriftService_ListDriftFindings", "OperationService_ListOperations", "TenantService_UpdateTenant",
	"OrganisationService_UpdateOrganisation", "VpcService_UpdateVpc", "OrganisationService_RotateOrganisationCredential",
	"PeeringService_DeletePeering", "VpcService_DeleteVpc", "TenantService_SuspendTenant", "TenantService_ResumeTenant",
}

// TestExplorer_examples_succeed sends the initial content of the explorer's forms.
func TestExplorer_examples_succeed(t *testing.T) {
	p := platform(t)
	purged(t, p, "acme")
	_, _, api := p.REST(t, http.MethodGet, "/openapi.json", "")
	calls := exampleCalls(t, api)
	for _, id := range story {
		c, ok := calls[id]
		if !ok {
			t.Errorf("there is no method %s", id)
			continue
		}
		code, _, answer := p.REST(t, c.method, c.path, c.body)
		if code != http.StatusOK {
			t.Errorf("%s: %s %s %s answers %d %v", id, c.method, c.path, c.body, code, answer)
		}
		if name, _ := answer["name"].(string); strings.Contains(name, "/operations/") {
			p.Must(t, "operation", "wait", name)
		}
	}
}

type exampleCall struct{ method, path, body string }

// exampleCalls are the calls of all methods, by operation id, put together as services/gateway's web/app.js does.
func exampleCalls(t *testing.T, api map[string]any) map[string]exampleCall {
	t.Helper()
	var description struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct {
				Name, In string
				Example  any
			}
			RequestBody struct {
				Content map[string]struct{ Example any }
			}
		}
	}
	text, err := json.Marshal(api)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &description); err != nil {
		t.Fatal(err)
	}
	calls := make(map[string]exampleCall)
	for path, methods := range description.Paths {
		for method, o := range methods {
			c := exampleCall{method: strings.ToUpper(method), path: path}
			query := make(url.Values)
			for _, parameter := range o.Parameters {
				value, _ := parameter.Example.(string)
				switch {
				case value == "":
				case parameter.In == "path":
					c.path = strings.Replace(c.path, "{"+parameter.Name+"}", value, 1)
				case parameter.In == "query":
					query.Set(parameter.Name, value)
				}
			}
			if len(query) > 0 {
				c.path += "?" + query.Encode()
			}
			if body, ok := o.RequestBody.Content["application/json"]; ok {
				c.body = "{}"
				if body.Example != nil {
					c.body = flat(body.Example)
				}
			}
			calls[o.OperationID] = c
		}
	}
	return calls
}

package sim

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Flows are kept, not interpreted: the pages follow the flow that libs/realm makes as soon as it is bound to the realm, and
// ask for the password alone before.

func (r *realm) flowByAlias(alias string) *flow {
	for _, f := range r.Flows {
		if f.Alias == alias {
			return f
		}
	}
	return nil
}

// flowHolding is the top flow that has a subflow of the alias.
func (r *realm) flowHolding(alias string) *flow {
	if f := r.flowByAlias(alias); f != nil {
		return f
	}
	for _, f := range r.Flows {
		for _, step := range f.Steps {
			if truth(step, "authenticationFlow") && text(step, "displayName") == alias {
				return f
			}
		}
	}
	return nil
}

func (f *flow) shown() object {
	return object{"id": f.ID, "alias": f.Alias, "builtIn": f.BuiltIn, "topLevel": true, "providerId": "basic-flow"}
}

func listFlows(c *call) *fault {
	out := []object{}
	for _, id := range sortedKeys(c.realm.Flows) {
		out = append(out, c.realm.Flows[id].shown())
	}
	return c.answer(out)
}

func createFlow(c *call) *fault {
	rep, f := decode[object](c.r)
	if f != nil {
		return f
	}
	alias := text(rep, "alias")
	if c.realm.flowByAlias(alias) != nil {
		return conflict("Flow %s already exists", alias)
	}
	made := &flow{ID: newID(), Alias: alias}
	c.realm.Flows[made.ID] = made
	return c.created("authentication/flows", made.ID)
}

func deleteFlow(c *call) *fault {
	f := c.realm.Flows[c.path("id")]
	switch {
	case f == nil:
		return deny(http.StatusNotFound, "Could not find flow with id")
	case f.BuiltIn || text(c.realm.Rep, "browserFlow") == f.Alias:
		return deny(http.StatusBadRequest, "Can't delete built in flow")
	}
	delete(c.realm.Flows, f.ID)
	return c.done()
}

func listExecutions(c *call) *fault {
	f := c.realm.flowHolding(c.path("alias"))
	if f == nil {
		return deny(http.StatusNotFound, "flow not found")
	}
	return c.answer(append([]object{}, f.Steps...))
}

func updateExecution(c *call) *fault {
	rep, fail := decode[object](c.r)
	if fail != nil {
		return fail
	}
	f := c.realm.flowHolding(c.path("alias"))
	if f == nil {
		return deny(http.StatusNotFound, "flow not found")
	}
	for i, step := range f.Steps {
		if text(step, "id") == text(rep, "id") {
			f.Steps[i] = with(step, rep)
			c.w.WriteHeader(http.StatusAccepted)
			return nil
		}
	}
	return deny(http.StatusNotFound, "illegal execution id")
}

func addExecution(c *call) *fault {
	rep, fail := decode[object](c.r)
	if fail != nil {
		return fail
	}
	return c.addStep(object{"providerId": text(rep, "provider")})
}

func addSubflow(c *call) *fault {
	rep, fail := decode[object](c.r)
	if fail != nil {
		return fail
	}
	alias := text(rep, "alias")
	if c.realm.flowHolding(alias) != nil {
		return conflict("New flow alias name already exists")
	}
	return c.addStep(object{"authenticationFlow": true, "displayName": alias})
}

// addStep puts a step at the end of a flow or subflow; steps start disabled.
func (c *call) addStep(step object) *fault {
	f := c.realm.flowHolding(c.path("alias"))
	if f == nil {
		return failed(http.StatusBadRequest, object{"error": "Parent flow doesn't exist"})
	}
	id := newID()
	f.Steps = append(f.Steps, with(step, object{"id": id, "requirement": "DISABLED", "parent": c.path("alias")}))
	return c.created("authentication/executions", id)
}

func configureExecution(c *call) *fault {
	rep, fail := decode[object](c.r)
	if fail != nil {
		return fail
	}
	for _, f := range c.realm.Flows {
		for i, step := range f.Steps {
			if text(step, "id") == c.path("id") {
				id := newID()
				f.Steps[i] = with(step, object{"authenticationConfig": id, "alias": text(rep, "alias")})
				if f.Configs == nil {
					f.Configs = map[string]object{}
				}
				f.Configs[id] = with(rep, object{"id": id})
				return c.created("authentication/config", id)
			}
		}
	}
	return deny(http.StatusNotFound, "illegal execution")
}

func readConfig(c *call) *fault {
	for _, f := range c.realm.Flows {
		if config, ok := f.Configs[c.path("id")]; ok {
			return c.answer(masked(config))
		}
	}
	return deny(http.StatusNotFound, "Could not find authenticator config")
}

// masked hides what Keycloak hides: what a method is called in amr, and for how long.
func masked(config object) object {
	shown := maps.Clone(child(config, "config"))
	for key := range shown {
		if strings.HasPrefix(key, "default.reference.") {
			shown[key] = "**********"
		}
	}
	return with(config, object{"config": shown})
}

// otpAge is how long a one-time password is said in amr.
func (r *realm) otpAge() time.Duration {
	for _, f := range r.Flows {
		for _, step := range f.Steps {
			if text(step, "providerId") != "auth-otp-form" {
				continue
			}
			config := child(f.Configs[text(step, "authenticationConfig")], "config")
			if seconds, err := strconv.Atoi(text(config, "default.reference.maxAge")); err == nil {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return 0
}

func updateConfig(c *call) *fault {
	rep, fail := decode[object](c.r)
	if fail != nil {
		return fail
	}
	for _, f := range c.realm.Flows {
		if config, ok := f.Configs[c.path("id")]; ok {
			f.Configs[c.path("id")] = with(config, object{"alias": text(rep, "alias"), "config": rep["config"]})
			return c.done()
		}
	}
	return deny(http.StatusNotFound, "Could not find authenticator config")
}

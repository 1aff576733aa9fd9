package sim

import (
	"net/http"
	"slices"
	"strings"
)

func (s *state) rootOf(p *provider) string {
	for p.ParentID != "" && s.Providers[p.ParentID] != nil {
		p = s.Providers[p.ParentID]
	}
	return p.ID
}

func (cl *call) providerView(p *provider) map[string]any {
	links := []any{}
	base := "/placement/resource_providers/" + p.ID
	links = append(links, link{Rel: "self", Href: base})
	for _, rel := range []string{"aggregates", "inventories", "allocations", "traits", "usages"} {
		links = append(links, link{Rel: rel, Href: base + "/" + rel})
	}
	return map[string]any{
		"uuid": p.ID, "name": p.Name, "generation": p.Generation, "parent_provider_uuid": orNil(p.ParentID),
		"root_provider_uuid": cl.st.rootOf(p), "links": links,
	}
}

func (cl *call) providerInPath() (*provider, *apiError) {
	p := cl.st.Providers[cl.path("id")]
	if p == nil {
		return nil, placementMissing("No resource provider with uuid %s found : Object not found", cl.path("id"))
	}
	return p, nil
}

func listProviders(cl *call) (reply, *apiError) {
	q := cl.query
	need, fail := readResources(q.Get("resources"))
	if fail != nil {
		return refuse(fail)
	}
	items := []any{}
	for _, p := range inOrder(cl.st.Providers, func(p *provider) bool {
		if member, found := strings.CutPrefix(q.Get("member_of"), "in:"); found {
			if !slices.ContainsFunc(strings.Split(member, ","), func(a string) bool { return slices.Contains(p.Aggregates, a) }) {
				return false
			}
		} else if member != "" && !slices.Contains(p.Aggregates, member) {
			return false
		}
		return (q.Get("name") == "" || q.Get("name") == p.Name) && (q.Get("uuid") == "" || q.Get("uuid") == p.ID) &&
			(q.Get("in_tree") == "" || q.Get("in_tree") == cl.st.rootOf(p)) &&
			traitsFit(q.Get("required"), p.Traits) && (len(need) == 0 || cl.st.hasRoom(p.ID, need))
	}) {
		items = append(items, cl.providerView(p))
	}
	return ok(map[string]any{"resource_providers": items})
}

// traitsFit reads "A,!B": A is required, B forbidden.
func traitsFit(list string, have []string) bool {
	for _, want := range strings.Split(list, ",") {
		name, forbidden := strings.CutPrefix(want, "!")
		if name != "" && slices.Contains(have, name) == forbidden {
			return false
		}
	}
	return true
}

func createProvider(cl *call) (reply, *apiError) {
	a, fail := parseAttrs(cl.body)
	if fail != nil {
		return refuse(fail)
	}
	id, name, parent := a.str("uuid", newUUID()), a.name(""), a.str("parent_provider_uuid", "")
	if a.fail != nil || name == "" {
		return refuse(placementBad("JSON does not validate: 'name' is a required property"))
	}
	if _, taken := find(cl.st.Providers, func(p *provider) bool { return p.Name == name || p.ID == id }); taken {
		return refuse(placementConflict("placement.duplicate_name",
			"Conflicting resource provider name: %s already exists.", name))
	}
	if parent != "" && cl.st.Providers[parent] == nil {
		return refuse(placementBad("Unable to create resource provider \"%s\", %s: parent provider UUID does not exist.", name, id))
	}
	p := &provider{
		meta: cl.st.newMeta(id, cl.now), ParentID: parent, Inventories: map[string]inventory{},
		Traits: []string{}, Aggregates: []string{},
	}
	p.Name = name
	cl.st.Providers[id] = p
	return ok(cl.providerView(p))
}

func showProvider(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(cl.providerView(p))
}

func updateProvider(cl *call) (reply, *apiError) {
	a, fail := parseAttrs(cl.body)
	if fail != nil {
		return refuse(fail)
	}
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	p.Name = a.name(p.Name)
	return ok(cl.providerView(p))
}

func deleteProvider(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	if len(cl.st.consumersOf(p.ID)) > 0 {
		return refuse(placementConflict("placement.resource_provider.inuse",
			"Unable to delete resource provider %s: Resource provider has allocations.", p.ID))
	}
	if _, parent := find(cl.st.Providers, func(o *provider) bool { return o.ParentID == p.ID }); parent {
		return refuse(placementConflict("placement.resource_provider.cannot_delete_parent",
			"Unable to delete parent resource provider %s: It has child resource providers.", p.ID))
	}
	delete(cl.st.Providers, p.ID)
	return noContent()
}

func showProviderTraits(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(providerTraits(p))
}

func providerTraits(p *provider) map[string]any {
	return map[string]any{"traits": orEmpty(p.Traits), "resource_provider_generation": p.Generation}
}

func setProviderTraits(cl *call) (reply, *apiError) {
	var body struct {
		Traits     []string `json:"traits"`
		Generation *int     `json:"resource_provider_generation"`
	}
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	if body.Generation == nil || *body.Generation != p.Generation {
		return refuse(errGeneration())
	}
	for _, t := range body.Traits {
		if !cl.st.Traits[t] {
			return refuse(placementBad("No such trait %s.", t))
		}
	}
	p.Traits = append([]string{}, body.Traits...)
	p.Generation++
	return ok(providerTraits(p))
}

func clearProviderTraits(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	p.Traits = []string{}
	p.Generation++
	return noContent()
}

func showProviderAggregates(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"aggregates": orEmpty(p.Aggregates), "resource_provider_generation": p.Generation})
}

func setProviderAggregates(cl *call) (reply, *apiError) {
	var body struct {
		Aggregates []string `json:"aggregates"`
		Generation *int     `json:"resource_provider_generation"`
	}
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	if body.Generation != nil && *body.Generation != p.Generation {
		return refuse(errGeneration())
	}
	p.Aggregates = append([]string{}, body.Aggregates...)
	p.Generation++
	return showProviderAggregates(cl)
}

func listTraits(cl *call) (reply, *apiError) {
	items := []string{}
	prefix, byPrefix := strings.CutPrefix(cl.query.Get("name"), "startswith:")
	only, byName := strings.CutPrefix(cl.query.Get("name"), "in:")
	for t := range cl.st.Traits {
		if byPrefix && !strings.HasPrefix(t, prefix) || byName && !slices.Contains(strings.Split(only, ","), t) {
			continue
		}
		items = append(items, t)
	}
	slices.Sort(items)
	return ok(map[string]any{"traits": items})
}

func showTrait(cl *call) (reply, *apiError) {
	if !cl.st.Traits[cl.path("name")] {
		return refuse(placementMissing("No such trait %s.", cl.path("name")))
	}
	return noContent()
}

func createTrait(cl *call) (reply, *apiError) {
	name := cl.path("name")
	if !strings.HasPrefix(name, "CUSTOM_") || name != strings.ToUpper(name) {
		return refuse(placementBad("The trait is invalid. A valid trait must be no longer than 255 characters, "+
			"start with the prefix \"CUSTOM_\" and use following characters: \"A\"-\"Z\", \"0\"-\"9\" and \"_\": %s", name))
	}
	if cl.st.Traits[name] {
		return noContent()
	}
	cl.st.Traits[name] = true
	return reply{status: http.StatusCreated}, nil
}

func deleteTrait(cl *call) (reply, *apiError) {
	name := cl.path("name")
	if !cl.st.Traits[name] {
		return refuse(placementMissing("No such trait %s.", name))
	}
	if !strings.HasPrefix(name, "CUSTOM_") {
		return refuse(placementBad("Cannot delete standard trait %s.", name))
	}
	if _, used := find(cl.st.Providers, func(p *provider) bool { return slices.Contains(p.Traits, name) }); used {
		return refuse(placementConflict("placement.trait.inuse", "The trait %s is in use by a resource provider.", name))
	}
	delete(cl.st.Traits, name)
	return noContent()
}

func listClasses(cl *call) (reply, *apiError) {
	names := []string{}
	for c := range cl.st.Classes {
		names = append(names, c)
	}
	slices.Sort(names)
	items := make([]any, 0, len(names))
	for _, c := range names {
		items = append(items, map[string]any{"name": c, "links": []link{{Rel: "self", Href: "/placement/resource_classes/" + c}}})
	}
	return ok(map[string]any{"resource_classes": items})
}

func showClass(cl *call) (reply, *apiError) {
	name := cl.path("name")
	if !cl.st.Classes[name] {
		return refuse(placementMissing("No such resource class %s.", name))
	}
	return ok(map[string]any{"name": name, "links": []link{{Rel: "self", Href: "/placement/resource_classes/" + name}}})
}

func createClass(cl *call) (reply, *apiError) {
	name := cl.path("name")
	if !strings.HasPrefix(name, "CUSTOM_") {
		return refuse(placementBad("'%s' does not match '^CUSTOM\\_[A-Z0-9_]+$'", name))
	}
	if cl.st.Classes[name] {
		return noContent()
	}
	cl.st.Classes[name] = true
	return reply{status: http.StatusCreated}, nil
}

package sim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

func (cl *call) flavorView(f *flavor, detail bool) map[string]any {
	v := map[string]any{
		"id": f.ID, "name": f.Name, "description": orNil(f.Description),
		"links": []any{link{Rel: "self", Href: cl.baseURL() + novaPrefix + "flavors/" + f.ID}},
	}
	if !detail {
		return v
	}
	v["vcpus"], v["ram"], v["disk"], v["rxtx_factor"] = f.VCPUs, f.RAM, f.Disk, f.RxTx
	v["swap"], v["OS-FLV-EXT-DATA:ephemeral"] = f.Swap, f.Ephemeral
	v["os-flavor-access:is_public"], v["OS-FLV-DISABLED:disabled"] = f.Public, false
	v["extra_specs"] = f.ExtraSpecs
	return v
}

func (cl *call) seesFlavor(f *flavor) bool {
	return f.Public || cl.who.admin || slices.Contains(f.Access, cl.who.projectID)
}

func (cl *call) flavor(id string) (*flavor, *apiError) {
	f := cl.st.Flavors[id]
	if f == nil || !cl.seesFlavor(f) {
		return nil, errNova404("Flavor", id)
	}
	return f, nil
}

func listFlavors(detail bool) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		items := []map[string]any{}
		for _, f := range inOrder(cl.st.Flavors, func(f *flavor) bool {
			public := cl.query.Get("is_public")
			if !cl.fresh(&f.meta) || !cl.seesFlavor(f) || public == "false" && f.Public {
				return false
			}
			return public != "" || f.Public || slices.Contains(f.Access, cl.who.projectID)
		}) {
			minRAM, _ := strconv.Atoi(cl.query.Get("minRam"))
			minDisk, _ := strconv.Atoi(cl.query.Get("minDisk"))
			if f.RAM >= minRAM && f.Disk >= minDisk {
				items = append(items, cl.flavorView(f, detail))
			}
		}
		return cl.novaPage("flavors", items)
	}
}

// novaPage cuts a list by limit and marker.
func (cl *call) novaPage(key string, items []map[string]any) (reply, *apiError) {
	limit, fail := queryLimit(cl.query)
	if fail != nil {
		return refuse(fail)
	}
	if marker := cl.query.Get("marker"); marker != "" {
		i := slices.IndexFunc(items, func(v map[string]any) bool { return v["id"] == marker })
		if i < 0 {
			return refuse(failf(http.StatusBadRequest, "marker [%s] not found", marker))
		}
		items = items[i+1:]
	}
	body := map[string]any{}
	if limit > 0 && len(items) >= limit {
		items = items[:limit]
		body[key+"_links"] = []link{cl.pageLink("next", items[limit-1]["id"], false)}
	}
	body[key] = items
	return ok(body)
}

func showFlavor(cl *call) (reply, *apiError) {
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"flavor": cl.flavorView(f, true)})
}

func createFlavor(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("flavor")
	if fail != nil {
		return refuse(fail)
	}
	id := a.str("id", a.str("flavorid", ""))
	if id == "" || id == "auto" {
		id = newUUID()
	}
	f := &flavor{
		VCPUs: a.integer("vcpus", 0), RAM: a.integer("ram", 0), Disk: a.integer("disk", 0),
		Ephemeral: a.integer("OS-FLV-EXT-DATA:ephemeral", 0), Swap: a.integer("swap", 0), RxTx: 1,
		Public: a.boolean("os-flavor-access:is_public", true), ExtraSpecs: map[string]string{},
	}
	name, description := a.name(""), a.str("description", "")
	if a.fail != nil {
		return refuse(a.fail)
	}
	if name == "" || f.VCPUs < 1 || f.RAM < 1 {
		return refuse(failf(http.StatusBadRequest, "Invalid input for field/attribute flavor. Value: name, vcpus and ram are required"))
	}
	if cl.st.Flavors[id] != nil {
		return refuse(failf(http.StatusConflict, "Flavor with ID %s already exists.", id))
	}
	if _, taken := find(cl.st.Flavors, func(o *flavor) bool { return o.Name == name }); taken {
		return refuse(failf(http.StatusConflict, "Flavor with name %s already exists.", name))
	}
	f.meta = cl.st.newMeta(id, cl.now)
	f.Name, f.Description = name, description
	cl.st.Flavors[id] = f
	return ok(map[string]any{"flavor": cl.flavorView(f, true)})
}

func updateFlavor(cl *call) (reply, *apiError) {
	a, fail := cl.envelope("flavor")
	if fail != nil {
		return refuse(fail)
	}
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	f.Description = a.str("description", f.Description)
	return ok(map[string]any{"flavor": cl.flavorView(f, true)})
}

func deleteFlavor(cl *call) (reply, *apiError) {
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	delete(cl.st.Flavors, f.ID)
	return reply{status: http.StatusAccepted}, nil
}

func (f *flavor) accessView() map[string]any {
	items := []any{}
	for _, id := range f.Access {
		items = append(items, map[string]any{"flavor_id": f.ID, "tenant_id": id})
	}
	return map[string]any{"flavor_access": items}
}

func listFlavorAccess(cl *call) (reply, *apiError) {
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	if f.Public {
		return refuse(failf(http.StatusNotFound, "Access list not available for public flavors."))
	}
	return ok(f.accessView())
}

func changeFlavorAccess(cl *call) (reply, *apiError) {
	var body map[string]struct {
		Tenant string `json:"tenant"`
	}
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	if add, found := body["addTenantAccess"]; found {
		if slices.Contains(f.Access, add.Tenant) {
			return refuse(failf(http.StatusConflict,
				"Flavor access already exists for flavor %s and project %s combination.", f.ID, add.Tenant))
		}
		f.Access = append(slices.Clone(f.Access), add.Tenant)
	}
	if drop, found := body["removeTenantAccess"]; found {
		f.Access = without(f.Access, drop.Tenant)
	}
	return ok(f.accessView())
}

func listExtraSpecs(cl *call) (reply, *apiError) {
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"extra_specs": f.ExtraSpecs})
}

func showExtraSpec(cl *call) (reply, *apiError) {
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	key := cl.path("key")
	value, found := f.ExtraSpecs[key]
	if !found {
		return refuse(errNoSpec(f, key))
	}
	return ok(map[string]string{key: value})
}

func errNoSpec(f *flavor, key string) *apiError {
	return failf(http.StatusNotFound, "Flavor %s has no extra specs with key %s.", f.ID, key)
}

func setExtraSpecs(cl *call) (reply, *apiError) {
	var body struct {
		Specs map[string]string `json:"extra_specs"`
	}
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	return cl.mergeSpecs(body.Specs, map[string]any{"extra_specs": body.Specs})
}

func setExtraSpec(cl *call) (reply, *apiError) {
	var body map[string]string
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	if _, found := body[cl.path("key")]; !found || len(body) != 1 {
		return refuse(failf(http.StatusBadRequest, "Request body and URI mismatch"))
	}
	return cl.mergeSpecs(body, body)
}

func (cl *call) mergeSpecs(specs map[string]string, answer any) (reply, *apiError) {
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	merged := maps.Clone(f.ExtraSpecs)
	maps.Copy(merged, specs)
	f.ExtraSpecs = merged
	return ok(answer)
}

func deleteExtraSpec(cl *call) (reply, *apiError) {
	f, fail := cl.flavor(cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	key := cl.path("key")
	if _, found := f.ExtraSpecs[key]; !found {
		return refuse(errNoSpec(f, key))
	}
	left := maps.Clone(f.ExtraSpecs)
	delete(left, key)
	f.ExtraSpecs = left
	return reply{status: http.StatusOK}, nil
}

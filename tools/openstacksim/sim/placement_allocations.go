package sim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func showAllocations(cl *call) (reply, *apiError) {
	c := cl.st.Allocations[cl.path("id")]
	if c == nil {
		return ok(map[string]any{"allocations": map[string]any{}})
	}
	items := map[string]any{}
	for id, res := range c.Resources {
		items[id] = map[string]any{"resources": maps.Clone(res), "generation": cl.st.Providers[id].Generation}
	}
	return ok(map[string]any{
		"allocations": items, "project_id": c.ProjectID, "user_id": c.UserID,
		"consumer_generation": c.Generation, "consumer_type": orDefault(c.Kind, "unknown"),
	})
}

type allocationBody struct {
	Allocations map[string]struct {
		Resources map[string]int `json:"resources"`
	} `json:"allocations"`
	ProjectID  string `json:"project_id"`
	UserID     string `json:"user_id"`
	Kind       string `json:"consumer_type"`
	Generation *int   `json:"consumer_generation"`
}

func setAllocations(cl *call) (reply, *apiError) {
	var body allocationBody
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	id := cl.path("id")
	old := cl.st.Allocations[id]
	if (old == nil) != (body.Generation == nil) || old != nil && *body.Generation != old.Generation {
		return refuse(placementConflict(concurrentUpdate, "consumer generation conflict"))
	}
	next := &consumer{
		ID: id, ProjectID: body.ProjectID, UserID: body.UserID, Kind: body.Kind, Generation: 1,
		Resources: map[string]map[string]int{},
	}
	if old != nil {
		next.Generation = old.Generation + 1
	}
	delete(cl.st.Allocations, id) // its own share is free for the new one
	for pid, part := range body.Allocations {
		if fail := cl.checkAllocation(pid, part.Resources); fail != nil {
			if old != nil {
				cl.st.Allocations[id] = old
			}
			return refuse(fail)
		}
		next.Resources[pid] = part.Resources
	}
	for pid := range next.Resources {
		cl.st.Providers[pid].Generation++
	}
	if len(next.Resources) > 0 {
		cl.st.Allocations[id] = next
	}
	return noContent()
}

func (cl *call) checkAllocation(providerID string, need map[string]int) *apiError {
	if cl.st.Providers[providerID] == nil {
		return placementBad("Allocation for resource provider '%s' that does not exist.", providerID)
	}
	if !cl.st.hasRoom(providerID, need) {
		return placementConflict("placement.undefined_code", "Unable to allocate inventory: Unable to create allocation for "+
			"'%s' on resource provider '%s'. The requested amount would exceed the capacity.",
			strings.Join(slices.Sorted(maps.Keys(need)), ", "), providerID)
	}
	return nil
}

func deleteAllocations(cl *call) (reply, *apiError) {
	if cl.st.Allocations[cl.path("id")] == nil {
		return refuse(placementMissing("No allocations for consumer '%s'", cl.path("id")))
	}
	delete(cl.st.Allocations, cl.path("id"))
	return noContent()
}

// readResources reads "VCPU:2,MEMORY_MB:1024".
func readResources(text string) (map[string]int, *apiError) {
	out := map[string]int{}
	if text == "" {
		return out, nil
	}
	for _, part := range strings.Split(text, ",") {
		class, amount, found := strings.Cut(part, ":")
		n, err := strconv.Atoi(amount)
		if !found || err != nil || n < 1 {
			return nil, placementBad("Badly formed resources parameter. Expected resources query string parameter in form: "+
				"?resources=VCPU:2,MEMORY_MB:1024. Got: %s.", text)
		}
		out[class] = n
	}
	return out, nil
}

func listCandidates(cl *call) (reply, *apiError) {
	need, fail := readResources(cl.query.Get("resources"))
	if fail != nil {
		return refuse(fail)
	}
	if len(need) == 0 {
		return refuse(placementBad("All request groups must specify resources."))
	}
	limit, fail := queryLimit(cl.query)
	if fail != nil {
		return refuse(fail)
	}
	requests, summaries := []any{}, map[string]any{}
	for _, p := range inOrder(cl.st.Providers, func(p *provider) bool {
		member := strings.TrimPrefix(cl.query.Get("member_of"), "in:")
		return cl.st.hasRoom(p.ID, need) && traitsFit(cl.query.Get("required"), p.Traits) &&
			(member == "" || slices.ContainsFunc(strings.Split(member, ","), func(a string) bool { return slices.Contains(p.Aggregates, a) }))
	}) {
		if limit > 0 && len(requests) == limit {
			break
		}
		requests = append(requests, map[string]any{
			"allocations": map[string]any{p.ID: map[string]any{"resources": need}},
			"mappings":    map[string][]string{"": {p.ID}},
		})
		used, res := cl.st.usages(p.ID), map[string]any{}
		for class, inv := range p.Inventories {
			res[class] = map[string]int{"capacity": inv.capacity(), "used": used[class]}
		}
		summaries[p.ID] = map[string]any{
			"resources": res, "traits": orEmpty(p.Traits), "parent_provider_uuid": orNil(p.ParentID),
			"root_provider_uuid": cl.st.rootOf(p),
		}
	}
	return ok(map[string]any{"allocation_requests": requests, "provider_summaries": summaries})
}

// showUsages groups by the type of consumer, as microversion 1.38 does, and plainly before.
func showUsages(cl *call) (reply, *apiError) {
	project := cl.query.Get("project_id")
	if project == "" {
		return refuse(placementBad("Invalid query string parameters: 'project_id' is a required property"))
	}
	plain, byKind := map[string]int{}, map[string]map[string]int{}
	for _, c := range cl.st.Allocations {
		if c.ProjectID != project || cl.query.Has("user_id") && c.UserID != cl.query.Get("user_id") {
			continue
		}
		kind := orDefault(c.Kind, "unknown")
		if byKind[kind] == nil {
			byKind[kind] = map[string]int{}
		}
		byKind[kind]["consumer_count"]++
		for _, res := range c.Resources {
			for class, n := range res {
				plain[class] += n
				byKind[kind][class] += n
			}
		}
	}
	if placementMinor(cl.r) >= 38 {
		return ok(map[string]any{"usages": byKind})
	}
	return ok(map[string]any{"usages": plain})
}

func placementMinor(r *http.Request) int {
	v, _ := strings.CutPrefix(r.Header.Get("Openstack-Api-Version"), "placement ")
	if v == "latest" {
		return 39
	}
	_, minor, _ := strings.Cut(v, ".")
	n, err := strconv.Atoi(minor)
	if err != nil {
		return 0
	}
	return n
}

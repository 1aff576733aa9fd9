package sim

import (
	"encoding/json"
	"maps"
)

// usages sums up what consumers took from a provider.
func (s *state) usages(providerID string) map[string]int {
	out := map[string]int{}
	for _, c := range s.Allocations {
		for class, n := range c.Resources[providerID] {
			out[class] += n
		}
	}
	return out
}

func (s *state) consumersOf(providerID string) map[string]*consumer {
	out := map[string]*consumer{}
	for id, c := range s.Allocations {
		if len(c.Resources[providerID]) > 0 {
			out[id] = c
		}
	}
	return out
}

func showInventories(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(inventoriesView(p))
}

func inventoriesView(p *provider) map[string]any {
	return map[string]any{"inventories": p.Inventories, "resource_provider_generation": p.Generation}
}

func readInventory(raw json.RawMessage) (inventory, error) {
	inv := inventory{MinUnit: 1, MaxUnit: 2147483647, StepSize: 1, AllocationRatio: 1}
	err := json.Unmarshal(raw, &inv)
	return inv, err
}

func replaceInventories(cl *call) (reply, *apiError) {
	var body struct {
		Generation  int                        `json:"resource_provider_generation"`
		Inventories map[string]json.RawMessage `json:"inventories"`
	}
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	if body.Generation != p.Generation {
		return refuse(errGeneration())
	}
	next := map[string]inventory{}
	for class, raw := range body.Inventories {
		inv, err := readInventory(raw)
		if err != nil || inv.Total < 1 || !cl.st.Classes[class] {
			return refuse(placementBad("Unknown resource class in inventory for resource provider %s: No such resource class %s.", p.ID, class))
		}
		next[class] = inv
	}
	for class := range cl.st.usages(p.ID) {
		if _, kept := next[class]; !kept {
			return refuse(errInventoryInUse(p, class))
		}
	}
	p.Inventories = next
	p.Generation++
	return ok(inventoriesView(p))
}

func errInventoryInUse(p *provider, class string) *apiError {
	return placementConflict("placement.inventory.inuse",
		"update conflict: Inventory for '%s' on resource provider '%s' in use.", class, p.ID)
}

func clearInventories(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	for class := range cl.st.usages(p.ID) {
		return refuse(errInventoryInUse(p, class))
	}
	p.Inventories = map[string]inventory{}
	p.Generation++
	return noContent()
}

func inventoryView(p *provider, inv inventory) map[string]any {
	return map[string]any{
		"resource_provider_generation": p.Generation, "total": inv.Total, "reserved": inv.Reserved,
		"min_unit": inv.MinUnit, "max_unit": inv.MaxUnit, "step_size": inv.StepSize, "allocation_ratio": inv.AllocationRatio,
	}
}

func showInventory(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	inv, found := p.Inventories[cl.path("class")]
	if !found {
		return refuse(placementMissing("No inventory of class %s for %s", cl.path("class"), p.ID))
	}
	return ok(inventoryView(p, inv))
}

func updateInventory(cl *call) (reply, *apiError) {
	var head struct {
		Generation *int `json:"resource_provider_generation"`
	}
	if fail := cl.decode(&head); fail != nil {
		return refuse(fail)
	}
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	class := cl.path("class")
	inv, err := readInventory(cl.body)
	if err != nil || inv.Total < 1 || !cl.st.Classes[class] {
		return refuse(placementBad("JSON does not validate: inventory of %s", class))
	}
	if head.Generation == nil || *head.Generation != p.Generation {
		return refuse(errGeneration())
	}
	next := maps.Clone(p.Inventories)
	next[class] = inv
	p.Inventories = next
	p.Generation++
	return ok(inventoryView(p, inv))
}

func deleteInventory(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	class := cl.path("class")
	if _, found := p.Inventories[class]; !found {
		return refuse(placementMissing("No inventory of class %s found for delete", class))
	}
	if cl.st.usages(p.ID)[class] > 0 {
		return refuse(errInventoryInUse(p, class))
	}
	next := maps.Clone(p.Inventories)
	delete(next, class)
	p.Inventories = next
	p.Generation++
	return noContent()
}

func showProviderUsages(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	used := cl.st.usages(p.ID)
	for class := range p.Inventories {
		used[class] += 0
	}
	return ok(map[string]any{"usages": used, "resource_provider_generation": p.Generation})
}

func showProviderAllocations(cl *call) (reply, *apiError) {
	p, fail := cl.providerInPath()
	if fail != nil {
		return refuse(fail)
	}
	items := map[string]any{}
	for id, c := range cl.st.consumersOf(p.ID) {
		items[id] = map[string]any{"resources": maps.Clone(c.Resources[p.ID]), "consumer_generation": c.Generation}
	}
	return ok(map[string]any{"allocations": items, "resource_provider_generation": p.Generation})
}

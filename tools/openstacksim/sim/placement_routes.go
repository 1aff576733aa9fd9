package sim

import "net/http"

func (c *Cloud) placementRoutes() {
	h := func(method, path string, fn handlerFunc) {
		c.handle(placement, method+" /placement/"+path, placementAdmin(fn))
	}
	h("GET", "resource_providers", listProviders)
	h("POST", "resource_providers", createProvider)
	h("GET", "resource_providers/{id}", showProvider)
	h("PUT", "resource_providers/{id}", updateProvider)
	h("DELETE", "resource_providers/{id}", deleteProvider)
	h("GET", "resource_providers/{id}/inventories", showInventories)
	h("PUT", "resource_providers/{id}/inventories", replaceInventories)
	h("DELETE", "resource_providers/{id}/inventories", clearInventories)
	h("GET", "resource_providers/{id}/inventories/{class}", showInventory)
	h("PUT", "resource_providers/{id}/inventories/{class}", updateInventory)
	h("DELETE", "resource_providers/{id}/inventories/{class}", deleteInventory)
	h("GET", "resource_providers/{id}/usages", showProviderUsages)
	h("GET", "resource_providers/{id}/allocations", showProviderAllocations)
	h("GET", "resource_providers/{id}/traits", showProviderTraits)
	h("PUT", "resource_providers/{id}/traits", setProviderTraits)
	h("DELETE", "resource_providers/{id}/traits", clearProviderTraits)
	h("GET", "resource_providers/{id}/aggregates", showProviderAggregates)
	h("PUT", "resource_providers/{id}/aggregates", setProviderAggregates)
	h("GET", "traits", listTraits)
	h("GET", "traits/{name}", showTrait)
	h("PUT", "traits/{name}", createTrait)
	h("DELETE", "traits/{name}", deleteTrait)
	h("GET", "resource_classes", listClasses)
	h("GET", "resource_classes/{name}", showClass)
	h("PUT", "resource_classes/{name}", createClass)
	h("GET", "allocations/{id}", showAllocations)
	h("PUT", "allocations/{id}", setAllocations)
	h("DELETE", "allocations/{id}", deleteAllocations)
	h("GET", "allocation_candidates", listCandidates)
	h("GET", "usages", showUsages)
}

func placementConflict(code, format string, args ...any) *apiError {
	e := failf(http.StatusConflict, "There was a conflict when trying to complete your request.\n\n "+format+"  ", args...)
	e.code = code
	return e
}

func placementMissing(format string, args ...any) *apiError {
	e := failf(http.StatusNotFound, "The resource could not be found.\n\n "+format+"  ", args...)
	e.code = "placement.undefined_code"
	return e
}

func placementBad(format string, args ...any) *apiError {
	e := failf(http.StatusBadRequest, "The server could not comply with the request since it is either malformed or "+
		"otherwise incorrect.\n\n "+format+"  ", args...)
	e.code = "placement.undefined_code"
	return e
}

const concurrentUpdate = "placement.concurrent_update"

func errGeneration() *apiError {
	return placementConflict(concurrentUpdate, "resource provider generation conflict")
}

package sim

const novaPrefix = "/compute/v2.1/"

func (c *Cloud) novaRoutes() {
	h := func(method, path string, fn handlerFunc, flags ...routeFlags) {
		c.handle(nova, method+" "+novaPrefix+path, fn, flags...)
	}
	admin := func(method, path, policy string, fn handlerFunc) { h(method, path, novaAdmin(policy, fn)) }

	h("GET", "flavors", listFlavors(false))
	h("GET", "flavors/detail", listFlavors(true))
	h("GET", "flavors/{id}", showFlavor)
	admin("POST", "flavors", "os-flavor-manage:create", createFlavor)
	admin("PUT", "flavors/{id}", "os-flavor-manage:update", updateFlavor)
	admin("DELETE", "flavors/{id}", "os-flavor-manage:delete", deleteFlavor)
	admin("GET", "flavors/{id}/os-flavor-access", "os-flavor-access", listFlavorAccess)
	admin("POST", "flavors/{id}/action", "os-flavor-access:add_tenant_access", changeFlavorAccess)
	h("GET", "flavors/{id}/os-extra_specs", listExtraSpecs)
	h("GET", "flavors/{id}/os-extra_specs/{key}", showExtraSpec)
	admin("POST", "flavors/{id}/os-extra_specs", "os-flavor-extra-specs:create", setExtraSpecs)
	admin("PUT", "flavors/{id}/os-extra_specs/{key}", "os-flavor-extra-specs:update", setExtraSpec)
	admin("DELETE", "flavors/{id}/os-extra_specs/{key}", "os-flavor-extra-specs:delete", deleteExtraSpec)

	h("GET", "os-keypairs", listKeypairs)
	h("POST", "os-keypairs", createKeypair)
	h("GET", "os-keypairs/{name}", showKeypair)
	h("DELETE", "os-keypairs/{name}", deleteKeypair)

	h("GET", "os-server-groups", listServerGroups)
	h("POST", "os-server-groups", createServerGroup)
	h("GET", "os-server-groups/{id}", showServerGroup)
	h("DELETE", "os-server-groups/{id}", deleteServerGroup)

	admin("GET", "os-aggregates", "os-aggregates:index", listAggregates)
	admin("POST", "os-aggregates", "os-aggregates:create", createAggregate)
	admin("GET", "os-aggregates/{id}", "os-aggregates:show", showAggregate)
	admin("PUT", "os-aggregates/{id}", "os-aggregates:update", updateAggregate)
	admin("DELETE", "os-aggregates/{id}", "os-aggregates:delete", deleteAggregate)
	admin("POST", "os-aggregates/{id}/action", "os-aggregates:add_host", actOnAggregate)

	admin("GET", "os-hypervisors", "os-hypervisors:list", listHypervisors(false))
	admin("GET", "os-hypervisors/detail", "os-hypervisors:list-detail", listHypervisors(true))
	admin("GET", "os-hypervisors/statistics", "os-hypervisors:statistics", hypervisorStatistics)
	admin("GET", "os-hypervisors/{id}", "os-hypervisors:show", showHypervisor)
	admin("GET", "os-services", "os-services:list", listComputeServices)
	admin("PUT", "os-services/{id}", "os-services:update", updateComputeService)
	h("GET", "os-availability-zone", listZones)

	h("GET", "os-quota-sets/{id}", showNovaQuota(false))
	h("GET", "os-quota-sets/{id}/detail", showNovaQuota(true))
	h("GET", "os-quota-sets/{id}/defaults", showNovaQuotaDefaults)
	admin("PUT", "os-quota-sets/{id}", "os-quota-sets:update", setNovaQuota)
	admin("DELETE", "os-quota-sets/{id}", "os-quota-sets:delete", resetNovaQuota)
	h("GET", "limits", showLimits)

	h("POST", "servers", createServers)
	h("GET", "servers", listServers(false))
	h("GET", "servers/detail", listServers(true))
	h("GET", "servers/{id}", showServer)
	h("PUT", "servers/{id}", updateServer)
	h("DELETE", "servers/{id}", deleteServer)
	h("POST", "servers/{id}/action", actOnServer)
	h("GET", "servers/{id}/metadata", showServerMetadata)
	h("PUT", "servers/{id}/metadata", setServerMetadata(true))
	h("POST", "servers/{id}/metadata", setServerMetadata(false))
	h("GET", "servers/{id}/os-interface", listServerInterfaces)
	h("GET", "servers/{id}/ips", showServerAddresses)
	h("GET", "servers/{id}/os-volume_attachments", listServerVolumes)
	h("POST", "servers/{id}/os-volume_attachments", attachServerVolume)
	h("GET", "servers/{id}/os-volume_attachments/{volume}", showServerVolume)
	h("DELETE", "servers/{id}/os-volume_attachments/{volume}", detachServerVolume)
}

func errNova404(kind, id string) *apiError {
	return failf(404, "%s %s could not be found.", kind, id)
}

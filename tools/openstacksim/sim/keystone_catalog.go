package sim

type catalogService struct {
	id, kind, name, path string
}

var catalogServices = []catalogService{
	{"c0000000000000000000000000000001", "identity", "keystone", "/identity"},
	{"c0000000000000000000000000000002", "network", "neutron", "/networking"},
	{"c0000000000000000000000000000003", "compute", "nova", "/compute/v2.1"},
	{"c0000000000000000000000000000004", "placement", "placement", "/placement"},
	{"c0000000000000000000000000000005", "image", "glance", "/image"},
	{"c0000000000000000000000000000006", "block-storage", "cinder", "/volume/v3"},
}

var endpointInterfaces = []string{"public", "internal", "admin"}

// catalog points at the host the request came to, so that one process can be reached
// under several names, but for services that the options have elsewhere.
func (cl *call) catalog() []any {
	out := make([]any, 0, len(catalogServices))
	for _, s := range catalogServices {
		endpoints := make([]any, 0, len(endpointInterfaces))
		for _, e := range cl.endpointsOf(s) {
			delete(e, "service_id")
			delete(e, "enabled")
			delete(e, "links")
			endpoints = append(endpoints, e)
		}
		out = append(out, map[string]any{"id": s.id, "type": s.kind, "name": s.name, "endpoints": endpoints})
	}
	return out
}

func (cl *call) endpointsOf(s catalogService) []map[string]any {
	out := make([]map[string]any, 0, len(endpointInterfaces))
	base := orDefault(cl.cloud.opts.Endpoints[s.kind], cl.baseURL())
	for i, face := range endpointInterfaces {
		id := "e" + s.id[1:31] + string(rune('a'+i))
		out = append(out, map[string]any{
			"id": id, "interface": face, "region": cl.cloud.opts.Region, "region_id": cl.cloud.opts.Region,
			"url": base + s.path, "service_id": s.id, "enabled": true, "links": cl.selfLink("endpoints", id),
		})
	}
	return out
}

func showCatalog(cl *call) (reply, *apiError) {
	return ok(map[string]any{"catalog": cl.catalog(), "links": cl.selfLink("auth", "catalog")})
}

func listServices(cl *call) (reply, *apiError) {
	items := []any{}
	for _, s := range catalogServices {
		if fits(cl.query, map[string]string{"type": s.kind, "name": s.name}) {
			items = append(items, map[string]any{
				"id": s.id, "type": s.kind, "name": s.name, "enabled": true, "links": cl.selfLink("services", s.id),
			})
		}
	}
	return cl.collection("services", items)
}

func listEndpoints(cl *call) (reply, *apiError) {
	items := []any{}
	for _, s := range catalogServices {
		for i, e := range cl.endpointsOf(s) {
			if fits(cl.query, map[string]string{
				"service_id": s.id, "interface": endpointInterfaces[i], "region": cl.cloud.opts.Region, "region_id": cl.cloud.opts.Region,
			}) {
				items = append(items, e)
			}
		}
	}
	return cl.collection("endpoints", items)
}

func (cl *call) regionView() map[string]any {
	id := cl.cloud.opts.Region
	return map[string]any{"id": id, "description": "", "parent_region_id": nil, "links": cl.selfLink("regions", id)}
}

func listRegions(cl *call) (reply, *apiError) {
	return cl.collection("regions", []any{cl.regionView()})
}

func showRegion(cl *call) (reply, *apiError) {
	if cl.path("id") != cl.cloud.opts.Region {
		return refuse(errMissing("region", cl.path("id")))
	}
	return ok(map[string]any{"region": cl.regionView()})
}

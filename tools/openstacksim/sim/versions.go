package sim

import (
	"net/http"
	"strings"
)

// novaVersion echoes the requested microversion: responses are a superset that suits all of them.
func novaVersion(r *http.Request) string {
	if v := r.Header.Get("X-Openstack-Nova-Api-Version"); v != "" && v != "latest" {
		return v
	}
	if v, found := strings.CutPrefix(r.Header.Get("Openstack-Api-Version"), "compute "); found && v != "latest" {
		return v
	}
	return "2.1"
}

func (cl *call) versionView(id, path, minimum, maximum string) map[string]any {
	return map[string]any{
		"id": id, "status": "CURRENT", "updated": "2022-10-05T00:00:00Z", "min_version": minimum,
		"version": maximum, "max_version": maximum,
		"links": []any{map[string]any{"rel": "self", "href": cl.baseURL() + path}},
	}
}

func identityVersions(cl *call) (reply, *apiError) {
	v := map[string]any{"values": []any{cl.versionView("v3.14", "/identity/v3/", "", "")}}
	return reply{status: http.StatusMultipleChoices, body: map[string]any{"versions": v}}, nil
}

func identityVersion(cl *call) (reply, *apiError) {
	return ok(map[string]any{"version": cl.versionView("v3.14", "/identity/v3/", "", "")})
}

func versions(id, path, minimum, maximum string) handlerFunc {
	return func(cl *call) (reply, *apiError) {
		return ok(map[string]any{"versions": []any{cl.versionView(id, path, minimum, maximum)}})
	}
}

func (c *Cloud) versionRoutes() {
	v := func(svc service, pattern string, fn handlerFunc) {
		c.handle(svc, "GET "+pattern+"/{$}", fn, public)
		c.handle(svc, "GET "+pattern, fn, public)
	}
	v(keystone, "/identity", identityVersions)
	v(keystone, "/identity/v3", identityVersion)
	v(neutron, "/networking", versions("v2.0", "/networking/v2.0/", "", ""))
	v(nova, "/compute", versions("v2.1", "/compute/v2.1/", "2.1", "2.93"))
	v(placement, "/placement", versions("v1.0", "", "1.0", "1.39"))
	v(cinder, "/volume", versions("v3.0", "/volume/v3/", "3.0", "3.70"))
	v(glance, "/image", versions("v2.15", "/image/v2/", "", ""))
	c.handle(nova, "GET /compute/v2.1/{$}", func(cl *call) (reply, *apiError) {
		return ok(map[string]any{"version": cl.versionView("v2.1", "/compute/v2.1/", "2.1", "2.93")})
	}, public)
}

// routes registers all paths of the cloud.
func (c *Cloud) routes() {
	c.versionRoutes()
	c.keystoneRoutes()
	c.neutronRoutes()
	c.novaRoutes()
	c.placementRoutes()
	c.glanceRoutes()
	c.cinderRoutes()
	c.simRoutes()
	c.handle(unrouted, "/", func(*call) (reply, *apiError) {
		return refuse(failf(http.StatusNotFound, "The resource could not be found."))
	}, public)
}

package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/services/gateway/internal/app"
)

func TestConfig_noIssuer_allowsLoopbackOnly(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:8080": true, "127.1.2.3:0": true, "[::1]:8080": true, "localhost:8080": true, "[::ffff:127.0.0.1]:80": true,
		"0.0.0.0:8080": false, ":8080": false, "[::]:8080": false, "192.168.1.2:8080": false, "example.com:8080": false, "8080": false,
		"127.0.0.1.example.com:80": false,
	} {
		_, err := config.Load[app.Config](app.Prefix, []string{app.Prefix + "LISTEN=" + address})
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "LOWLAYER_GATEWAY_LISTEN") || !strings.Contains(err.Error(), "not authenticated")) {
			t.Errorf("%s: the message does not help: %v", address, err)
		}
	}
}

func TestConfig_badSettings_areAllReported(t *testing.T) {
	_, err := config.Load[app.Config](app.Prefix, []string{
		app.Prefix + "LISTEN=0.0.0.0:1", app.Prefix + "ADMIN_LISTEN=x", app.Prefix + "TENANT_TARGET= ", app.Prefix + "TIMEOUT=0s",
		app.Prefix + "MAX_STREAMS=0", app.Prefix + "PAGE_TOKEN_KEY=short",
		app.Prefix + "REDIS_URL=nowhere", app.Prefix + "RATE_CALLER_GET=3", app.Prefix + "RATE_ADDRESS=10000001",
	})
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, v := range []string{"LISTEN", "ADMIN_LISTEN", "TENANT_TARGET", "TIMEOUT", "MAX_STREAMS", "PAGE_TOKEN_KEY", "REDIS_URL", "RATE_CALLER_GET", "RATE_ADDRESS"} {
		if !strings.Contains(err.Error(), app.Prefix+v+":") {
			t.Errorf("%s is not reported: %v", v, err)
		}
	}
}

func TestPages(t *testing.T) {
	e := newEdge(t)
	if got := e.do("GET", "/", "", nil); got.status != 302 || got.header.Get("Location") != "/docs" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	for path, kind := range map[string]string{
		"/docs": "text/html", "/docs/app.js": "text/javascript", "/docs/app.css": "text/css", "/openapi.json": "application/json",
		"/problems": "text/html", "/problems/CIDR_OVERLAP": "text/html",
	} {
		got := e.do("GET", path, "", nil)
		if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), kind) || len(got.body) == 0 {
			t.Errorf("%s: got %d %v", path, got.status, got.header)
		}
		if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") {
			t.Errorf("%s: the content policy is %q", path, csp)
		}
		if tag := got.header.Get("Etag"); tag != "" {
			if again := e.do("GET", path, "", headers{"If-None-Match": tag}); again.status != 304 || len(again.body) != 0 {
				t.Errorf("%s: again answers %d", path, again.status)
			}
		}
	}
	if got := e.do("GET", "/problems/NOTHING_LIKE_IT", "", nil); got.status != 404 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := e.do("POST", "/docs", "{}", nil); got.status != 405 || got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	var doc struct {
		OpenAPI string `json:"openapi"`
	}
	if err := json.Unmarshal(e.do("GET", "/openapi.json", "", nil).body, &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Errorf("got %+v, %v", doc, err)
	}
}

func TestAdminPort(t *testing.T) {
	e := newEdge(t)
	e.url = e.admin
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		if got := e.do("GET", path, "", nil); got.status != 200 {
			t.Errorf("%s answers %d %s", path, got.status, got.body)
		}
	}
}

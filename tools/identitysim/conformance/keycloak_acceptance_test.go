//go:build acceptance

package conformance_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/low-layer/platform/tools/identitysim/conformance"
)

// TestKeycloak runs the suite against the Keycloak that the environment names: LOWLAYER_TEST_KEYCLOAK_URL, and
// LOWLAYER_TEST_KEYCLOAK_ADMIN with LOWLAYER_TEST_KEYCLOAK_PASSWORD, an administrator of its realm master.
func TestKeycloak(t *testing.T) {
	url := os.Getenv("LOWLAYER_TEST_KEYCLOAK_URL")
	if url == "" {
		t.Log("no Keycloak is named: LOWLAYER_TEST_KEYCLOAK_URL is needed")
		return
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	conformance.Run(t, conformance.Target{
		URL: url, AdminUser: os.Getenv("LOWLAYER_TEST_KEYCLOAK_ADMIN"), AdminPassword: os.Getenv("LOWLAYER_TEST_KEYCLOAK_PASSWORD"),
		HTTP: &http.Client{Transport: transport},
	})
}

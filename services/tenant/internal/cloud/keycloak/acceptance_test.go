//go:build acceptance

package keycloak_test

import (
	"os"
	"testing"
	"time"

	"github.com/low-layer/platform/services/tenant/internal/cloud/directorytest"
)

// TestRealKeycloakConforms runs the same suite against the Keycloak of LOWLAYER_TEST_KEYCLOAK_URL, as the administrator
// LOWLAYER_TEST_KEYCLOAK_ADMIN with LOWLAYER_TEST_KEYCLOAK_PASSWORD.
func TestRealKeycloakConforms(t *testing.T) {
	base := os.Getenv("LOWLAYER_TEST_KEYCLOAK_URL")
	if base == "" {
		t.Fatal("set LOWLAYER_TEST_KEYCLOAK_URL to the Keycloak to test")
	}
	cfg := directorytest.Realm(t, base, os.Getenv("LOWLAYER_TEST_KEYCLOAK_ADMIN"), os.Getenv("LOWLAYER_TEST_KEYCLOAK_PASSWORD"))
	cfg.Timeout = time.Minute // the machine may be busy; the suite checks responses, not their speed
	directorytest.Run(t, cfg)
}

package app_test

import (
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/config"
	"github.com/low-layer/platform/services/network/internal/app"
)

func check(environ []string) error {
	_, err := config.Load[app.Config]("LOWLAYER_NETWORK_", environ)
	return err
}

func TestConfig_wrongSettings_areAllNamed(t *testing.T) {
	err := check([]string{
		"LOWLAYER_NETWORK_DRIFT_INTERVAL=0s", "LOWLAYER_NETWORK_ISOLATION_INTERVAL=-1s", "LOWLAYER_NETWORK_DRIFT_AGE=-1s", "LOWLAYER_NETWORK_DATABASE_MAX_CONNS=1",
		"LOWLAYER_NETWORK_WORKERS=0", "LOWLAYER_NETWORK_RECEIPT_KEY=x", "LOWLAYER_NETWORK_RECEIPT_OLD_KEYS=y",
		"LOWLAYER_NETWORK_REDIS_URL=redis://localhost", "LOWLAYER_NETWORK_DATABASE_URL=postgres://localhost/x",
	})
	if err == nil {
		t.Fatal("nothing was found")
	}
	for _, variable := range []string{"DRIFT_INTERVAL", "ISOLATION_INTERVAL", "DRIFT_AGE", "DATABASE_MAX_CONNS", "WORKERS", "RECEIPT_KEY", "RECEIPT_OLD_KEYS"} {
		if !strings.Contains(err.Error(), "LOWLAYER_NETWORK_"+variable) || strings.Contains(err.Error(), "LOWLAYER_NETWORK_LOWLAYER") {
			t.Errorf("%v does not name %s", err, variable)
		}
	}
	good := []string{"LOWLAYER_NETWORK_DATABASE_URL=postgres://localhost/x", "LOWLAYER_NETWORK_REDIS_URL=redis://localhost", "LOWLAYER_NETWORK_RECEIPT_KEY=" + receiptKey}
	if err := check(good); err != nil {
		t.Error(err)
	}
	if err := check(nil); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") || !strings.Contains(err.Error(), "REDIS_URL") || !strings.Contains(err.Error(), "RECEIPT_KEY") {
		t.Errorf("got %v", err)
	}
}
